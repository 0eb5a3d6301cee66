"""The tree of an expression: five kinds of node, immutable, equal where they mean the same wherever they stand in a text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

DEPTH_LIMIT = 50
"""How many operations may be nested in one another, columns written out; it bounds every recursion over a tree."""

SIZE_LIMIT = 1_000
"""How many nodes a tree may have, columns written out: columns made of columns would else double it with every line."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a truth value, or the choice of a Choice parameter. An `int` was written as a whole number."""

    value: float | bool | str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    depth: ClassVar[int] = 0
    size: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Series:
    """A column of the bars, or one derived from a single bar's prices: ``close``, ``hl2``."""

    name: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    depth: ClassVar[int] = 0
    size: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter or a declared column, not yet looked up."""

    name: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    depth: ClassVar[int] = 0
    size: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or operator of the vocabulary on its arguments: ``sma(close, 10)``, ``a + b``, ``a crosses above b``."""

    function: str
    arguments: tuple["Node", ...]
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    depth: int = field(init=False, compare=False, repr=False)
    size: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + max((argument.depth for argument in self.arguments), default=0))
        object.__setattr__(self, "size", 1 + sum(argument.size for argument in self.arguments))


@dataclass(frozen=True, slots=True)
class On:
    """The value that an expression has on longer bars: ``rsi(14) on 4h``. The text of `timeframe` ends at `end`."""

    operand: "Node"
    timeframe: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    @property
    def depth(self) -> int:
        return self.operand.depth + 1

    @property
    def size(self) -> int:
        return self.operand.size + 1


Node: TypeAlias = Constant | Series | Name | Apply | On


@dataclass(frozen=True, slots=True)
class Expression:
    """A tree and the text it was read from; `start` and `end` of its nodes are offsets into that text."""

    text: str
    root: Node

    def source(self, node: Node) -> str:
        """The part of the text that `node` was read from."""
        return self.text[node.start : node.end]

    def names(self) -> set[str]:
        """The parameters and columns that the expression mentions."""
        return {node.name for node in walk(self.root) if isinstance(node, Name)}


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything under it, parents first."""
    yield node
    if isinstance(node, Apply):
        for argument in node.arguments:
            yield from walk(argument)
    if isinstance(node, On):
        yield from walk(node.operand)
