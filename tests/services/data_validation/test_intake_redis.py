"""The loops on a Redis whose memory is short, and shared by two who take turns: the archive and the valid topic are what was published."""

import asyncio
from contextlib import suppress
from itertools import count

import pytest
from raw_messages import trade

from tidewright.adapters.embedded_redis import EmbeddedRedis
from tidewright.adapters.memory_archive import MemoryArchive
from tidewright.adapters.redis_streams import RedisStreams
from tidewright.ports import ArchiveUnavailable, StreamFull

pytestmark = pytest.mark.anyio


class Archive(MemoryArchive):
    """May be away."""

    away = False

    async def write_tape(self, *given):
        if self.away:
            raise ArchiveUnavailable("gone")
        return await super().write_tape(*given)


async def passed_on(streams):
    return [delivery.data async for delivery in streams.kept("valid.trades")]


async def test_while_the_archive_is_away_redis_fills_and_afterwards_everything_is_archived(make, tmp_path):
    archive, published = Archive(), 0
    with EmbeddedRedis(tmp_path, memory=4 << 20) as server:
        streams = RedisStreams(server.url)
        pipeline = make(streams=streams, archive=archive)
        archive.away = True
        with suppress(StreamFull):
            for first in count(1, 1_000):
                await streams.publish("raw.trades", [trade(number) for number in range(first, first + 1_000)])
                published = first + 999
        with pytest.raises(ArchiveUnavailable):
            await pipeline.consume("raw.trades")
        archive.away = False
        await pipeline.consume("raw.trades")

        assert published > 10_000
        assert (await archive.read_tape("binance", "BTC/USDT")).id.tolist() == list(range(1, published + 1))
        assert await streams.last("valid.trades", "binance|BTC/USDT") == published
        await streams.publish("raw.trades", [trade(published + 1)])
        await streams.close()


async def test_of_two_validators_one_is_killed_again_and_again_and_the_order_holds(make, tmp_path):
    archive, total = Archive(), 3_000
    sent = [trade(number) for number in range(1, total + 1)]
    with EmbeddedRedis(tmp_path) as server:
        ours = RedisStreams(server.url)
        await ours.publish("raw.trades", sent)

        async def validator(name):
            streams = RedisStreams(server.url, abandoned_after=0.05)
            try:
                await (
                    make(streams=streams, archive=archive, batch=50, consumer=name, wait=0.01).service.intakes[0].run()
                )
            finally:
                await streams.close()

        steady = asyncio.create_task(validator("steady"))
        for name in count():
            mortal = asyncio.create_task(validator(f"mortal-{name}"))
            await asyncio.wait((mortal,), timeout=0.03)
            mortal.cancel()
            await asyncio.gather(mortal, return_exceptions=True)
            backlog = await ours.backlog("raw.trades", "data-validation")
            if not backlog.unread and not backlog.pending:
                break
        steady.cancel()
        await asyncio.gather(steady, return_exceptions=True)

        assert (await archive.read_tape("binance", "BTC/USDT")).id.tolist() == list(range(1, total + 1))
        assert await passed_on(ours) == [message.data for message in sent]
        await ours.close()
