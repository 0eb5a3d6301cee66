"""What the vocabulary is made of: functions and operators, what they need and what they give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

WINDOW_LIMIT = 10_000
"""The longest window, and the furthest look back, in bars."""


class Type(IntEnum):
    """What an expression gives. Arithmetic gives the latest of its operands' kinds of number."""

    WHOLE = 0
    NUMBER = 1
    SERIES = 2
    CONDITION = 3
    AVERAGE = 4
    CHOICE = 5

    @property
    def phrase(self) -> str:
        return _PHRASES[self]


_PHRASES = {
    Type.WHOLE: "a whole number",
    Type.NUMBER: "a number",
    Type.SERIES: "a number that changes from bar to bar",
    Type.CONDITION: "a condition",
    Type.AVERAGE: "a choice of average",
    Type.CHOICE: "a choice, which no rule can use",
}


@dataclass(frozen=True, slots=True)
class Need:
    """What an argument must be: of one of `types`, and where that is a constant, from `low` to `high`."""

    phrase: str
    plural: str
    types: frozenset[Type]
    low: float = float("-inf")
    high: float = float("inf")

    @property
    def constant(self) -> bool:
        """Whether the value is known before there are bars."""
        return not self.types & {Type.SERIES, Type.CONDITION}

    @property
    def whole(self) -> bool:
        return self.types == {Type.WHOLE}


VALUE = Need("a number", "numbers", frozenset({Type.WHOLE, Type.NUMBER, Type.SERIES}))
X = Need("a series such as `close`", "series", frozenset({Type.SERIES}))
WINDOW = Need("a whole number or an Int parameter", "whole numbers", frozenset({Type.WHOLE}), 1, WINDOW_LIMIT)
LAG = Need("a whole number or an Int parameter", "whole numbers", frozenset({Type.WHOLE}), 0, WINDOW_LIMIT)
WIDTH = Need("a number or a parameter", "numbers", frozenset({Type.WHOLE, Type.NUMBER}), 0, 1_000)
CONDITION = Need("a condition", "conditions", frozenset({Type.CONDITION}))
AVERAGE = Need("a Choice parameter of sma, ema or wma", "averages", frozenset({Type.AVERAGE}))


class Reach(Enum):
    """Which bars a function looks at, and so what may be done with its value."""

    BAR = "the bar itself: computed at once where every argument is a constant"
    BACK = "the bar and one further back: cheap, computed each time"
    HISTORY = "a stretch of bars: an indicator, remembered by a `Memo`"


def _nothing(*_constants: float | str) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Function:
    """A function or an operator.

    `compute` takes the bars' columns named in `prices`, then the arguments: windows as int, widths as float, averages as str, everything else as
    arrays of shape (n,), which for ``Reach.BAR`` may also be numpy scalars. Where it gives several arrays, `output` is the index of the
    one meant. `history` takes the constant arguments and gives the bars that must pass before the value may be believed.
    """

    name: str
    arguments: Mapping[str, Need]
    compute: Callable[..., Any]
    description: str
    result: Type = Type.SERIES
    reach: Reach = Reach.HISTORY
    history: Callable[..., int] = _nothing
    prices: tuple[str, ...] = ()
    output: int = 0
    variadic: bool = False

    @property
    def signature(self) -> str:
        """How it is written: ``sma(x, n)``."""
        return f"{self.name}({', '.join(self.arguments)}{', ...' if self.variadic else ''})"

    @property
    def optional(self) -> str | None:
        """The leading series argument, which is ``close`` where it is left out."""
        first = next(iter(self.arguments), None)
        return first if first is not None and self.arguments[first] is X else None

    def argument(self, index: int) -> tuple[str, Need]:
        """Name and need of the argument at `index`; the last one of a variadic function repeats."""
        return list(self.arguments.items())[min(index, len(self.arguments) - 1)]
