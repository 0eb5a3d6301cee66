"""Whether the best of many trials beats a benchmark by more than the search for it explains.

The null hypothesis is that no trial has a mean return above the benchmark's. Histories without any skill are made of the one there is by a stationary bootstrap (`tidewright.domain.bootstrap`), the same periods
for all trials, so what the trials have in common counts as it should: a hundred trials that do nearly the same are nearly one.

Sources: H. White, "A Reality Check for Data Snooping", Econometrica 68(5), 2000; P. R. Hansen, "A Test for Superior Predictive Ability", Journal of Business & Economic Statistics 23(4), 2005.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.bootstrap import MINIMUM_OBSERVATIONS, block_length, stationary_orders

_AT_ONCE = 1 << 21
"""How many periods are drawn at a time: the memory needed does not grow with the number of samples."""

_ROUNDING = 1e-14


class PValues(NamedTuple):
    """Hansen's three p-values, in 0..1: `lower` <= `consistent` <= `upper`.

    `consistent` is the one to read. `upper` takes every trial for as good as the benchmark, so poor ones make the test timid; `lower` takes the trials below the benchmark for as bad as they look.
    """

    lower: float
    consistent: float
    upper: float


def superior_ability(returns: Floats, benchmark: Floats | float = 0.0, samples: int = 1000, seed: int = 0) -> PValues:
    """Hansen's test that the best of the trials has a mean return above the benchmark's (SPA), studentised.

    `returns` have shape (periods, trials), `benchmark` (periods,) or one number. With d the mean excess return of a trial over n periods and w the deviation of ``sqrt(n) * d`` in the bootstrap (in closed form), the
    statistic is ``max(0, max(sqrt(n) * d / w))``. A drawn history is centred so that a trial's excess is no more than: 0 (upper); 0 unless ``d < -w * sqrt(2 * ln(ln(n)) / n)``, in which case it stays d (consistent);
    ``min(d, 0)`` (lower). The p-value is ``(1 + #(drawn >= found)) / (1 + samples)``, the ones after A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", 1997.

    Trials with a NaN are left out, and so are those that never differ from the benchmark: what does not trade cannot be superior. All NaN where none is left, or for fewer than `MINIMUM_OBSERVATIONS` periods. The same arguments
    give the same p-values.
    """
    excess = _judged(returns, benchmark)
    periods, trials = excess.shape
    if periods < MINIMUM_OBSERVATIONS or not trials:
        return PValues(math.nan, math.nan, math.nan)
    root = math.sqrt(periods)
    mean, deviation = excess.mean(axis=0), bootstrap_deviation(excess)
    found = max(0.0, float(np.max(root * mean / deviation)))
    poor = mean < -deviation * math.sqrt(2.0 * math.log(math.log(periods)) / periods)
    kept = np.stack((np.minimum(mean, 0.0), np.where(poor, mean, 0.0), np.zeros(trials)))
    as_good = np.zeros(len(kept), dtype=np.int64)
    for drawn in _drawn_means(excess - mean, samples, seed):
        for row, level in enumerate(kept):
            best = np.maximum((root * (drawn + level) / deviation).max(axis=1), 0.0)
            as_good[row] += np.count_nonzero(best >= found)
    return PValues(*((1.0 + as_good) / (1.0 + samples)).tolist())


def reality_check(returns: Floats, benchmark: Floats | float = 0.0, samples: int = 1000, seed: int = 0) -> float:
    """White's p-value, in 0..1, for the statistic ``max(sqrt(n) * d)``: not studentised, so that trials with wild returns rule it, and poor trials make it timid.

    Arguments, what is left out and what is NaN as in `superior_ability`.
    """
    excess = _judged(returns, benchmark)
    periods, trials = excess.shape
    if periods < MINIMUM_OBSERVATIONS or not trials:
        return math.nan
    mean = excess.mean(axis=0)
    found = mean.max()
    as_good = sum(
        int(np.count_nonzero(drawn.max(axis=1) >= found)) for drawn in _drawn_means(excess - mean, samples, seed)
    )
    return (1.0 + as_good) / (1.0 + samples)


def bootstrap_deviation(excess: Floats) -> Floats:
    """Deviation of ``sqrt(n)`` times the mean in the stationary bootstrap of `excess`, shape (n, trials), without drawing it; shape (trials,).

    ``c[0] + 2 * sum((1 - i / n) * (1 - q) ** i * c[i])`` over the lags i below n, squared, with c the autocovariances around the circle and ``1 / q`` the mean length of a block: Politis and Romano (1994), lemma 1.
    """
    periods = len(excess)
    lags = np.arange(periods)
    weight = (1.0 - lags / periods) * (1.0 - 1.0 / block_length(periods)) ** lags
    weight[1:] *= 2.0
    variance = np.empty(excess.shape[1])
    for k, column in enumerate(excess.T):
        spectrum = np.fft.rfft(column - column.mean())
        variance[k] = weight @ np.fft.irfft(np.abs(spectrum) ** 2, periods) / periods
    return np.sqrt(np.maximum(variance, 0.0))


def _judged(returns: Floats, benchmark: Floats | float) -> Floats:
    """Excess returns of the trials that can be judged."""
    excess = returns - (benchmark[:, None] if isinstance(benchmark, np.ndarray) else benchmark)
    if not len(excess):
        return excess
    varies = np.std(excess, axis=0) > _ROUNDING * (1.0 + np.abs(excess.mean(axis=0)))  # of a NaN: not
    return excess[:, varies]


def _drawn_means(centred: Floats, samples: int, seed: int) -> Iterator[Floats]:
    """Mean of each trial in each drawn history, in parts of shape (histories, trials)."""
    random = np.random.Generator(np.random.PCG64(seed))
    periods, trials = centred.shape
    most = max(_AT_ONCE // max(periods, trials), 1)
    for done in range(0, samples, most):
        orders = stationary_orders(random, periods, min(most, samples - done))
        times = np.stack([np.bincount(order, minlength=periods) for order in orders]).astype(np.float64)
        yield times @ centred / periods
