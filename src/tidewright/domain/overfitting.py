"""How likely a Sharpe ratio is more than luck: after the length of its record, its tails, and the number of attempts.

Every Sharpe ratio here is that of one period (a day, say), *not* annualised: divide an annualised one by the root of the periods in a year.
Kurtosis is not the excess: a normal distribution has 3.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

from tidewright.domain.bars import Floats
from tidewright.domain.metrics.formulae import sharpe
from tidewright.domain.metrics.statistics import ReturnStatistics, return_statistics

_NORMAL = NormalDist()
_EULER_MASCHERONI = 0.577_215_664_901_532_9


class TrackRecord(NamedTuple):
    """What is known of a series of returns: the Sharpe ratio of a period, how many periods, and the shape of their distribution."""

    sharpe: float
    observations: int
    skewness: float = 0.0
    kurtosis: float = 3.0

    @classmethod
    def of(cls, returns: Floats) -> "TrackRecord":
        """The record of period returns, shape (n,); its Sharpe ratio is NaN where they do not vary."""
        return cls.from_statistics(return_statistics(returns), len(returns))

    @classmethod
    def from_statistics(cls, statistics: ReturnStatistics, observations: int) -> "TrackRecord":
        a_period = sharpe(statistics.mean, statistics.deviation, periods_per_year=1.0)
        return cls(a_period, observations, statistics.skewness, statistics.kurtosis)

    @property
    def variance(self) -> float:
        """Variance of the estimated Sharpe ratio times ``observations - 1``.

        ``1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe ** 2``: E. Mertens, "Comments on Variance of the IID Estimator in
        Lo (2002)", 2002, as used by Bailey and López de Prado (2012).
        """
        return 1.0 - self.skewness * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe


def probabilistic_sharpe(record: TrackRecord, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio is above `benchmark` (PSR), in 0..1.

    ``Phi((sharpe - benchmark) * sqrt(observations - 1) / sqrt(variance))``. NaN for fewer than two observations, for returns that do
    not vary, or where skewness and kurtosis cannot belong together. Source: D. H. Bailey and M. López de Prado, "The Sharpe Ratio
    Efficient Frontier", Journal of Risk 15(2), 2012.
    """
    if record.observations < 2 or not record.variance > 0.0:
        return math.nan
    return _NORMAL.cdf((record.sharpe - benchmark) * math.sqrt((record.observations - 1) / record.variance))


def minimum_track_record_length(record: TrackRecord, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Observations needed before the PSR against `benchmark` reaches `confidence` (MinTRL); rarely a whole number.

    ``1 + variance * (Phi^-1(confidence) / (sharpe - benchmark)) ** 2``. NaN where the Sharpe ratio is not above the benchmark, or by
    next to nothing: no record is long enough. `record.observations` plays no part. Source as `probabilistic_sharpe`.
    """
    if not (record.sharpe > benchmark and record.variance > 0.0):
        return math.nan
    needed = _NORMAL.inv_cdf(confidence) / (record.sharpe - benchmark)
    length = 1.0 + record.variance * needed * needed
    return length if math.isfinite(length) else math.nan


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """The best Sharpe ratio to expect of `trials` independent attempts without any skill.

    ``sqrt(variance) * ((1 - g) * Phi^-1(1 - 1 / trials) + g * Phi^-1(1 - 1 / (trials * e)))`` with g the Euler-Mascheroni constant and
    `variance` that of the Sharpe ratios over the trials. `trials` need not be whole: of some that resemble each other, it is the number of independent ones. 0 for a single trial, and never less;
    NaN for none. Source: D. H. Bailey and M. López de Prado,
    "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014.
    """
    if trials < 1 or not variance >= 0.0:
        return math.nan
    if trials == 1:
        return 0.0
    typical = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    tail = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * max(0.0, (1.0 - _EULER_MASCHERONI) * typical + _EULER_MASCHERONI * tail)


def deflated_sharpe(record: TrackRecord, trials: int, variance: float) -> float:
    """Probability that the best of `trials` attempts has skill (DSR), in 0..1: the PSR against the maximum that luck alone would reach.

    `variance` is that of the trials' Sharpe ratios, of one period like the record's own. Trials that resemble each other count as fewer:
    give the number of independent ones. Source as `expected_maximum_sharpe`.
    """
    return probabilistic_sharpe(record, expected_maximum_sharpe(trials, variance))
