"""Klines of one symbol and interval: a function of its trades and of the time."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tidewright.domain.bars import Integers
from tidewright.domain.resampling import bar_opens, run_starts
from tidewright.domain.timeframe import TIMEFRAMES, milliseconds
from tidewright.exchange.trade_log import MILLISECOND, TradeLog
from tidewright.ports import Stretch

INTERVALS = ("1s", *TIMEFRAMES)


class Candle(NamedTuple):
    """One kline; prices, volumes and values in the units of its log. `first` and `last` are ids of trades, -1 where there was none."""

    open_time: int
    close_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int
    bought: int
    bought_quote: int
    first: int
    last: int


class Candles:
    """The klines of `interval` that trades make.

    As on Binance, a stretch in which nobody traded has a flat kline at the last price, without volume; not so one within an outage.
    """

    def __init__(self, log: TradeLog, interval: str, outages: Sequence[Stretch] = ()) -> None:
        self.interval = interval
        self.step = milliseconds(interval)
        self._log = log
        opens = bar_opens(log.time, self.step)
        starts = run_starts(opens)
        grid = np.arange(opens[0], opens[-1] + 1, self.step) if len(log) else opens
        for outage in outages:
            grid = grid[(grid < outage.start) | (grid + self.step > outage.end) | np.isin(grid, opens[starts])]
        self.opens: Integers = grid
        self._starts = np.searchsorted(opens, grid)
        self._ends = np.searchsorted(opens, grid, side="right")

    def __len__(self) -> int:
        return len(self.opens)

    def begun(self, now: int) -> int:
        """How many klines have begun by `now`: those of the present are there once a trade of theirs, or of later ones, is."""
        known = int(np.searchsorted(self.opens, now, side="right"))
        if known and self._ends[known - 1] > self._starts[known - 1] and self._log.time[self._starts[known - 1]] > now:
            known -= 1
        return known

    def since(self, time: int) -> int:
        """The first kline that opens at `time` or later."""
        return int(np.searchsorted(self.opens, time))

    def closed_at(self, row: int) -> int:
        """When streams say that a kline is over, in nanoseconds: at its end, and after the last of its trades."""
        end = (int(self.opens[row]) + self.step) * MILLISECOND
        return max(end, int(self._log.at[self._ends[row] - 1])) if self._ends[row] > self._starts[row] else end

    def at(self, row: int, now: int) -> Candle:
        """A kline as it is at `now`, in milliseconds."""
        end = int(self.opens[row]) + self.step
        if now >= end:
            values = [int(column[row]) for column in self._whole]
        else:
            first = int(self._starts[row])
            part = np.array([first]), np.array([max(first, min(int(self._ends[row]), self._log.happened(now)))])
            values = [int(column[0]) for column in _columns(self._log, *part)]
        return Candle(int(self.opens[row]), end - 1, *values)

    @cached_property
    def _whole(self) -> tuple[Integers, ...]:
        return _columns(self._log, self._starts, self._ends)

    def row(self, candle: Candle) -> list[Any]:
        """As REST writes it."""
        log = self._log
        return [
            candle.open_time,
            *map(log.priced, (candle.open, candle.high, candle.low, candle.close)),
            log.sized(candle.volume),
            candle.close_time,
            log.valued(candle.quote),
            candle.trades,
            log.sized(candle.bought),
            log.valued(candle.bought_quote),
            "0",
        ]

    def fields(self, candle: Candle, symbol: str, *, closed: bool) -> dict[str, Any]:
        """As streams write it."""
        log = self._log
        return {
            "t": candle.open_time,
            "T": candle.close_time,
            "s": symbol,
            "i": self.interval,
            "f": candle.first,
            "L": candle.last,
            "o": log.priced(candle.open),
            "c": log.priced(candle.close),
            "h": log.priced(candle.high),
            "l": log.priced(candle.low),
            "v": log.sized(candle.volume),
            "n": candle.trades,
            "x": closed,
            "q": log.valued(candle.quote),
            "V": log.sized(candle.bought),
            "Q": log.valued(candle.bought_quote),
            "B": "0",
        }


def _columns(log: TradeLog, starts: Integers, ends: Integers) -> tuple[Integers, ...]:
    """Of klines that are made of the trades from `starts` to `ends` (exclusive), in ascending order: the fields of `Candle` from `open` on."""
    some = ends > starts
    span = slice(starts[0], ends[-1])
    bounds = np.stack((starts[some], ends[some]), axis=1).ravel() - starts[0]

    def spread(values: Integers, otherwise: Integers | int) -> Integers:
        column: Integers = np.empty(len(starts), values.dtype)
        column[some] = values
        column[~some] = otherwise
        return column

    def folded(fold: np.ufunc, values: Integers) -> Integers:
        """Each kline's own; a padding row lets the last one end with the values."""
        result: Integers = fold.reduceat(np.append(values, values[-1:]), bounds)[::2] if len(bounds) else values[:0]
        return result

    flat = log.price[starts[~some] - 1]
    price, volume, quote, bought = log.price[span], log.volume[span], log.quote[span], ~log.buyer_is_maker[span]
    return (
        spread(log.price[starts[some]], flat),
        spread(folded(np.maximum, price), flat),
        spread(folded(np.minimum, price), flat),
        spread(log.price[ends[some] - 1], flat),
        spread(folded(np.add, volume), 0),
        spread(folded(np.add, quote), 0),
        ends - starts,
        spread(folded(np.add, volume * bought), 0),
        spread(folded(np.add, quote * bought), 0),
        spread(log.id[starts[some]], -1),
        spread(log.id[ends[some] - 1], -1),
    )
