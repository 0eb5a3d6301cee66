"""A perpetual's funding rates as a series: when each is due, which are due in a period, and where some are missing."""

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.costs import Funding
from tidewright.domain.timeframe import milliseconds

LARGEST_RATE = 0.05
"""Exchanges cap a rate below this: a larger one is a percentage, or no rate at all."""

_FIRST_INTERVAL = milliseconds("8h")
_SPARE = 1.5
_AROUND = 10


def due_times(funding: Funding) -> Integers:
    """When each rate is due, shape (m,): its time to the second, for publishers' times carry some milliseconds of jitter."""
    rounded: Integers = (funding.time + 500) // 1_000 * 1_000
    return rounded


def between(funding: Funding, start: int, end: int) -> Funding:
    """The rates due after `start` and up to `end`, in milliseconds: those of a position held over bars that open at `start` and close at `end`."""
    first, last = np.searchsorted(due_times(funding), (start, end), side="right")
    return Funding(funding.time[first:last], funding.rate[first:last])


def usual_interval(funding: Funding) -> int:
    """The median time between two rates in milliseconds; eight hours, as most perpetuals have it, where there are not two."""
    return int(np.median(_intervals(due_times(funding))))


def unfunded(funding: Funding, start: int, end: int) -> list[tuple[int, int]]:
    """Where between `start` and `end` rates are missing: stretches without any that last over 1.5 times the usual interval.

    The usual interval is the median of the twenty-one nearest, because exchanges change it. Rates before `start` and after `end` count:
    a short period may lie between two of them.
    """
    times = due_times(funding)
    if not len(times):
        return [(start, end)]
    usual = _intervals(times)
    points = np.concatenate((times[:1].clip(max=start), times, times[-1:].clip(min=end)))
    lengths = np.diff(points)
    suspect = (points[1:] > start) & (points[:-1] < end) & (lengths > _SPARE * usual.min())
    return [
        (max(int(points[i]), start), min(int(points[i + 1]), end))
        for i in np.flatnonzero(suspect)
        if lengths[i] > _SPARE * np.median(usual[max(i - 1 - _AROUND, 0) : i + _AROUND])
    ]


def unusable(rate: Floats) -> Integers:
    """The indices of rates, shape (m,), that are no number or beyond `LARGEST_RATE`."""
    return np.flatnonzero(~(np.abs(rate) <= LARGEST_RATE)).astype(np.int64)


def _intervals(times: Integers) -> Integers:
    return np.diff(times) if len(times) > 1 else np.array([_FIRST_INTERVAL])
