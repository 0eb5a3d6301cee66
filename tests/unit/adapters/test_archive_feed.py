"""A feed from an archive looks when the stream says so, and goes by what the archive has."""

import asyncio
from contextlib import suppress

import pytest
from live_market import BTC, ETH, HOUR, hours
from virtual_time import run

from tidewright.adapters.archive_feed import ArchiveFeed
from tidewright.adapters.memory_archive import MemoryArchive
from tidewright.adapters.memory_streams import MemoryStreams
from tidewright.domain.bars import COLUMNS
from tidewright.ports import Message
from tidewright.wire.market_data import StreamedBar, bar_event
from tidewright.wire.topology import VALID_BARS

POLL = 8.0


class Site:
    """An archive, streams, and a feed that listens to them."""

    def __init__(self):
        self.archive, self.streams = MemoryArchive(), MemoryStreams()
        self.feed = ArchiveFeed(self.archive, self.streams, POLL)

    async def __aenter__(self):
        self._listening = asyncio.create_task(self.feed.listen())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening

    async def write(self, market, *rows):
        await self.archive.write_bars(hours(market, rows))

    async def tell(self, market, row):
        bars = hours(market, [row])
        bar = StreamedBar(market, int(bars.time[0]), tuple(float(getattr(bars, name)[0]) for name in COLUMNS), 0)
        await self.streams.publish(VALID_BARS.name, [bar_event(bar)])

    async def waited(self, market, newest):
        """How long the feed made somebody wait."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self.feed.wait(market, newest)
        return loop.time() - began


def scene(coroutine):
    async def played():
        async with Site() as site:
            return await coroutine(site)

    return run(played())


def test_what_the_archive_has_is_read_from_the_first_bar_wanted_on():
    async def read(site):
        await site.write(BTC, 0, 1, 2)
        return (await site.feed.read(BTC, HOUR)).time.tolist()

    assert scene(read) == [HOUR, 2 * HOUR]


def test_nobody_waits_once_a_newer_bar_was_told_of():
    async def told(site):
        waiting = asyncio.create_task(site.waited(BTC, 0))
        await asyncio.sleep(1.0)
        await site.tell(BTC, 1)
        return await waiting

    assert scene(told) == 1.0


@pytest.mark.parametrize(("market", "row"), [(ETH, 1), (BTC, 0)], ids=["another market", "an older bar"])
def test_what_is_no_news_wakes_nobody(market, row):
    async def told(site):
        waiting = asyncio.create_task(site.waited(BTC, 0))
        await asyncio.sleep(1.0)
        await site.tell(market, row)
        return await waiting

    assert scene(told) == POLL


def test_a_bar_that_was_told_of_and_is_not_there_is_looked_for_once_a_while():
    async def told(site):
        await site.tell(BTC, 5)
        return [await site.waited(BTC, 0) for _ in range(3)]

    assert scene(told) == [0.0, POLL, POLL]


def test_while_the_stream_is_away_the_archive_is_looked_into_all_the_same():
    async def away(site):
        site.streams.server.away = True
        await site.write(BTC, 0)
        return await site.waited(BTC, None)

    assert scene(away) == POLL


def test_once_the_stream_is_back_it_is_listened_to_again():
    async def back(site):
        site.streams.server.away = True
        await site.feed.wait(BTC, None)
        site.streams.server.away = False
        await asyncio.sleep(64.0)  # beyond the longest pause between two attempts
        waiting = asyncio.create_task(site.waited(BTC, 0))
        await asyncio.sleep(1.0)
        await site.tell(BTC, 1)
        return await waiting

    assert scene(back) == 1.0


def test_a_message_that_is_none_is_passed_by():
    async def poisoned(site):
        await site.streams.publish(VALID_BARS.name, [Message("?", 1, b"\xff")])
        await site.tell(BTC, 1)
        return await site.waited(BTC, 0)

    assert scene(poisoned) == 0.0
