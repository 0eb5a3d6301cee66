"""Which trial is called the best: by an objective, by how it holds up over the windows, or as the best compromise of several objectives.

Only feasible trials are ever selected, and only by figures in sample. A value that is not finite counts as undefined: it ranks behind every other one, and nothing is selected by it
alone. Where trials are equal, the one with the lowest number is taken, so the answer depends neither on the order of the trials nor on who tried them.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.trials import Trial

Direction: TypeAlias = Literal["Maximize", "Minimize"]


def best(trials: Sequence[Trial], directions: Sequence[Direction]) -> Trial | None:
    """The trial with the best first objective; None where no feasible trial has it."""
    eligible = _feasible(trials)
    return _first(eligible, _costs([trial.values[0] for trial in eligible], directions[0]))


def robust(trials: Sequence[Trial], directions: Sequence[Direction], column: int) -> Trial | None:
    """The trial whose first objective ranks best in the median window; None where no feasible trial has it in any window.

    `column` is that of the first objective in `Trial.in_sample` (`tidewright.domain.trials.FIGURE`). The rank in a window is one more than the number of trials that are better there, so one
    lucky window does not help. Among equal medians the better value of the objective decides, then the number.
    """
    eligible = _feasible(trials)
    if not eligible:
        return None
    windows = _costs([trial.in_sample[:, column] for trial in eligible], directions[0])
    medians = np.median([1 + np.searchsorted(np.sort(of_window), of_window) for of_window in windows.T], axis=0)
    values = _costs([trial.values[0] for trial in eligible], directions[0])
    first = int(np.lexsort((values, medians, np.isinf(windows).all(axis=1)))[0])
    return eligible[first] if np.isfinite(windows[first]).any() else None


def chosen_by_window(trials: Sequence[Trial], direction: Direction, column: int) -> list[Trial | None]:
    """For each window, the trial with the best figure `column` in sample; None where no feasible trial has it there. Empty where no trial is feasible."""
    eligible = _feasible(trials)
    if not eligible:
        return []
    windows = _costs([trial.in_sample[:, column] for trial in eligible], direction)
    return [_first(eligible, of_window) for of_window in windows.T]


def front(trials: Sequence[Trial], directions: Sequence[Direction]) -> list[Trial]:
    """The feasible trials that no other one beats (`pareto_front`), the best first objective first."""
    eligible = _feasible(trials)
    values = np.array([trial.values for trial in eligible]).reshape(len(eligible), len(directions))
    return [eligible[position] for position in pareto_front(values, directions)]


def pareto_front(values: Floats, directions: Sequence[Direction]) -> Integers:
    """The rows of `values`, shape (trials, objectives), that no other row beats, by their positions; the best first objective first.

    A row beats another where it is nowhere worse and somewhere better. Of equal rows the first one stays; a row with an undefined value is left out.
    """
    costs = np.column_stack([_costs(column, direction) for column, direction in zip(values.T, directions, strict=True)])
    rest = np.lexsort(costs.T[::-1])
    rest = rest[np.isfinite(costs[rest]).all(axis=1)]
    found: list[int] = []
    while len(rest):
        found.append(int(rest[0]))  # in this order nothing that follows can beat it
        rest = rest[(costs[rest] < costs[rest[0]]).any(axis=1)]
    return np.array(found, dtype=np.int64)


def knee(front: Sequence[Trial], directions: Sequence[Direction]) -> Trial | None:
    """The trial of a Pareto front that is nearest to having the best of everything; None of an empty front.

    Every objective is scaled to 0..1 over the front, 0 its best; the distance is Euclidean (compromise programming: M. Zeleny, "Multiple Criteria Decision Making", 1982). An objective
    that does not vary over the front plays no part.
    """
    if not front:
        return None
    ordered = sorted(front, key=lambda trial: trial.number)
    costs = np.column_stack(
        [_costs([trial.values[i] for trial in ordered], direction) for i, direction in enumerate(directions)]
    )
    low, high = costs.min(axis=0), costs.max(axis=0)
    scaled = (costs - low) / np.where(high > low, high - low, 1.0)
    return _first(ordered, np.round(np.linalg.norm(scaled, axis=1), 12))  # so that rounding breaks no tie


def _feasible(trials: Sequence[Trial]) -> list[Trial]:
    return sorted((trial for trial in trials if trial.feasible), key=lambda trial: trial.number)


def _costs(values: Floats | Sequence[float] | Sequence[Floats], direction: Direction) -> Floats:
    """The values turned so that less is better, infinity where they are undefined."""
    known = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(known), -known if direction == "Maximize" else known, np.inf)


def _first(trials: Sequence[Trial], costs: Floats) -> Trial | None:
    """The first of the trials with the lowest cost."""
    if not np.isfinite(costs).any():
        return None
    return trials[int(np.argmin(costs))]
