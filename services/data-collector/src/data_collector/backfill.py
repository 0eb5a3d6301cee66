"""Past bars onto the topic raw.history, window by window, so that whatever interrupts it the next attempt goes on after the last one."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import numpy as np

from data_collector.lane import PATIENCE
from data_collector.past import LATE
from tidewright.adapters.exchange.http import Pace, Rejected, Unavailable
from tidewright.adapters.exchange.source import BarSource, UnknownSymbol
from tidewright.domain.bars import Market
from tidewright.domain.instant import utc
from tidewright.domain.resampling import bar_opens
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import LaneBehind, StreamFull, Streams, StreamUnavailable, Stretch
from tidewright.serving.logs import logger
from tidewright.wire.market_data import HISTORY_CHUNK, history_events
from tidewright.wire.topology import RAW_HISTORY, market_lane

OpenSource = Callable[[Market], AbstractAsyncContextManager[BarSource]]
"""Whom to ask for the bars of a market. Raises ValueError where nobody has them."""

_ATTEMPTS = 8
_T = TypeVar("_T")


class BackfillsFull(RuntimeError):
    """As many wait as may."""


class NotOver(RuntimeError):
    """The end of the period is yet to come; what comes before it has been published."""


class State(StrEnum):
    """How far a backfill is."""

    WAITING = "Waiting"
    RUNNING = "Running"
    COMPLETE = "Complete"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Backfill:
    """`done` is the share that has been asked for, in 0..1; `bars` were published by this process. `problem` says why it failed, or what it waits for."""

    id: str
    market: Market
    period: Stretch
    state: State = State.WAITING
    done: float = 0.0
    bars: int = 0
    problem: str = ""


def backfill_id(market: Market, period: Stretch) -> str:
    """The same for the same request, so that asking again does no harm."""
    return hashlib.sha256("|".join((*market, *map(str, period))).encode()).hexdigest()[:16]


def windows(period: Stretch, step: int) -> list[Stretch]:
    """A period in parts that make a message each, counted from its start."""
    length = step * HISTORY_CHUNK
    return [Stretch(start, min(start + length, period.end)) for start in range(period.start, period.end, length)]


class Backfills:
    """One is at work at a time, so many may wait, and so many are remembered."""

    def __init__(
        self, source: OpenSource, streams: Streams, pace: Pace, waiting: int = 16, remembered: int = 1_000
    ) -> None:
        self._source = source
        self._streams = streams
        self._pace = pace
        self._remembered = remembered
        self._queue: asyncio.Queue[str] = asyncio.Queue(waiting)
        self._known: OrderedDict[str, Backfill] = OrderedDict()

    def ask(self, market: Market, period: Stretch) -> Backfill:
        """Begin, or begin again what has failed; what is known already is only told. Raises BackfillsFull."""
        known = self._known.get(identity := backfill_id(market, period))
        if known is not None and known.state is not State.FAILED:
            return known
        if self._queue.full():
            raise BackfillsFull(f"{self._queue.qsize()} backfills wait already; ask again when one of them is done")
        backfill = self._known[identity] = Backfill(identity, market, period)
        self._queue.put_nowait(identity)
        self._forget_oldest()
        return backfill

    def known(self, identity: str) -> Backfill | None:
        return self._known.get(identity)

    async def work(self) -> None:
        """For ever."""
        while True:
            identity = await self._queue.get()
            self._change(identity, state=State.RUNNING)
            try:
                await self._fill(self._known[identity])
            except (Unavailable, Rejected, UnknownSymbol, NotOver, ValueError) as error:
                logger().warning("backfill failed", id=identity, reason=str(error))
                self._change(identity, state=State.FAILED, problem=str(error))
            except Exception as error:  # what is wrong with one of them must not end the collection of everything
                logger().exception("backfill failed", id=identity)
                self._change(identity, state=State.FAILED, problem=f"{type(error).__name__}: {error}")
            else:
                self._change(identity, state=State.COMPLETE, done=1.0, problem="")

    async def _fill(self, backfill: Backfill) -> None:
        period, step = backfill.period, milliseconds(backfill.market.timeframe)
        async with self._source(backfill.market) as source:
            over = int(bar_opens(np.array(await self._asked(source.now) - LATE), step))
            while not await self._filled(backfill, source, min(period.end, over)):
                logger().warning("the streams have lost messages", topic=RAW_HISTORY.name, backfill=backfill.id)
        if over < period.end:
            raise NotOver(
                f"end: bars from {utc(over)} on are not over yet, those before it are published; ask for it again then"
            )

    async def _filled(self, backfill: Backfill, source: BarSource, end: int) -> bool:
        """Publishes what comes after the last that the streams have; whether they still have all of it then."""
        market, period, step = backfill.market, backfill.period, milliseconds(backfill.market.timeframe)
        lane = f"{market_lane(*market)}#{backfill.id}"
        last = await self._last(backfill.id, lane)
        start = period.start if last is None else max(period.start, last + step)
        for window in windows(Stretch(start, end), step):
            bars = await self._asked(partial(source.bars, window))
            if len(bars):
                messages, believed = list(history_events(bars, backfill.id)), {} if last is None else {lane: last}
                publish = partial(self._streams.publish, RAW_HISTORY.name, messages, believed)
                try:
                    await self._patiently(backfill.id, publish)
                except LaneBehind:
                    return False
                last = messages[-1].order
                self._change(backfill.id, bars=self._known[backfill.id].bars + len(bars))
            self._change(backfill.id, done=(window.end - period.start) / (period.end - period.start), problem="")
        there = await self._last(backfill.id, lane)
        return last is None or (there is not None and there >= last)

    async def _last(self, identity: str, lane: str) -> int | None:
        return await self._patiently(identity, partial(self._streams.last, RAW_HISTORY.name, lane))

    async def _patiently(self, identity: str, call: Callable[[], Awaitable[_T]]) -> _T:
        """Until the streams answer, however long that takes."""
        failures = 0
        while True:
            try:
                return await call()
            except (StreamUnavailable, StreamFull) as error:
                self._change(identity, problem=str(error))
                await self._pace.sleep(PATIENCE.pause(failures, self._pace.draw()))
                failures += 1

    async def _asked(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Raises Unavailable, Rejected and UnknownSymbol."""
        for attempt in range(_ATTEMPTS - 1):
            try:
                return await call()
            except Unavailable:
                await self._pace.sleep(PATIENCE.pause(attempt, self._pace.draw()))
        return await call()

    def _change(self, identity: str, **fields: Any) -> None:  # noqa: ANN401 - those of Backfill
        self._known[identity] = replace(self._known[identity], **fields)

    def _forget_oldest(self) -> None:
        """Of those that are over."""
        over = [identity for identity, one in self._known.items() if one.state in {State.COMPLETE, State.FAILED}]
        for identity in over[: max(len(self._known) - self._remembered, 0)]:
            del self._known[identity]
