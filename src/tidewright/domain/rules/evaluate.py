"""A bound expression to an array, without Python per bar."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from tidewright.domain.bars import Bars
from tidewright.domain.longer import Longer, longer
from tidewright.domain.rules.bind import scalar
from tidewright.domain.rules.expression import Apply, Constant, Name, Node, On, Series
from tidewright.domain.rules.function import Function, Reach
from tidewright.domain.rules.memo import Array, Memo
from tidewright.domain.rules.vocabulary import SERIES, WORDS

Known: TypeAlias = Mapping[Node, Array]

_Value: TypeAlias = Array | np.float64 | np.bool_
_NOTHING: Known = MappingProxyType({})


def evaluate(node: Node, bars: Bars, memo: Memo | None = None, known: Known = _NOTHING) -> Array:
    """The value of a bound expression at every bar, shape (n,): float64, or bool of a condition.

    The value at bar i uses bars up to and including i. It is NaN, or false, where history does not reach. Indicators and what is
    on longer bars are taken from `memo` and put there, any part that is in `known` from there. The result may be one of these
    arrays, or a column of the bars: it must not be written to.
    """
    with np.errstate(all="ignore"):
        value = _Evaluation(bars, Memo() if memo is None else memo, known).value(node)
    return _spread(value, len(bars))


class _Evaluation:
    def __init__(self, bars: Bars, memo: Memo, known: Known, timeframe: str = "") -> None:
        self.bars = bars
        self.memo = memo
        self.known = known
        self.timeframe = timeframe

    def value(self, node: Node) -> _Value:
        """An array of shape (n,), or a scalar where the expression is a constant."""
        match node:
            case Constant():
                return scalar(node)
            case Series(name):
                return SERIES[name](self.bars)
            case Name(name):
                raise KeyError(f"{name!r} is not bound")
            case Apply() | On():
                known = self.known.get(node) if self.known else None
                return self.computed(node) if known is None else known

    def computed(self, node: Apply | On) -> _Value:
        if isinstance(node, Apply):
            return self.applied(node)
        return self.memo.recall(node, lambda: (self.on_longer(node),))[0]

    def on_longer(self, node: On) -> Array:
        """Columns of the strategy's own bars, `known` here, are not known there."""
        made: Longer = self.memo.recall(node.timeframe, lambda: longer(self.bars, node.timeframe))
        there = _Evaluation(made.bars, self.memo, _NOTHING, node.timeframe)
        return made.aligned(_spread(there.value(node.operand), len(made.bars)))

    def applied(self, node: Apply) -> _Value:
        function = WORDS[node.function]
        if function.reach is not Reach.HISTORY:
            result: _Value = function.compute(*self.operands(function, node))
            return result
        key = (self.timeframe, function.compute, function.prices, node.arguments)
        return self.memo.recall(key, lambda: self.outputs(function, node))[function.output]

    def outputs(self, function: Function, node: Apply) -> tuple[Array, ...]:
        result: Array | tuple[Array, ...] = function.compute(*self.operands(function, node))
        return result if isinstance(result, tuple) else (result,)

    def operands(self, function: Function, node: Apply) -> list[_Value | float | str]:
        prices = [SERIES[name](self.bars) for name in function.prices]
        return [*prices, *(self.operand(function, index, argument) for index, argument in enumerate(node.arguments))]

    def operand(self, function: Function, index: int, argument: Node) -> _Value | float | str:
        if isinstance(argument, Constant) and function.argument(index)[1].constant:
            return argument.value
        value = self.value(argument)
        return value if function.reach is Reach.BAR else _spread(value, len(self.bars))


def _spread(value: _Value, n: int) -> Array:
    if isinstance(value, np.ndarray):
        return value
    return np.full(n, value, dtype=np.bool_) if isinstance(value, np.bool_) else np.full(n, value, dtype=np.float64)
