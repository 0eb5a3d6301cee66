"""How much of the differences between the trials of a grid each field accounts for by itself."""

from collections.abc import Mapping, Sequence

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.strategies.strategy import Value


def main_effects(
    names: Sequence[str], points: Sequence[Mapping[str, Value]], values: Floats
) -> list[tuple[str, float]]:
    """The share of each field in the sum of all fields' main effects, the largest first; `values`, shape (trials,), are of one objective.

    A field's main effect is the variance of the mean value over its own values, each weighted by its trials: the first-order part of a functional analysis of variance, which on a whole grid is exact
    (F. Hutter, H. Hoos and K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014). Interactions belong to no field. Empty where nothing varies, or where a value is not finite for all.
    """
    known = np.isfinite(values)
    finite = values[known]
    if len(finite) < 2 or not np.ptp(finite) > 0.0:
        return []
    effects = {
        name: _effect([str(point[name]) for point, use in zip(points, known, strict=True) if use], finite)
        for name in names
    }
    total = sum(effects.values())
    if not total > 0.0:
        return []
    return sorted(((name, effect / total) for name, effect in effects.items()), key=lambda one: (-one[1], one[0]))


def _effect(levels: Sequence[str], values: Floats) -> float:
    _, group = np.unique(levels, return_inverse=True)
    sizes = np.bincount(group)
    means = np.bincount(group, values) / sizes
    return float(sizes @ (means - values.mean()) ** 2 / len(values))
