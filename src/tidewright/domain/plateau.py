"""Whether the selected parameters stand on a plateau, where neighbours do nearly as well, or on a spike that the next market will miss.

A neighbour is a trial that differs by a small share of what was searched, in every dimension; so grids and scattered trials are judged alike. The idea is that of R. Pardo, "The Evaluation and Optimization of Trading
Strategies", 2008, chapter 10; the measure is ours.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.selection import Direction
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.trials import Dimension, Space

Shape: TypeAlias = Literal["Plateau", "Slope", "Spike", "Unknown"]

REACH = 0.1
"""How far a neighbour may be in a dimension, as a share of the searched range: a tenth is about as much as a market's habits drift between one optimisation and the next."""

SAME = 0.1
"""Trials that are nearer than this share of a reach say nothing about a neighbourhood: samplers that learn try the best place again and again."""

FARTHEST = 3.0
"""Where fewer than `FEWEST` trials are within reach, the nearest ones are taken, up to so many reaches away."""

FEWEST = 4
"""Fewer neighbours than this make no neighbourhood; one on either side in two dimensions."""

PLATEAU, SPIKE = 0.7, 0.5
"""On a plateau three of four neighbours keep this share of the value; on a spike half of them do not keep the lower one. Between the two lies a slope: some directions hold, others fall away."""


class Stability(NamedTuple):
    """`score` is the share of the selected trial's value that the median neighbour keeps, in 0..1, NaN where unknown; `neighbours` how many there are."""

    score: float
    neighbours: int
    shape: Shape


def stability(
    space: Space,
    points: Sequence[Mapping[str, Value]],
    values: Floats,
    selected: int,
    direction: Direction = "Maximize",
) -> Stability:
    """How the trials around number `selected` of `points` do; `values` have shape (trials,), one objective in `direction`.

    A distance is measured in reaches, the largest over the dimensions: a reach is `REACH` of the searched range (of its logarithm where the dimension has one), or the step to the next value that was tried on that side,
    where that is farther. Another choice is out of reach. A neighbour with an undefined value keeps nothing. Unknown for a value that is not positive, of which no share can be kept, and where there are fewer than `FEWEST` neighbours.
    """
    its_own = float(values[selected])
    if not (math.isfinite(its_own) and its_own > 0.0):
        return Stability(math.nan, 0, "Unknown")
    distance = distances(space, points, selected)
    order = np.argsort(distance, kind="stable")
    order = order[distance[order] >= SAME]
    within = int(np.count_nonzero(distance[order] <= 1.0 + 1e-9))
    near = order[: max(within, FEWEST)]
    near = near[distance[near] <= FARTHEST]
    if len(near) < FEWEST:
        return Stability(math.nan, len(near), "Unknown")
    kept = (
        values[near] / its_own if direction == "Maximize" else its_own / np.maximum(values[near], np.finfo(float).tiny)
    )
    kept = np.clip(np.where(np.isfinite(values[near]), kept, 0.0), 0.0, 1.0)
    worst_quarter, middle = np.quantile(kept, (0.25, 0.5))
    shape: Shape = "Plateau" if worst_quarter >= PLATEAU else "Spike" if middle < SPIKE else "Slope"
    return Stability(float(middle), len(near), shape)


def distances(space: Space, points: Sequence[Mapping[str, Value]], selected: int) -> Floats:
    """How many reaches each of `points` is away from the one `selected`, shape (points,)."""
    away: Floats = np.max([_along(dimension, points, selected) for dimension in space], axis=0, initial=0.0)
    return away


def _along(dimension: Dimension, points: Sequence[Mapping[str, Value]], selected: int) -> Floats:
    values = [point[dimension.name] for point in points]
    if dimension.kind == "Choice":
        return np.array([0.0 if value == values[selected] else math.inf for value in values])
    low, high, *at = (_scaled(dimension, value) for value in (dimension.low, dimension.high, *values))
    away = (np.array(at) - at[selected]) / (high - low if high > low else 1.0)
    return np.maximum(_reaches(away), _reaches(-away))


def _reaches(away: Floats) -> Floats:
    """Distances on one side, in reaches; 0 on the other."""
    ahead = away[away > 0.0]
    reach = max(REACH, ahead.min()) if len(ahead) else REACH
    return np.maximum(away, 0.0) / reach


def _scaled(dimension: Dimension, value: Value) -> float:
    number = float(str(value).removesuffix("%"))
    return math.log(number) if dimension.log else number
