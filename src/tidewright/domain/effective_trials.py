"""How many independent attempts a search amounts to, and how good its best one is after as many.

A search of a thousand similar parameter sets is not a thousand attempts: most trials hold the same positions on the same days.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Floats
from tidewright.domain.overfitting import TrackRecord, expected_maximum_sharpe, probabilistic_sharpe

_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True)
class Deflated:
    """The selected trial's Sharpe ratio, held against what luck alone reaches in so many trials; ratios are of one period, not annualised.

    `probability` that its true ratio is above `luck` (the deflated Sharpe ratio, in 0..1), its `sharpe`, `luck` (the best ratio to expect of `independent` trials without skill), the `variance` of the trials' ratios (what they differ by in luck, in skill and in costs), how many
    `trials` there were and how many of them were `idle`: without a Sharpe ratio. What is not defined is NaN.
    """

    probability: float
    sharpe: float
    luck: float
    variance: float
    trials: int
    idle: int
    independent: float


def independent_trials(returns: Floats) -> float:
    """Effective number of independent columns of `returns`, shape (periods, trials): ``(sum l) ** 2 / sum(l ** 2)`` over the eigenvalues l of their correlations.

    From 1, where all are the same, to the number of trials, where none has to do with another. It is the participation ratio; for correlations r it comes to ``1 / mean(r ** 2)`` over all pairs, a trial with itself included.
    Columns that do not vary or have a NaN are left out; 0 where none is left, NaN for fewer than two periods. Finite series of independent columns correlate by chance,
    so it stays below ``1 / (1 / trials + 1 / periods)``.
    """
    if len(returns) < 2:
        return math.nan
    scores = returns[:, _varies(returns)]
    periods, trials = scores.shape
    if not trials:
        return 0.0
    scores = scores - scores.mean(axis=0)
    scores /= np.sqrt((scores * scores).sum(axis=0))
    # The squared eigenvalues have the same sum seen from the trials or from the periods; the smaller matrix is enough.
    products = scores.T @ scores if trials <= periods else scores @ scores.T
    return float(trials * trials / (products * products).sum())


def deflated(returns: Floats, selected: int) -> Deflated:
    """The deflated Sharpe ratio of column `selected` of `returns`, shape (periods, trials), after all of them.

    ``probabilistic_sharpe(record of the selected, luck)`` with ``luck = expected_maximum_sharpe(independent, variance)``: D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio
    Management 40(5), 2014, with the number of independent trials in the place of all. Their `variance` there is that of the trials' ratios, which holds what the trials differ by in skill and in costs beside what they differ by
    in luck; here it is what luck alone makes of a ratio, ``1 / (periods - 1)``: the hypothesis to be rejected is that there is no skill at all.
    """
    ratios = _sharpe_ratios(returns)
    record = TrackRecord.of(np.ascontiguousarray(returns[:, selected]))
    variance = 1.0 / (len(returns) - 1) if len(returns) > 1 else math.nan
    independent = independent_trials(returns)
    luck = expected_maximum_sharpe(independent, variance)
    return Deflated(
        probability=probabilistic_sharpe(record, luck) if math.isfinite(luck) else math.nan,
        sharpe=record.sharpe,
        luck=luck,
        variance=float(np.nanvar(ratios, ddof=1)) if np.isfinite(ratios).sum() > 1 else math.nan,
        trials=len(ratios),
        idle=int(np.count_nonzero(np.isnan(ratios))),
        independent=independent,
    )


def _sharpe_ratios(returns: Floats) -> Floats:
    """Mean over deviation of every column, NaN where it does not vary or has a NaN."""
    varies = _varies(returns)
    ratios = np.full(returns.shape[1], math.nan)
    if varies.any():
        ratios[varies] = returns[:, varies].mean(axis=0) / returns[:, varies].std(axis=0, ddof=1)
    return ratios


def _varies(returns: Floats) -> NDArray[np.bool_]:
    """Which columns have returns that vary; one with a NaN does not, nor one of fewer than two periods."""
    if len(returns) < 2:
        return np.zeros(returns.shape[1], dtype=np.bool_)
    varies: NDArray[np.bool_] = np.std(returns, axis=0) > _ROUNDING * (1.0 + np.abs(returns.mean(axis=0)))
    return varies
