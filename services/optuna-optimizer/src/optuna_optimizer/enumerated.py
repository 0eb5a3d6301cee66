"""Searches whose trial i follows from the space, the seed and i alone: the grid of all combinations, and draws at random.

Values are those of `Dimension`: percentages as strings. What breaks a condition has no number in a grid, and is drawn again at random, up to `MOST_DRAWS` times.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from optuna_optimizer.plan import Plan, PlanRefused
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.trials import Dimension

MOST_COMBINATIONS = 1_000_000
"""A grid of more is refused."""

MOST_DRAWS = 1_000
"""Draws of one trial; where none of them meets the conditions, next to nothing in the space does."""


def count(plan: Plan) -> int:
    """How many trials an enumerated search has. Raises PlanRefused."""
    if plan.sampler == "Random":
        return plan.trials or 0
    there = len(grid(plan))
    return there if plan.trials is None else min(plan.trials, there)


def values_of(plan: Plan, number: int) -> Mapping[str, Value]:
    """The values of one trial. Raises PlanRefused where nothing is left of the space."""
    return grid(plan)[number] if plan.sampler == "Grid" else drawn(plan, number)


def grid(plan: Plan) -> tuple[Mapping[str, Value], ...]:
    """Every combination that meets the conditions, the last name varying fastest. Raises PlanRefused."""
    return _grid(_Asked(plan))


def drawn(plan: Plan, number: int) -> Mapping[str, Value]:
    """Trial `number` of a search at random: each draw by a generator of its own, from the seed and the number."""
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([plan.seed, number])))
    for _ in range(MOST_DRAWS):
        named = {one.name: _draw(one, random) for one in plan.space}
        if plan.holds(named):
            return named
    raise PlanRefused(
        f"none of {MOST_DRAWS:,} draws meets the conditions; loosen the constraints, or change the ranges"
    )


class _Asked:
    """A plan as the key of a cache: the same object."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __hash__(self) -> int:
        return hash((self.plan.key, self.plan.space))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and (self.plan.space, self.plan.holds) == (other.plan.space, other.plan.holds)


@lru_cache(maxsize=4)
def _grid(asked: _Asked) -> tuple[Mapping[str, Value], ...]:
    plan = asked.plan
    values = [grid_values(one) for one in plan.space]
    combinations = math.prod(map(len, values))
    if combinations > MOST_COMBINATIONS:
        message = f"the grid has {combinations:,} combinations, and at most {MOST_COMBINATIONS:,} are tried; widen the steps, or choose another sampler"
        raise PlanRefused(message)
    names = [one.name for one in plan.space]
    combined: list[dict[str, Any]] = [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]
    met = tuple(one for one in combined if plan.holds(one))
    if not met:
        raise PlanRefused(
            "no combination of the grid meets the conditions; loosen the constraints, or change the ranges"
        )
    return met


def grid_values(one: Dimension) -> list[Value]:
    """The values of one field in a grid. Raises PlanRefused for a range that has no steps."""
    if one.kind == "Choice":
        return list(one.choices)
    if one.log or one.step is None:
        raise PlanRefused(
            f"{one.name}: a grid has evenly spaced values; give the range a step and no log, list the values, or choose another sampler"
        )
    return [_at(one, index) for index in range(_steps(one) + 1)]


def _steps(one: Dimension) -> int:
    """How many steps fit into a range that has them."""
    low, high, step = (Decimal(repr(float(value))) for value in (one.low, one.high, one.step or 1.0))
    return int((high - low) / step)


def _at(one: Dimension, index: int) -> Value:
    """The value so many steps above the lowest; in decimal, as 0.3 is meant and not 0.1 + 0.1 + 0.1."""
    return as_value(one, Decimal(repr(float(one.low))) + index * Decimal(repr(float(one.step or 1.0))))


def as_value(one: Dimension, number: Decimal) -> Value:
    """A number of the range as the strategy or the risk takes it."""
    match one.kind:
        case "Int":
            return int(number)
        case "Percent":
            return f"{number.normalize():f}%"
        case _:
            return float(number)


def _draw(one: Dimension, random: np.random.Generator) -> Value:
    if one.kind == "Choice":
        return one.choices[int(random.integers(len(one.choices)))]
    if one.log:
        low, high = (one.low - 0.5, one.high + 0.5) if one.kind == "Int" else (one.low, one.high)
        number = math.exp(random.uniform(math.log(low), math.log(high)))
        return as_value(one, Decimal(round(min(max(number, one.low), one.high)))) if one.kind == "Int" else number
    if one.step is not None or one.kind == "Int":
        return _at(one, int(random.integers(_steps(one) + 1)))
    number = random.uniform(one.low, one.high)
    return as_value(one, Decimal(repr(round(number, 4)))) if one.kind == "Percent" else number
