"""Longer bars out of shorter ones, and bars out of single trades, exactly.

Prices are picked and never computed. Volumes are added as the decimal numbers that exchanges write, so that the sum is the
number that the exchange itself publishes for the longer bar: five-minute bars of Binance make its hourly bars bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from tidewright.domain.bars import COLUMNS, Bars, Floats, Integers, Market
from tidewright.domain.timeframe import DAY, duration, milliseconds

_ORIGINS = {7 * DAY: 4 * DAY, 3 * DAY: DAY}
"""Where the grid of bars over a day starts: weeks on Mondays (1970-01-05), three days where Binance's spot market has them."""

_PLACES = 8
_EXACT = 2**52
"""Whole numbers up to here are float64 without rounding, and so many units of a decimal place are told apart as floats."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """`n` trades in the order in which they happened; every column has shape (n,), `time` in milliseconds since the epoch, UTC."""

    time: Integers
    price: Floats
    quantity: Floats


@dataclass(frozen=True, slots=True)
class Resampled:
    """Longer bars, and the open times of those that some of the shorter bars were missing for."""

    bars: Bars
    incomplete: Integers


def bar_opens(time: Integers, step: int) -> Integers:
    """The open time of the bar in which each time falls: a UTC grid from the epoch, of weeks from Monday on."""
    origin = _ORIGINS.get(step, 0)
    opens: Integers = (time - origin) // step * step + origin
    return opens


def longer_step(step: int, timeframe: str) -> int:
    """The length of `timeframe` in milliseconds. Raises ValueError where bars of `step` milliseconds cannot make it."""
    longer = milliseconds(timeframe)
    if longer <= step or longer % step:
        raise ValueError(
            f"{timeframe} bars cannot be made of {duration(step)} bars; a longer timeframe is a whole multiple of the shorter one"
        )
    return longer


def resample(bars: Bars, timeframe: str, *, keep_incomplete: bool = False) -> Resampled:
    """The bars of a longer timeframe, each known at its own close and made of the bars that open within it.

    A bar that lacks some of its parts is left out, and so is one that has none: gaps are never filled. With `keep_incomplete` the former
    are made of what there is, as an exchange does after an outage; not so the first and the last one, whose parts may
    only not have been imported. NaN stays NaN. Raises ValueError where `timeframe` is not a multiple of the bars' own.
    """
    step = longer_step(bars.step, timeframe)
    opens = bar_opens(bars.time, step)
    starts = run_starts(opens)
    complete = np.diff(starts, append=len(opens)) == step // bars.step
    kept = complete.copy()
    if keep_incomplete:
        kept[1:-1] = True
    longer = aggregated(bars, opens, starts, step, bars.market._replace(timeframe=timeframe))
    return Resampled(_taken(longer, np.flatnonzero(kept)), longer.time[~complete])


def bars_of(ticks: Ticks, market: Market) -> Bars:
    """The bars that trades make; a stretch without a trade has none. Raises ValueError where times descend."""
    step = milliseconds(market.timeframe)
    if np.any(np.diff(ticks.time) < 0):
        raise ValueError(f"the trades of {market.symbol} are not in the order of their times")
    opens = bar_opens(ticks.time, step)
    single = Bars(ticks.time, *(ticks.price,) * 4, ticks.quantity, step=step, market=market)
    return aggregated(single, opens, run_starts(opens), step, market)


def joined(parts: Sequence[Bars]) -> Bars:
    """One series of parts that follow each other; a bar that is split over several parts becomes one. At least one part is needed."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("time", *COLUMNS)}
    whole = Bars(**columns, step=parts[0].step, market=parts[0].market)
    return aggregated(whole, whole.time, run_starts(whole.time), whole.step, whole.market)


def run_starts(opens: Integers) -> Integers:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.diff(opens, prepend=opens[:1] - 1)).astype(np.int64, copy=False)


def aggregated(bars: Bars, opens: Integers, starts: Integers, step: int, market: Market) -> Bars:
    """One bar of each run of `bars` that have the same open time in `opens`; `starts` is where the runs begin."""
    if not len(starts):
        return replace(bars.part(0, 0), step=step, market=market)
    last = np.append(starts[1:], len(opens)) - 1
    return Bars(
        time=opens[starts],
        open=bars.open[starts],
        high=np.maximum.reduceat(bars.high, starts),
        low=np.minimum.reduceat(bars.low, starts),
        close=bars.close[last],
        volume=_exact_sums(bars.volume, starts),
        step=step,
        market=market,
    )


def _taken(bars: Bars, rows: Integers) -> Bars:
    columns = {name: getattr(bars, name)[rows] for name in ("time", *COLUMNS)}
    return Bars(**columns, step=bars.step, market=bars.market)


def _exact_sums(values: Floats, starts: Integers) -> Floats:
    """The float nearest to the sum of each run, with values of up to eight decimal places as the decimals that they stand for.

    Whole multiples of the last place are added as whole numbers, which no order of the summands can change; the values of a run of which
    one is no such decimal are added with one rounding at the end (`math.fsum`). A run is judged by its own values alone: what
    comes later changes no sum.
    """
    sums = np.empty(len(starts))
    pending = np.ones(len(starts), dtype=np.bool_)
    for places in range(_PLACES, -1, -1):
        if not pending.any():
            return sums
        with np.errstate(over="ignore", invalid="ignore"):
            units = np.rint(values * 10.0**places)
            whole = np.add.reduceat(units, starts)
            others = np.flatnonzero((units / 10.0**places != values) | (values < 0.0))
        settled = pending & (whole <= _EXACT)
        settled[np.searchsorted(starts, others, side="right") - 1] = False
        sums[settled] = whole[settled] / 10.0**places
        pending &= ~settled
    ends = np.append(starts[1:], len(values))
    for run in np.flatnonzero(pending):
        sums[run] = fsum(values[starts[run] : ends[run]])
    return sums
