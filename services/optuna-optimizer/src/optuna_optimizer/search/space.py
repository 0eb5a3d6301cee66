"""Fields that are searched as Optuna's distributions, and values there and back."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tidewright.domain.strategies.strategy import Value
from tidewright.domain.trials import Dimension

_DIGITS = 4
"""Decimals of a percentage that is drawn from a range without steps."""


def distributions(space: Sequence[Dimension]) -> dict[str, BaseDistribution]:
    """What each field is drawn from, by its name."""
    return {one.name: _distribution(one) for one in space}


def named(space: Sequence[Dimension], params: Mapping[str, Any]) -> dict[str, Value]:
    """Optuna's values as a trial's: percentages as strings."""
    return {one.name: _value(one, params[one.name]) for one in space}


def params(space: Sequence[Dimension], values: Mapping[str, Value]) -> dict[str, Any]:
    """A trial's values as Optuna's."""
    numbers = {one.name: one.kind == "Percent" for one in space}
    return {
        name: float(str(value).removesuffix("%")) if numbers[name] else value
        for name, value in values.items()
        if name in numbers
    }


def within(one: Dimension, value: Value) -> bool:
    """Whether the field may take a value."""
    if one.kind == "Choice":
        return value in one.choices
    number = float(str(value).removesuffix("%"))
    return one.low <= number <= one.high


def _distribution(one: Dimension) -> BaseDistribution:
    match one.kind:
        case "Choice":
            return CategoricalDistribution(one.choices)
        case "Int":
            step = int(one.step or 1)
            low = int(one.low)
            return IntDistribution(low, low + (int(one.high) - low) // step * step, step=step, log=one.log)
        case _:
            return FloatDistribution(one.low, _highest(one), step=one.step, log=one.log)


def _highest(one: Dimension) -> float:
    """The highest value that is whole steps above the lowest."""
    if one.step is None:
        return one.high
    low, high, step = (Decimal(repr(float(value))) for value in (one.low, one.high, one.step))
    return float(low + (high - low) // step * step)


def _value(one: Dimension, value: Any) -> Value:  # noqa: ANN401 - Optuna's
    match one.kind:
        case "Percent":
            return f"{Decimal(repr(round(float(value), _DIGITS))).normalize():f}%"
        case "Int":
            return int(value)
        case "Float":
            return float(value)
        case "Choice":
            chosen: Value = value
            return chosen
