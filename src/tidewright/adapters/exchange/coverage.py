"""Which bars of a period are missing, and how to ask for them: pure arithmetic on times."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np

from tidewright.domain.bars import Integers
from tidewright.domain.resampling import bar_opens
from tidewright.domain.timeframe import DAY
from tidewright.ports import Stretch

_MONTH_FROM = 3
"""How many missing days make a month's file cheaper than those of its days."""


def closed(period: Stretch, step: int, now: int) -> Stretch:
    """The part of a period whose bars are over at `now`, its ends on the grid of the bars; empty where there is none."""
    start = _next_open(period.start, step)
    end = min(_next_open(period.end, step), int(bar_opens(np.array(now), step)))
    return Stretch(start, max(start, end))


def missing(times: Integers, step: int, period: Stretch, absent: Iterable[Stretch] = ()) -> list[Stretch]:
    """The stretches of a period, which is on the grid, in which no bar opens and that are not known to be `absent`.

    A bar that is off the grid, as after some outages, stands for the bar of the grid in whose place it is.
    """
    places = (bar_opens(times, step) - period.start) // step
    there = np.zeros((period.end - period.start) // step, np.bool_)
    there[places[(places >= 0) & (places < len(there))]] = True
    for start, end in absent:
        there[max(0, _bars_before(start, period, step)) : max(0, _bars_before(end, period, step))] = True
    edges = np.flatnonzero(np.diff(there, prepend=True, append=True))
    return [Stretch(period.start + step * int(a), period.start + step * int(b)) for a, b in edges.reshape(-1, 2)]


def length(stretches: Iterable[Stretch]) -> int:
    """Milliseconds in all."""
    return sum(end - start for start, end in stretches)


def months(stretches: Sequence[Stretch], now: int) -> list[Stretch]:
    """The months, over at `now`, of which enough whole days are missing for one file to be better than one a day."""
    lacking: dict[Stretch, int] = {}
    for day in days(stretches, now):
        month = _month(day.start)
        lacking[month] = lacking.get(month, 0) + 1
    return [month for month, count in lacking.items() if count >= _MONTH_FROM and month.end <= now]


def days(stretches: Sequence[Stretch], now: int) -> list[Stretch]:
    """The days, over at `now`, that are missing as a whole."""
    whole = (range(-(-start // DAY), min(end, now) // DAY) for start, end in stretches)
    return [Stretch(day * DAY, (day + 1) * DAY) for run in whole for day in run]


def windows(stretches: Iterable[Stretch], longest: int) -> list[Stretch]:
    """The fewest stretches of up to `longest` milliseconds in which all of these lie, one after the other."""
    found: list[Stretch] = []
    for start, end in stretches:
        if found and end - found[-1].start <= longest:
            found[-1] = Stretch(found[-1].start, end)
        else:
            found += [Stretch(at, min(at + longest, end)) for at in range(start, end, longest)]
    return found


def common(one: Sequence[Stretch], other: Sequence[Stretch]) -> list[Stretch]:
    """Where both are."""
    both = (Stretch(max(a.start, b.start), min(a.end, b.end)) for a in one for b in other)
    return [stretch for stretch in both if stretch.start < stretch.end]


def within(times: Integers, stretches: Iterable[Stretch]) -> Integers:
    """The indices of the times that lie in any of the stretches."""
    inside = np.zeros(len(times), np.bool_)
    for start, end in stretches:
        inside |= (times >= start) & (times < end)
    return np.flatnonzero(inside).astype(np.int64, copy=False)


def _bars_before(time: int, period: Stretch, step: int) -> int:
    """How many bars of a period open before a time, less than zero for a time before it."""
    return -((period.start - time) // step)


def _next_open(time: int, step: int) -> int:
    return int(bar_opens(np.array(time + step - 1), step))


def _month(time: int) -> Stretch:
    first = datetime.fromtimestamp(time / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return Stretch(int(first.timestamp()) * 1000, int(after.timestamp()) * 1000)
