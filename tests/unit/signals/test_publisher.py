"""Signals on their stream: each once and in order, whoever restarts."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from live_market import BTC, HOUR, Feed, Live, hours

from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.ports import Message
from tidewright.signals.published import published as read_back
from tidewright.signals.publisher import publish
from tidewright.wire.signal import published_of
from tidewright.wire.topology import SIGNALS

pytestmark = pytest.mark.anyio


async def following(rows):
    """A service that knows so many hours."""
    live = Live(Feed(hours(BTC, range(rows))))
    await live.refresh()
    return live


async def more(live, rows):
    live.feed.bars[BTC] = hours(BTC, range(rows))
    await live.refresh()
    live.service.tell()


@asynccontextmanager
async def publishing(live, server):
    task = asyncio.create_task(publish(live.service, MemoryStreams(server)))
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def published(server, count):
    """The open times, in hours, of the first signals on the stream, once there are so many."""
    streams, signals = MemoryStreams(server), []
    async for delivery in streams.tail(SIGNALS.name, "0-0"):
        signals.append(published_of(delivery.data).signal)
        if len(signals) == count:
            return [signal.time // HOUR for signal in signals]
    raise AssertionError("the stream ended")


async def test_it_begins_with_the_newest_and_goes_on_with_each():
    server, live = MemoryServer(), await following(60)
    async with publishing(live, server):
        assert await published(server, 1) == [59]
        await more(live, 62)
        assert await published(server, 3) == [59, 60, 61]


async def test_after_a_restart_it_goes_on_where_it_was():
    server, live = MemoryServer(), await following(60)
    async with publishing(live, server):
        await published(server, 1)
    live = await following(63)
    async with publishing(live, server):
        assert await published(server, 4) == [59, 60, 61, 62]


async def test_two_replicas_publish_each_signal_once():
    server = MemoryServer()
    lives = [await following(60), await following(60)]
    async with publishing(lives[0], server), publishing(lives[1], server):
        await published(server, 1)
        for live in lives:
            await more(live, 62)
        assert await published(server, 3) == [59, 60, 61]
    assert await MemoryStreams(server).last(SIGNALS.name, "ma-cross|binance|BTC/USDT|1h") == 61 * HOUR
    assert len(server.log(SIGNALS.name).entries) == 3


async def test_what_is_said_while_the_streams_are_away_is_published_afterwards(monkeypatch):
    monkeypatch.setattr("tidewright.signals.publisher._FIRST_PAUSE", 0.001)
    server, live = MemoryServer(), await following(60)
    async with publishing(live, server):
        await published(server, 1)
        server.away = True
        await more(live, 62)
        await asyncio.sleep(0)
        server.away = False
        assert await published(server, 3) == [59, 60, 61]


async def test_what_the_streams_have_lost_of_it_is_published_again(monkeypatch):
    monkeypatch.setattr("tidewright.signals.publisher._FIRST_PAUSE", 0.001)
    server, live = MemoryServer(), await following(60)
    async with publishing(live, server):
        await published(server, 1)
        await more(live, 63)
        await published(server, 4)
        log = server.log(SIGNALS.name)
        (lane,) = log.lanes
        del log.entries[4], log.entries[3]
        log.next, log.lanes[lane] = 3, 60 * HOUR
        await more(live, 64)
        assert await published(server, 5) == [59, 60, 61, 62, 63]

        log.entries.clear()
        log.lanes.clear()
        log.first, log.next = 1, 1
        await more(live, 65)
        assert await published(server, 6) == [59, 60, 61, 62, 63, 64]


async def test_it_ends_with_the_service():
    server, live = MemoryServer(), await following(60)
    async with publishing(live, server) as task:
        await published(server, 1)
        live.service.stop()
        await asyncio.wait_for(task, 5)


async def test_what_was_published_can_be_read_back_by_strategy_and_market():
    server, live = MemoryServer(), await following(60)
    async with publishing(live, server):
        await more(live, 62)
        found = await published_so_far(server, 3)
    assert [one.signal.time // HOUR for one in found] == [59, 60, 61]
    assert {one.digest for one in found} == {live.strategy.digest}
    assert await read_back(MemoryStreams(server), "another", BTC) == []


async def test_reading_back_ends_though_what_was_said_is_no_longer_kept():
    server, live = MemoryServer(), await following(60)
    async with publishing(live, server):
        await published(server, 1)
    streams = MemoryStreams(server)
    for first in range(1, 20_000, 1_000):
        await streams.publish(SIGNALS.name, [Message("another", n, b"") for n in range(first, first + 1_000)])
    async with asyncio.timeout(5):
        assert await read_back(streams, "ma-cross", BTC) == []


async def published_so_far(server, count):
    await published(server, count)
    return await read_back(MemoryStreams(server), "ma-cross", BTC)
