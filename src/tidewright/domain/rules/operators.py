"""The operators, by the symbol or word that stands between two expressions or before one.

A missing value (NaN) makes arithmetic missing and every comparison false, ``!=`` included.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tidewright.domain.bars import Booleans, Floats
from tidewright.domain.indicators.crossings import crosses_above, crosses_below
from tidewright.domain.rules.function import CONDITION, VALUE, Function, Need, Reach, Type


def _divide(a: Floats, b: Floats) -> Floats:
    return np.divide(a, np.where(np.equal(b, 0.0), np.nan, b))


def _differs(a: Floats, b: Floats) -> Booleans:
    return np.logical_or(np.less(a, b), np.greater(a, b))


def _between(name: str, need: Need, compute: Callable[..., Any], result: Type, description: str) -> Function:
    return Function(name, {"a": need, "b": need}, compute, description, result, Reach.BAR)


def _crossing(name: str, compute: Callable[..., Any], description: str) -> Function:
    arguments = {"a": VALUE, "b": VALUE}
    return Function(name, arguments, compute, description, Type.CONDITION, Reach.BACK, history=lambda: 1)


OPERATORS: Mapping[str, Function] = {
    function.name: function
    for function in (
        _between("or", CONDITION, np.logical_or, Type.CONDITION, "at least one side holds"),
        _between("and", CONDITION, np.logical_and, Type.CONDITION, "both sides hold"),
        _between("<", VALUE, np.less, Type.CONDITION, "less than"),
        _between("<=", VALUE, np.less_equal, Type.CONDITION, "at most"),
        _between(">", VALUE, np.greater, Type.CONDITION, "greater than"),
        _between(">=", VALUE, np.greater_equal, Type.CONDITION, "at least"),
        _between("==", VALUE, np.equal, Type.CONDITION, "equal to"),
        _between("!=", VALUE, _differs, Type.CONDITION, "other than"),
        _crossing("crosses above", crosses_above, "`a` is above `b`, and on the bar before it was not"),
        _crossing("crosses below", crosses_below, "`a` is below `b`, and on the bar before it was not"),
        _between("+", VALUE, np.add, Type.WHOLE, "sum"),
        _between("-", VALUE, np.subtract, Type.WHOLE, "difference"),
        _between("*", VALUE, np.multiply, Type.WHOLE, "product"),
        _between("/", VALUE, _divide, Type.NUMBER, "quotient; missing where `b` is 0"),
    )
}
"""Operators between two expressions."""

PREFIXES: Mapping[str, Function] = {
    "not": Function("not", {"a": CONDITION}, np.logical_not, "it does not hold", Type.CONDITION, Reach.BAR),
    "-": Function("negative", {"a": VALUE}, np.negative, "the negative", Type.WHOLE, Reach.BAR),
}
"""Operators before one expression."""
