"""Bars from a store that somebody else writes to."""

import asyncio

from tidewright.domain.bars import Bars, Market
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import BarStore, Clock


class StoreFeed:
    """A `BarFeed` that looks into a store: `delay` milliseconds after a bar should have closed, and then every `poll` milliseconds until it is there."""

    def __init__(self, store: BarStore, clock: Clock, delay: int, poll: int) -> None:
        self._store = store
        self._clock = clock
        self._delay = delay
        self._poll = poll

    async def read(self, market: Market, first: int | None) -> Bars:
        last_open = self._clock.now() - milliseconds(market.timeframe)
        return await asyncio.to_thread(self._store.read, market, first, last_open + 1)

    async def wait(self, market: Market, newest: int | None) -> None:
        wait = self._poll
        if newest is not None:
            closes = newest + 2 * milliseconds(market.timeframe)
            wait = max(wait, closes + self._delay - self._clock.now())
        await self._clock.sleep(wait)
