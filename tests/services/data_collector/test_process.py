"""The collector as a process, with a real Redis and a real recording: killed, and with everything around it failing."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from collecting import SYMBOL, TIMEFRAMES, TRADES, Truth, exchanging

from tidewright.adapters.embedded_redis import EmbeddedRedis
from tidewright.adapters.redis_server import RedisServer
from tidewright.adapters.redis_streams import RedisStreams
from tidewright.ports import StreamUnavailable
from tidewright.wire.market_data import streamed_bar_of, trade_of
from tidewright.wire.topology import RAW_BARS, RAW_TRADES

pytestmark = pytest.mark.anyio

QUICK = {"QUIET": "1", "MEASURE": "0.5", "RECONNECT": "0.5", "SILENCE": "2"}


@pytest.fixture
def server(tmp_path):
    with EmbeddedRedis(tmp_path / "redis", sync="always") as running:
        yield running


@pytest.fixture
def recording(shared_data: Path):
    return sorted((shared_data / "raw-websocket").glob("binance-spot-btcusdt-*.gz"))


@contextmanager
def collector(exchange_url, streams_url, log: Path, **settings):
    """The process, which is killed at the end."""
    environment = {
        **os.environ,
        **{f"TIDEWRIGHT_{name}": value for name, value in (QUICK | settings).items()},
        "TIDEWRIGHT_STREAMS": streams_url,
        "TIDEWRIGHT_SYMBOLS": SYMBOL,
        "TIDEWRIGHT_EXCHANGE_URL": exchange_url,
        "TIDEWRIGHT_STREAM_URL": exchange_url.replace("http", "ws"),
        "TIDEWRIGHT_HOST": "127.0.0.1",
        "TIDEWRIGHT_REST_PORT": "0",
        "TIDEWRIGHT_GRPC_PORT": "0",
    }
    with (
        log.open("a") as file,
        subprocess.Popen([sys.executable, "-m", "data_collector"], env=environment, stderr=file) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


class Consumed:
    """All that has been published, read as the validator does."""

    def __init__(self, streams):
        self._streams = streams
        self.trades = []
        self.bars = []

    async def take(self):
        """What is new; at once, or nothing while the streams are away."""
        for topic, kept, told_by in ((RAW_TRADES, self.trades, trade_of), (RAW_BARS, self.bars, streamed_bar_of)):
            with suppress(StreamUnavailable):
                consumer = await self._streams.subscribe(topic.name, topic.consumers[0], "test")
                while deliveries := await consumer.read(1_000, 0.05):
                    kept += [told_by(delivery.data) for delivery in deliveries]
                    await consumer.acknowledge([delivery.id for delivery in deliveries])

    async def take_until(self, condition, seconds):
        async with asyncio.timeout(seconds):
            while not condition():
                await self.take()
                await asyncio.sleep(0.05)

    async def take_all(self, truth: Truth, seconds=240.0):
        bars = sum(len(truth.bars(timeframe)) for timeframe in TIMEFRAMES)
        await self.take_until(lambda: len(self.trades) >= len(truth.trades) and len(self.bars) >= bars, seconds)
        await self.take()

    def is_the(self, truth: Truth):
        told = [(one.id, one.time, one.price, one.quantity, one.buyer_is_maker) for one in self.trades]
        assert told == truth.trades
        for timeframe in TIMEFRAMES:
            bars = [(one.time, *one.values) for one in self.bars if one.market.timeframe == timeframe]
            assert bars == truth.bars(timeframe)
        return True


@asynccontextmanager
async def consuming(server):
    streams = RedisStreams(server.url)
    try:
        yield Consumed(streams)
    finally:
        await streams.close()


async def killed(times, files, server, folder, trades, speed):
    """What is published by a collector that is killed so many times."""
    async with exchanging(files, speed=speed) as (_, url, truth), consuming(server) as consumed:
        for part in range(1, times + 1):
            with collector(url, server.url, folder / "log"):
                await consumed.take_until(lambda part=part: len(consumed.trades) > part * trades // (times + 2), 120)
        with collector(url, server.url, folder / "log"):
            await consumed.take_all(truth)
        return consumed.is_the(truth)


async def test_killed_twice(tape, server, tmp_path):
    assert await killed(2, tape, server, tmp_path, TRADES, speed=60.0)


async def test_a_redis_that_has_lost_everything_gets_it_again(tape, server, tmp_path):
    """It does so between two messages, and is not away for a moment; the second of two processes had not published what is lost."""
    async with exchanging(tape, speed=60.0) as (_, url, truth), consuming(server) as consumed:
        with collector(url, server.url, tmp_path / "log"):
            await consumed.take_until(lambda: len(consumed.trades) > 500, 60)
        with collector(url, server.url, tmp_path / "log"):
            await consumed.take_until(lambda: len(consumed.trades) > 1_000, 60)
            await _lose_everything(server)
            consumed.trades, consumed.bars = [], []
            await consumed.take_all(truth)
        assert consumed.is_the(truth)


async def _lose_everything(server):
    redis = RedisServer(server.url)
    await redis.ask("FLUSHALL")
    await redis.close()


async def test_it_stops_when_it_is_told(tape, server, tmp_path):
    async with exchanging(tape) as (_, url, _), consuming(server) as consumed:
        with collector(url, server.url, tmp_path / "log") as process:
            await consumed.take_until(lambda: len(consumed.trades) > 100, 60)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
    assert "stopped" in (tmp_path / "log").read_text()


@pytest.mark.soak
async def test_killed_ten_times_during_the_recording(recording, server, tmp_path):
    assert await killed(10, recording, server, tmp_path, 19_904, speed=10.0)


@pytest.mark.soak
async def test_fifty_disconnects_during_the_recording(recording, server, tmp_path):
    async with exchanging(recording, speed=10.0) as (exchange, url, truth), consuming(server) as consumed:
        with collector(url, server.url, tmp_path / "log"):
            for part in range(1, 51):
                await consumed.take_until(lambda part=part: len(consumed.trades) > part * 350, 120)
                exchange.drop()
            await consumed.take_all(truth)
        assert consumed.is_the(truth)


@pytest.mark.soak
async def test_everything_wrong_with_the_exchange_during_the_recording(recording, server, tmp_path):
    plan = {
        "drop": 0.001, "silence": {"rate": 0.0001, "seconds": 3}, "repeat": 0.02, "reorder": 0.02, "late": 0.01, "malformed": 0.005, "missing": 0.005,
        "http-429": {"rate": 0.02, "seconds": 1}, "http-5xx": 0.05, "http-drop": 0.05, "http-malformed": 0.05, "http-missing": 0.05,
    }  # fmt: skip
    async with exchanging(recording, plan, speed=10.0) as (exchange, url, truth), consuming(server) as consumed:
        with collector(url, server.url, tmp_path / "log"):
            await consumed.take_all(truth)
        assert consumed.is_the(truth)
        assert exchange.faults.done["drop"] > 0


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [0.0, 60.0])
async def test_redis_is_killed_and_gone_for_a_while(recording, server, tmp_path, seconds):
    async with exchanging(recording, speed=10.0) as (_, url, truth), consuming(server) as consumed:
        with collector(url, server.url, tmp_path / "log", ROOM="1000"):
            for trades in (3_000, 10_000):
                await consumed.take_until(lambda trades=trades: len(consumed.trades) > trades, 120)
                await asyncio.to_thread(server.kill)
                await asyncio.sleep(seconds / 2)
                await asyncio.to_thread(server.start)
            await consumed.take_all(truth)
        assert consumed.is_the(truth)


@pytest.mark.soak
async def test_redis_is_full_until_it_is_given_more_memory(recording, tmp_path):
    with EmbeddedRedis(tmp_path / "redis", memory=2_000_000) as server:
        async with exchanging(recording, speed=20.0) as (exchange, url, truth), consuming(server) as consumed:
            with collector(url, server.url, tmp_path / "log", ROOM="1000"):
                while "nothing can be published" not in (tmp_path / "log").read_text():
                    await asyncio.sleep(0.1)
                    assert not exchange.player.ended.is_set(), "the memory was enough"
                await asyncio.to_thread(server.stop)
                with EmbeddedRedis(tmp_path / "redis", server.port) as larger:
                    assert larger.url == server.url
                    await consumed.take_all(truth)
            assert consumed.is_the(truth)
