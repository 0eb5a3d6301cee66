"""The calendar that returns are measured on: days in UTC, or the bars themselves where they are longer than a day."""

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.metrics.statistics import period_returns
from tidewright.domain.timeframe import DAY

YEAR = 365 * DAY
"""A year in milliseconds: markets that never close have 365 days, and a leap day is not worth another rule."""


def years_between(start: int, end: int) -> float:
    """Years of 365 days between two times in milliseconds."""
    return (end - start) / YEAR


def periods_per_year(step: int) -> float:
    """How many periods make a year: 365 for bars up to a day, 365 / 7 for weekly ones."""
    return YEAR / max(step, DAY)


def period_ends(time: Integers, step: int) -> Integers:
    """Index of the last bar that has closed by the end of each period, shape (periods,).

    A bar belongs to the UTC day of its last millisecond, ``time + step - 1``. A day in which no bar closed repeats the index before it, so
    that equity is carried forward and its return is 0: figures are annualised by calendar days. Bars longer than a day are periods
    themselves, and their gaps stay unseen. `time` is sorted; the last day counts as a whole.
    """
    if step > DAY or not len(time):
        return np.arange(len(time), dtype=np.int64)
    first, last = (int(moment) + step - 1 for moment in (time[0], time[-1]))
    midnights = np.arange(first // DAY + 1, last // DAY + 2, dtype=np.int64) * DAY
    return np.searchsorted(time, midnights - step, side="right") - 1


def daily_returns(time: Integers, equity: Floats, initial: float, step: int) -> tuple[Floats, float]:
    """Return of each period as a ratio, shape (periods,), and the number of periods in a year.

    `equity` is the account's value at each bar's close, shape (n,) as `time`; the first return is from `initial`. Periods as in
    `period_ends`. The return on an equity of 0 or less is NaN: on nothing there is no return.
    """
    return period_returns(equity, period_ends(time, step), initial), periods_per_year(step)
