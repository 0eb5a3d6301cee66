"""Bars from an archive, as soon as a stream tells that there are new ones."""

import asyncio
import random
from contextlib import suppress

from tidewright.domain.backoff import Backoff
from tidewright.domain.bars import Bars, Market
from tidewright.ports import Archive, Streams, StreamUnavailable
from tidewright.wire.market import Malformed
from tidewright.wire.market_data import streamed_bar_of
from tidewright.wire.topology import VALID_BARS

_LONGEST_PAUSE = 30.0
_FIRST_PAUSE = 0.5


class ArchiveFeed:
    """A `BarFeed`: what is known is what the archive holds, and the stream of valid bars only says when to look again.

    So a message that is lost, late or doubled changes nothing but the time at which a bar is seen, which is `poll` seconds after it was written at the latest.
    An archive is given bars once they have closed, so no clock is asked. `listen` has to run beside it.
    """

    def __init__(self, archive: Archive, streams: Streams | None, poll: float) -> None:
        self._archive = archive
        self._streams = streams
        self._poll = poll
        self._told: dict[Market, int] = {}
        self._looked: dict[Market, int] = {}
        self._changed = asyncio.Event()

    async def read(self, market: Market, first: int | None) -> Bars:
        return await self._archive.read_bars(market, first)

    async def wait(self, market: Market, newest: int | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll):
                while not self._is_newer(market, newest):
                    await self._changed.wait()
        if market in self._told:
            # A bar that was told of, and is not found all the same, is looked for again after `poll` and not at once.
            self._looked[market] = self._told[market]

    def _is_newer(self, market: Market, newest: int | None) -> bool:
        told = self._told.get(market)
        known = [time for time in (newest, self._looked.get(market)) if time is not None]
        return told is not None and told > max(known, default=told - 1)

    async def listen(self) -> None:
        """Follow the stream for ever; while it is away, and where there is none, the archive is looked into every `poll` seconds alone."""
        if self._streams is None:
            return
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, random.random)
        while True:
            with suppress(StreamUnavailable):
                async for delivery in self._streams.tail(VALID_BARS.name):
                    self._hear(delivery.data)
                    backoff.succeeded()
            await asyncio.sleep(backoff.failed())

    def _hear(self, data: bytes) -> None:
        with suppress(Malformed):  # the archive has what there is
            bar = streamed_bar_of(data)
            self._told[bar.market] = max(bar.time, self._told.get(bar.market, bar.time))
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()
