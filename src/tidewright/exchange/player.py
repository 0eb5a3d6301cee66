"""Lets time pass: everything on the tape is told in its order, at its time or as fast as it is read."""

import asyncio
from collections.abc import Iterable, Sequence
from math import inf

import numpy as np

from tidewright.exchange.clock import ExchangeClock
from tidewright.exchange.connections import Connection
from tidewright.exchange.faults import Faults
from tidewright.exchange.kline_feed import KlineFeeds
from tidewright.exchange.markets import ExchangeMarket
from tidewright.exchange.streams import Hub
from tidewright.exchange.trade_log import MILLISECOND

BACKLOG = 1 << 22
"""Bytes that may wait for a client that does not read before its connection is cut."""

_BATCH = 512
_ROOM = 1 << 18
"""Bytes up to which more is sent to a client at full speed."""

_PATIENCE = 10.0
_NAP = 0.05
_LOOK = 0.001


class Player:
    """Plays the tapes of some markets from `clock.start` to the end of the last of them."""

    def __init__(
        self, markets: Sequence[ExchangeMarket], clock: ExchangeClock, hub: Hub, faults: Faults, backlog: int = BACKLOG
    ) -> None:
        self._backlog = backlog
        self._clock, self._hub, self._faults = clock, hub, faults
        self._feeds = [feed for market in markets for feed in market.feeds]
        at = np.concatenate([feed.at for feed in self._feeds])
        feed = np.concatenate([np.full(len(each.at), number, np.int16) for number, each in enumerate(self._feeds)])
        row = np.concatenate([np.arange(len(each.at), dtype=np.int32) for each in self._feeds])
        order = np.argsort(at, kind="stable")
        self._at, self._feed, self._row = at[order], feed[order], row[order]
        self._next = int(np.searchsorted(self._at, clock.start))
        self._end = max(market.end for market in markets)
        self._klines = KlineFeeds({market.name: market for market in markets}, hub)
        self.connections: set[Connection] = set()
        self.ended = asyncio.Event()

    async def play(self) -> None:
        """Until the tapes end."""
        clock = self._clock
        clock.begin()
        while clock.now() < self._end:
            reach = clock.reach()
            told = self._tell(reach)
            self._flush()
            if clock.speed == inf:
                await self._room()
            else:
                self._cut_the_slow()
                moment = self._upcoming()
                if told < _BATCH:
                    clock.open(int(moment))
                    await asyncio.sleep(min(max(clock.until(moment), _LOOK), _NAP))
                else:
                    await asyncio.sleep(0)
        for connection in tuple(self.connections):
            connection.flush(final=True)
        self.ended.set()

    def _upcoming(self) -> float:
        """When the next thing happens."""
        recorded = int(self._at[self._next]) if self._next < len(self._at) else self._end
        return min(recorded, self._klines.due, self._end)

    def _tell(self, reach: float) -> int:
        """Tell of what happens up to `reach`, or of a part of it; how much that was."""
        hub, clock, klines = self._hub, self._clock, self._klines
        clock.advance(clock.now())
        klines.follow(clock.now())
        first = self._next
        last = min(first + _BATCH, int(np.searchsorted(self._at, min(reach, self._end), side="right")))
        rows = slice(first, last)
        for at, feed, row in zip(
            self._at[rows].tolist(), self._feed[rows].tolist(), self._row[rows].tolist(), strict=True
        ):
            self._pass(at)
            clock.advance(at)
            self._feeds[feed].publish(row, hub)
        self._next = last
        if last == len(self._at) or self._at[last] > reach:
            upto = int(min(reach, self._end))
            self._pass(upto)
            clock.advance(upto)
        return last - first

    def _pass(self, at: int) -> None:
        """What is due by the time alone."""
        while self._klines.due <= at:
            self._clock.advance(int(self._klines.due))
            self._klines.tell(int(self._klines.due))
        if (since := (at - self._clock.start) // MILLISECOND) >= self._faults.due:
            self._faults.advance(since)

    def _flush(self) -> None:
        now = self._clock.now()
        for connection in tuple(self.connections):
            connection.flush()
            if connection.until <= now:
                connection.expire()

    async def _room(self) -> None:
        """As fast as it is read: until there is room for more, or whoever does not read has held everybody up for long enough."""
        await asyncio.sleep(0)
        waited = 0.0
        while slow := [connection for connection in self.connections if connection.backlog > _ROOM]:
            if waited > _PATIENCE:
                _cut(slow)
            await asyncio.sleep(_LOOK)
            waited += _LOOK

    def _cut_the_slow(self) -> None:
        _cut([connection for connection in self.connections if connection.backlog > self._backlog])


def _cut(connections: Iterable[Connection]) -> None:
    for connection in connections:
        connection.cut()
