"""The kinds of raw messages: how each is read, judged, archived and passed on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np

from tidewright.adapters.archive_input import check_name
from tidewright.domain.bars import COLUMNS, Bars, Integers, Market
from tidewright.domain.quality import (
    BAR_ERRORS,
    BAR_RULES,
    REPEATED_BAR,
    REPEATED_TRADE,
    STALE_RUN,
    TRADE_ERRORS,
    TRADE_RULES,
    BarWatch,
    QualityRule,
    TradeWatch,
)
from tidewright.domain.quality.rows import Masks
from tidewright.domain.quality.rules import LATEST
from tidewright.domain.tape import TAPE_COLUMNS, Tape
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Archive, ArchiveRefused, Written
from tidewright.wire.market import Malformed
from tidewright.wire.market_data import (
    StreamedBar,
    StreamedHistory,
    StreamedTrade,
    history_events,
    history_of,
    streamed_bar_of,
    trade_of,
)
from tidewright.wire.topology import (
    RAW_BARS,
    RAW_HISTORY,
    RAW_TRADES,
    VALID_BARS,
    VALID_TRADES,
    Topic,
)

Series: TypeAlias = Tape | Bars
Watch: TypeAlias = TradeWatch | BarWatch
Rows = TypeVar("Rows", Tape, Bars)
Event: TypeAlias = StreamedTrade | StreamedBar | StreamedHistory


class Lane(NamedTuple):
    """What is judged together: a symbol's trades, a market's bars, or one backfill of it."""

    market: Market
    backfill: str = ""


class Kind(Protocol):
    """One kind of message. `refused` are the bits that keep a row out of the archive; whether a row only repeats another, the archive knows."""

    @property
    def topic(self) -> Topic: ...

    @property
    def valid(self) -> Topic | None: ...

    @property
    def rules(self) -> Mapping[int, QualityRule]: ...

    @property
    def refused(self) -> int: ...

    def event(self, data: bytes) -> tuple[Lane, Event]:
        """Raises Malformed."""
        ...

    def series(self, lane: Lane, events: Sequence[Any]) -> tuple[Series, Integers, Integers]:
        """The rows of all events, the event that each belongs to, and when each was received (0: unknown)."""
        ...

    async def watch(self, lane: Lane, archive: Archive) -> Watch:
        """Whoever judges the lane, with what is archived of it in mind."""
        ...

    async def remind(self, watch: Any, lane: Lane, series: Any, archive: Archive) -> None:  # noqa: ANN401 - its own kind of both
        """Tell a watch what was archived right before these rows where it does not know: another process may have had its turn."""
        ...

    def judge(self, watch: Any, series: Any, received: Integers) -> Masks: ...  # noqa: ANN401

    def keys(self, series: Any) -> Integers: ...  # noqa: ANN401

    async def write(self, archive: Archive, lane: Lane, series: Any, *, overwrite: bool) -> Written: ...  # noqa: ANN401

    def refusal(self, data: bytes, event: Any, rows: Integers) -> bytes:  # noqa: ANN401
        """The message that says no more than the refused rows of an event's."""
        ...


class Trades:
    """Single trades."""

    topic, valid, rules = RAW_TRADES, VALID_TRADES, TRADE_RULES
    refused = TRADE_ERRORS & ~REPEATED_TRADE

    def event(self, data: bytes) -> tuple[Lane, StreamedTrade]:
        trade = trade_of(data)
        return _lane(Market(trade.exchange, trade.symbol, "")), trade

    def series(self, lane: Lane, events: Sequence[StreamedTrade]) -> tuple[Tape, Integers, Integers]:
        _, _, ids, time, price, quantity, buyer_is_maker, received = zip(*events, strict=True)
        tape = Tape(
            np.array(ids, np.int64), np.array(time, np.int64), np.array(price), np.array(quantity), np.array(buyer_is_maker)
        )  # fmt: skip
        return tape, np.arange(len(events)), np.array(received, np.int64)

    async def watch(self, lane: Lane, archive: Archive) -> TradeWatch:
        watch = TradeWatch(lane.market.symbol)
        newest = await archive.newest_trade(lane.market.exchange, lane.market.symbol)
        if newest is not None:
            watch.judge(await archive.read_tape(lane.market.exchange, lane.market.symbol, newest))
        return watch

    async def remind(self, watch: TradeWatch, lane: Lane, series: Tape, archive: Archive) -> None:
        if between := _left_out(watch, series.id, 1):
            last = between[-1]
            watch.judge(await archive.read_tape(lane.market.exchange, lane.market.symbol, last, last))

    def judge(self, watch: TradeWatch, series: Tape, received: Integers) -> Masks:
        return watch.judge(series, received)

    def keys(self, series: Tape) -> Integers:
        return series.id

    async def write(self, archive: Archive, lane: Lane, series: Tape, *, overwrite: bool) -> Written:
        return await archive.write_tape(lane.market.exchange, lane.market.symbol, series)

    def refusal(self, data: bytes, event: StreamedTrade, rows: Integers) -> bytes:
        return data


class _OfBars:
    rules = BAR_RULES
    refused = BAR_ERRORS & ~REPEATED_BAR

    async def remind(self, watch: BarWatch, lane: Lane, series: Bars, archive: Archive) -> None:
        if between := _left_out(watch, series.time[series.time < LATEST], series.step):
            known = between[-STALE_RUN:]
            watch.judge(await archive.read_bars(lane.market, known.start, known.stop))

    def judge(self, watch: BarWatch, series: Bars, received: Integers) -> Masks:
        return watch.judge(series, received)

    def keys(self, series: Bars) -> Integers:
        return series.time

    async def write(self, archive: Archive, lane: Lane, series: Bars, *, overwrite: bool) -> Written:
        return await archive.write_bars(series, replace=overwrite)


class ClosedBars(_OfBars):
    """Single bars, as they close."""

    topic, valid = RAW_BARS, VALID_BARS

    def event(self, data: bytes) -> tuple[Lane, StreamedBar]:
        bar = streamed_bar_of(data)
        return _lane(bar.market), bar

    def series(self, lane: Lane, events: Sequence[StreamedBar]) -> tuple[Bars, Integers, Integers]:
        columns = dict(zip(COLUMNS, np.array([bar.values for bar in events]).T, strict=True))
        time = np.array([bar.time for bar in events], np.int64)
        bars = Bars(time=time, **columns, step=milliseconds(lane.market.timeframe), market=lane.market)
        return bars, np.arange(len(events)), np.array([bar.received for bar in events], np.int64)

    async def watch(self, lane: Lane, archive: Archive) -> BarWatch:
        step = milliseconds(lane.market.timeframe)
        watch = BarWatch(lane.market.symbol, step)
        newest = await archive.newest_bar(lane.market)
        if newest is not None:
            watch.judge(await archive.read_bars(lane.market, newest - STALE_RUN * step))
        return watch

    def refusal(self, data: bytes, event: StreamedBar, rows: Integers) -> bytes:
        return data


class History(_OfBars):
    """Stretches of past bars. They are archived and not passed on: whoever follows the stream of bars follows the present."""

    topic, valid = RAW_HISTORY, None

    def event(self, data: bytes) -> tuple[Lane, StreamedHistory]:
        history = history_of(data)
        return _lane(history.bars.market, history.backfill), history

    def series(self, lane: Lane, events: Sequence[StreamedHistory]) -> tuple[Bars, Integers, Integers]:
        parts = [event.bars for event in events]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("time", *COLUMNS)}
        bars = Bars(**columns, step=parts[0].step, market=lane.market)
        owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        return bars, owner, np.zeros(len(bars), np.int64)

    async def watch(self, lane: Lane, archive: Archive) -> BarWatch:
        return BarWatch(lane.market.symbol, milliseconds(lane.market.timeframe))

    def refusal(self, data: bytes, event: StreamedHistory, rows: Integers) -> bytes:
        if len(rows) == len(event.bars):
            return data
        (message,) = history_events(taken(event.bars, rows), event.backfill)
        return message.data


KINDS: Mapping[str, Kind] = {kind.topic.name: kind for kind in (Trades(), ClosedBars(), History())}
"""By topic."""


def _left_out(watch: Watch, keys: Integers, step: int) -> range:
    """The keys between the newest that a watch knows and the first above it among these."""
    if watch.newest is None or not len(new := keys[keys > watch.newest]):
        return range(0)
    return range(watch.newest + step, int(new.min()), step)


def taken(series: Rows, rows: Integers) -> Rows:
    """Some rows of a series."""
    names = TAPE_COLUMNS if isinstance(series, Tape) else ("time", *COLUMNS)
    return replace(series, **{name: getattr(series, name)[rows] for name in names})


def _lane(market: Market, backfill: str = "") -> Lane:
    """Raises Malformed for names that nothing can be archived by."""
    try:
        check_name(market if market.timeframe else market._replace(timeframe="tape"))
    except ArchiveRefused as error:
        raise Malformed(str(error)) from None
    return Lane(market, backfill)
