"""Accounts side by side: over the same stretch of time, day by day, and how far apart their Sharpe ratios are for more than chance.

An account here is its equity alone, so that any run can be held against any other, whatever it traded and how often it looked.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.bootstrap import MINIMUM_OBSERVATIONS, stationary_orders
from tidewright.domain.compiled import compiled, inlined
from tidewright.domain.metrics import formulae
from tidewright.domain.metrics.periods import periods_per_year
from tidewright.domain.metrics.statistics import deviation_of, mean_of
from tidewright.domain.timeframe import DAY

_sharpe = inlined(formulae.sharpe)


@dataclass(frozen=True, slots=True)
class Account:
    """An account's history: `initial`, then `equity` at the close of each bar that opens at `time` (milliseconds), both of shape (n,).

    `step` is the bars' length in milliseconds.
    """

    time: Integers
    equity: Floats
    initial: float
    step: int

    @property
    def close_time(self) -> Integers:
        return self.time + self.step

    def worth(self, moments: Integers) -> Floats:
        """Equity at the last close by each of `moments`, shape as theirs; `initial` before the first."""
        closed = np.searchsorted(self.close_time, moments, side="right")
        return np.concatenate(((self.initial,), self.equity))[closed]


class SharpeDifference(NamedTuple):
    """By how much an annualised Sharpe ratio is above another, its interval, and the p-value of there being no difference."""

    difference: float
    low: float
    high: float
    p_value: float


def common_period(accounts: Sequence[Account]) -> tuple[int, int]:
    """From the last of the first opens to the first of the last closes, in milliseconds; the end is not after the start where there is none."""
    start = max(int(account.time[0]) for account in accounts)
    return start, min(int(account.close_time[-1]) for account in accounts)


def period_moments(accounts: Sequence[Account], start: int, end: int) -> tuple[Integers, float]:
    """When the periods of [start, end) end, and how many of them there are in a year.

    UTC days, the last one as far as it goes; where an account has bars longer than a day, the bars of the longest. For accounts with
    the same bars these are the periods of `tidewright.domain.metrics.periods`.
    """
    longest = max(accounts, key=lambda account: account.step)
    if longest.step > DAY:
        closes = longest.close_time
        return closes[(closes > start) & (closes <= end)], periods_per_year(longest.step)
    shortest = min(account.step for account in accounts)
    midnights = np.arange((start + shortest - 1) // DAY + 1, (end - 1) // DAY + 2, dtype=np.int64) * DAY
    return np.minimum(midnights, end), periods_per_year(DAY)


def values(accounts: Sequence[Account], start: int, moments: Integers) -> Floats:
    """What each account was worth at `start` and at each of `moments`, shape (accounts, 1 + len(moments))."""
    return np.stack([account.worth(np.concatenate(((start,), moments))) for account in accounts])


def returns(worth: Floats) -> Floats:
    """Return of each period, shape (accounts, periods) from (accounts, 1 + periods); NaN on an equity of 0 or less."""
    before = worth[:, :-1]
    ratios = np.full(before.shape, np.nan)
    np.divide(worth[:, 1:], before, out=ratios, where=before > 0.0)
    return ratios - 1.0


def correlations(of: Floats) -> Floats:
    """Pearson's correlation of the rows of `of`, shape (accounts, periods); NaN where one does not vary or has NaN."""
    if of.shape[1] < 2:
        return np.full((len(of), len(of)), np.nan)
    centred = of - of.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred * centred).sum(axis=1))
    scale = np.outer(spread, spread)
    found = np.full(scale.shape, np.nan)
    np.divide(centred @ centred.T, scale, out=found, where=scale > 0.0)
    return found.clip(-1.0, 1.0)


def sharpe_differences(
    of: Floats, against: int, periods_a_year: float, seed: int, resamples: int = 2000, level: float = 0.95
) -> list[SharpeDifference]:
    """How far the Sharpe ratio of each row of `of`, shape (accounts, periods), is above that of the row `against`.

    Other histories are drawn in blocks, the same periods for every account, so that what moves them all together does not count as
    uncertainty. With d the difference found and d* that of a drawn history, the interval is ``d -+ q``, q being the quantile of ``|d* - d|`` at
    `level`, and the p-value ``(1 + #(|d* - d| >= |d|)) / (1 + resamples)``: below ``1 - level`` where the interval is without 0. It
    is two-sided, and for one pair chosen beforehand. A history in which a ratio is undefined counts as one that is infinitely far away.

    All NaN but the difference where there are fewer than `MINIMUM_OBSERVATIONS`, or where the interval has no bound. Source: O. Ledoit and
    M. Wolf, "Robust Performance Hypothesis Testing with the Sharpe Ratio", Journal of Empirical Finance 15, 2008, whose remark on
    intervals this is, without their division by a standard error; blocks as in `tidewright.domain.bootstrap`; the ones in the p-value from
    A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", 1997.
    """
    periods = of.shape[1]
    itself = np.arange(periods)[None, :]
    found = _sharpes(of, itself, periods_a_year)[:, 0]
    found = found - found[against]
    if periods < MINIMUM_OBSERVATIONS:
        return [SharpeDifference(float(d), math.nan, math.nan, math.nan) for d in found]
    drawn = _sharpes(
        of, stationary_orders(np.random.Generator(np.random.PCG64(seed)), periods, resamples), periods_a_year
    )
    return [_difference(float(d), row, level) for d, row in zip(found, drawn - drawn[against], strict=True)]


def _difference(found: float, drawn: Floats, level: float) -> SharpeDifference:
    apart = np.abs(drawn - found)
    apart[np.isnan(apart)] = np.inf
    reach = float(np.sort(apart)[math.ceil(level * (len(apart) + 1)) - 1])
    if math.isnan(found) or math.isinf(reach):
        return SharpeDifference(found, math.nan, math.nan, math.nan)
    p_value = (1 + np.count_nonzero(apart >= abs(found))) / (1 + len(apart))
    return SharpeDifference(found, found - reach, found + reach, float(p_value))


@compiled
def _sharpes(of: Floats, orders: Integers, periods_a_year: float) -> Floats:
    """Annualised Sharpe ratio of each account in each drawn history, shape (accounts, histories)."""
    accounts, periods = of.shape
    ratios = np.empty((accounts, len(orders)))
    drawn = np.empty(periods)
    for a in range(accounts):
        for i in range(len(orders)):
            for k in range(periods):
                drawn[k] = of[a, orders[i, k]]
            mean = mean_of(drawn)
            ratios[a, i] = _sharpe(mean, deviation_of(drawn, mean), periods_a_year)
    return ratios
