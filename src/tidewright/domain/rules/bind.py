"""Parameters and columns put into an expression; what then depends on constants alone is computed at once."""

from collections.abc import Mapping

import numpy as np

from tidewright.domain.rules.errors import OutOfRange, RuleError
from tidewright.domain.rules.expression import DEPTH_LIMIT, SIZE_LIMIT, Apply, Constant, Expression, Name, Node, On
from tidewright.domain.rules.function import LAG, Reach
from tidewright.domain.rules.vocabulary import WORDS

_DECIDES = {"or": True, "and": False}
"""The left side that settles the operator, whatever is on the right."""


def constant(value: float | bool | str) -> Constant:
    """A value as a node; of the two zeros, the positive one, as nodes that are equal must mean the same."""
    return Constant(value if isinstance(value, bool | str) else float(value) + 0.0)


def bind(expression: Expression, values: Mapping[str, Node]) -> Node:
    """The expression with every name replaced by its value: constants for parameters, bound nodes for columns.

    Operators on constants are computed, and the right side of an ``and`` or ``or`` that its left side decides is left out: with
    ``trend`` 0, ``trend == 0 or close > sma(close, trend)`` is simply true and needs no warm-up.

    The expression must have passed `check`. Raises OutOfRange for a window, a lag or a width that no value allows, and RuleError
    where the result is deeper or larger than the language allows.
    """
    with np.errstate(all="ignore"):
        return _bind(expression, expression.root, values)


def _bind(expression: Expression, node: Node, values: Mapping[str, Node]) -> Node:
    if isinstance(node, Name):
        return values[node.name]
    if isinstance(node, On):
        return _on_longer(expression, node, _bind(expression, node.operand, values))
    if not isinstance(node, Apply):
        return node
    left = [_bind(expression, node.arguments[0], values)] if node.arguments else []
    if node.function in _DECIDES and isinstance(left[0], Constant):
        decided = left[0].value == _DECIDES[node.function]
        return left[0] if decided else _bind(expression, node.arguments[1], values)
    arguments = (*left, *(_bind(expression, argument, values) for argument in node.arguments[1:]))
    function = WORDS[node.function]
    constants = [argument for argument in arguments if isinstance(argument, Constant)]
    if function.reach is Reach.BAR and len(constants) == len(arguments):
        return constant(function.compute(*map(scalar, constants)).item())
    arguments = tuple(_in_range(expression, node, index, argument) for index, argument in enumerate(arguments))
    return _limited(expression, Apply(node.function, arguments, node.start, node.end))


def _on_longer(expression: Expression, node: On, operand: Node) -> Node:
    if isinstance(operand, Constant):
        return operand  # on whatever bars
    return _limited(expression, On(operand, node.timeframe, node.start, node.end))


def _limited(expression: Expression, bound: Apply | On) -> Node:
    if bound.depth > DEPTH_LIMIT or bound.size > SIZE_LIMIT:
        message = (
            f"with its columns written out this is {bound.depth} operations deep and {bound.size:,} words long; "
            f"the most are {DEPTH_LIMIT} and {SIZE_LIMIT:,}"
        )
        raise RuleError(message, expression.text, bound.start)
    return bound


def scalar(node: Constant) -> np.float64 | np.bool_:
    """A constant as the operators take it: with numpy's arithmetic, in which nothing raises."""
    return np.bool_(node.value) if isinstance(node.value, bool) else np.float64(node.value)


def _in_range(expression: Expression, node: Apply, index: int, argument: Node) -> Node:
    """A window or a lag as an int, a width as a float, everything else as it is."""
    function = WORDS[node.function]
    name, need = function.argument(index)
    if not need.constant or not isinstance(argument, Constant) or isinstance(argument.value, str):
        return argument
    if not need.low <= argument.value <= need.high:
        source = expression.source(node.arguments[index])
        value = f"{argument.value:,.10g}"
        message = (
            f"`{name}` of `{function.signature}` must be from {need.low:,} to {need.high:,}; "
            + (f"it is {value}" if source == value else f"`{source}` is {value}")
            + (", and a rule cannot look ahead" if need is LAG and argument.value < 0 else "")
        )
        names = Expression(expression.text, node.arguments[index]).names()
        raise OutOfRange(message, expression.text, node.arguments[index].start, frozenset(names))
    return Constant(int(argument.value) if need.whole else float(argument.value))
