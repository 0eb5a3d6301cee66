"""The row rules, executed: one pass over the rows, a mask of broken rules for each, and between two calls the little that the next row has to know.

Verdicts are the same over any split of the rows into calls.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import COLUMNS, Bars, Floats, Integers
from tidewright.domain.compiled import compiled
from tidewright.domain.quality.rules import (
    AMOUNT_LIMIT,
    BAR_ERRORS,
    DUPLICATE_ID,
    DUPLICATE_TIME,
    EARLIEST,
    FUTURE_TIME,
    GAP,
    HIGH_TOO_LOW,
    ID_GAP,
    ID_LIMIT,
    IMPOSSIBLE_ID,
    IMPOSSIBLE_TIME,
    LARGE_CHANGE,
    LATEST,
    LEAD,
    LOW_TOO_HIGH,
    NEGATIVE_VOLUME,
    NON_FINITE,
    NON_POSITIVE_PRICE,
    NON_POSITIVE_QUANTITY,
    OFF_GRID,
    PRICE_JUMP,
    PRICE_TOO_HIGH,
    QUANTITY_TOO_HIGH,
    STALE_PRICE,
    STALE_RUN,
    TRADE_ERRORS,
    TRADE_UNSORTED_TIME,
    UNSORTED_ID,
    UNSORTED_TIME,
    VOLUME_TOO_HIGH,
    ZERO_VOLUME,
    price_limit,
)
from tidewright.domain.tape import Tape
from tidewright.domain.timeframe import DAY

Masks = NDArray[np.int32]

_FRESH = np.iinfo(np.int64).min
"""The highest time or id before the first row."""


def bar_masks(bars: Bars, received: Integers | None = None) -> Masks:
    """The mask of each bar, shape (n,): bits of `BAR_RULES`. Never raises, whatever the content."""
    return BarWatch(bars.market.symbol, bars.step).judge(bars, received)


def trade_masks(tape: Tape, symbol: str = "", received: Integers | None = None) -> Masks:
    """The mask of each trade, shape (n,): bits of `TRADE_RULES`. Never raises, whatever the content."""
    return TradeWatch(symbol).judge(tape, received)


class BarWatch:
    """Judges bars of one market, of `step` milliseconds, in parts that follow each other."""

    def __init__(self, symbol: str, step: int) -> None:
        self._limit = price_limit(symbol)
        self._step = step
        self._places = np.array([_FRESH, 0, _FRESH], dtype=np.int64)
        self._prices = np.full(4, np.nan)

    @property
    def newest(self) -> int | None:
        """The latest open time so far; None before the first bar."""
        return _newest(self._places)

    def judge(self, bars: Bars, received: Integers | None = None) -> Masks:
        """The mask of each bar. `received`: when each was, in milliseconds; without it, or where it is 0, no time lies in the future."""
        masks = np.empty(len(bars), dtype=np.int32)
        open_, high, low, close, volume = (_plain(getattr(bars, name), np.float64) for name in COLUMNS)
        with np.errstate(all="ignore"):
            _judge_bars(
                _plain(bars.time, np.int64), open_, high, low, close, volume, _received(received, len(bars)), self._step, self._limit, self._places, self._prices, masks
            )  # fmt: skip
        return masks


class TradeWatch:
    """Judges trades of one symbol in parts that follow each other."""

    def __init__(self, symbol: str) -> None:
        self._limit = price_limit(symbol)
        self._places = np.full(2, _FRESH, dtype=np.int64)
        self._price = np.full(1, np.nan)

    @property
    def newest(self) -> int | None:
        """The highest id so far; None before the first sound trade."""
        return _newest(self._places)

    def judge(self, tape: Tape, received: Integers | None = None) -> Masks:
        """The mask of each trade; `received` as for bars."""
        masks = np.empty(len(tape), dtype=np.int32)
        with np.errstate(all="ignore"):
            _judge_trades(
                _plain(tape.id, np.int64), _plain(tape.time, np.int64), _plain(tape.price, np.float64), _plain(tape.quantity, np.float64),
                _received(received, len(tape)), self._limit, self._places, self._price, masks,
            )  # fmt: skip
        return masks


def _newest(places: Integers) -> int | None:
    return None if places[0] == _FRESH else int(places[0])


def _plain(column: NDArray[Any], dtype: type) -> NDArray[Any]:
    """In the one form that the loops are compiled for: a column read from a file may be read-only, and each form is compiled anew."""
    return np.require(column, dtype, ("C", "W"))


def _received(received: Integers | None, count: int) -> Integers:
    return np.zeros(count, np.int64) if received is None else _plain(received, np.int64)


@compiled
def _judge_bars(  # noqa: C901, PLR0912 - one pass, a branch for each rule
    time: Integers, opens: Floats, highs: Floats, lows: Floats, closes: Floats, volumes: Floats, received: Integers,
    step: int, limit: float, places: Integers, prices: Floats, masks: Masks,
) -> None:  # fmt: skip
    """`places`: the highest time so far, the run of equal prices, where the grid begins; `prices`: those of the last sound bar."""
    highest, run, grid = places[0], places[1], places[2]
    last_open, last_high, last_low, last_close = prices[0], prices[1], prices[2], prices[3]
    for i in range(len(time)):
        at, open_, high, low, close, volume = time[i], opens[i], highs[i], lows[i], closes[i], volumes[i]
        if grid == _FRESH:
            grid = at // DAY * DAY % step if step > DAY else 0
        mask = 0
        # A sum of finite numbers may overflow, a product with zero may not: 0 * x is 0 where x is finite and NaN elsewhere.
        if 0.0 * open_ + 0.0 * high + 0.0 * low + 0.0 * close + 0.0 * volume != 0.0:
            mask |= NON_FINITE
        if open_ <= 0.0 or high <= 0.0 or low <= 0.0 or close <= 0.0:
            mask |= NON_POSITIVE_PRICE
        if open_ >= limit or high >= limit or low >= limit or close >= limit:
            mask |= PRICE_TOO_HIGH
        if volume < 0.0:
            mask |= NEGATIVE_VOLUME
        if volume >= AMOUNT_LIMIT:
            mask |= VOLUME_TOO_HIGH
        if high < open_ or high < close or high < low:
            mask |= HIGH_TOO_LOW
        if low > open_ or low > close:
            mask |= LOW_TOO_HIGH
        if (at - grid) % step != 0:
            mask |= OFF_GRID
        if volume == 0.0:
            mask |= ZERO_VOLUME
        if abs(close - last_close) > LARGE_CHANGE * last_close:
            mask |= PRICE_JUMP
        if at < EARLIEST or at >= LATEST:
            mask |= IMPOSSIBLE_TIME
        elif received[i] > 0 and at - received[i] > LEAD - step:
            mask |= FUTURE_TIME
        elif highest == _FRESH:
            highest = at
        elif at == highest:
            mask |= DUPLICATE_TIME
        elif at < highest:
            mask |= UNSORTED_TIME
        else:
            # Rounded to whole bars: times that are off by less than half a bar make no gap.
            if (at - highest + step // 2) // step > 1:
                mask |= GAP
            highest = at
        if mask & BAR_ERRORS == 0:
            same = open_ == last_open and high == last_high and low == last_low and close == last_close
            run = run + 1 if same else 1
            if run >= STALE_RUN:
                mask |= STALE_PRICE
            last_open, last_high, last_low, last_close = open_, high, low, close
        masks[i] = mask
    places[0], places[1], places[2] = highest, run, grid
    prices[0], prices[1], prices[2], prices[3] = last_open, last_high, last_low, last_close


@compiled
def _judge_trades(  # noqa: C901, PLR0912 - likewise
    ids: Integers, time: Integers, price: Floats, quantity: Floats, received: Integers,
    limit: float, places: Integers, last: Floats, masks: Masks,
) -> None:  # fmt: skip
    """`places`: the highest id and time so far; `last`: the price of the last sound trade."""
    for i in range(len(ids)):
        mask = 0
        if 0.0 * price[i] + 0.0 * quantity[i] != 0.0:
            mask |= NON_FINITE
        if price[i] <= 0.0:
            mask |= NON_POSITIVE_PRICE
        if price[i] >= limit:
            mask |= PRICE_TOO_HIGH
        if quantity[i] <= 0.0:
            mask |= NON_POSITIVE_QUANTITY
        if quantity[i] >= AMOUNT_LIMIT:
            mask |= QUANTITY_TOO_HIGH
        if ids[i] < 0 or ids[i] >= ID_LIMIT:
            mask |= IMPOSSIBLE_ID
        if time[i] < EARLIEST or time[i] >= LATEST:
            mask |= IMPOSSIBLE_TIME
        elif received[i] > 0 and time[i] - received[i] > LEAD:
            mask |= FUTURE_TIME
        if abs(price[i] - last[0]) > LARGE_CHANGE * last[0]:
            mask |= PRICE_JUMP
        if places[0] != _FRESH:
            if ids[i] == places[0]:
                mask |= DUPLICATE_ID
            elif ids[i] < places[0]:
                mask |= UNSORTED_ID
            elif ids[i] > places[0] + 1:
                mask |= ID_GAP
            if time[i] < places[1]:
                mask |= TRADE_UNSORTED_TIME
        if mask & TRADE_ERRORS == 0:
            places[0] = ids[i]
            places[1] = max(places[1], time[i])
            last[0] = price[i]
        masks[i] = mask
