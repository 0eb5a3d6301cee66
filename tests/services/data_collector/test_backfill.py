"""Backfills: whatever interrupts one, the streams have every bar once it says that it is complete."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from data_collector.backfill import Backfills, State
from data_collector.budget import Budget
from data_collector.sparing import SparingSource
from tidewright.adapters.exchange.http import Pace
from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.ports import Stretch
from tidewright.wire.market_data import history_of
from tidewright.wire.topology import RAW_HISTORY

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
START = 1_735_689_600_000
MARKET = Market("binance", "BTC/USDT", "1h")


class Exchange:
    """It has a bar an hour."""

    name, longest, proves_absence = "hours", 1_000 * HOUR, True

    def __init__(self, hours):
        self.time = START + round(hours * HOUR)

    async def now(self):
        return self.time

    async def bars(self, window):
        times = np.arange(window.start, window.end, HOUR)
        return Bars(times, **{name: np.ones(len(times)) for name in COLUMNS}, step=HOUR, market=MARKET)


class Forgetful(MemoryStreams):
    """Everything is lost after so many calls of `publish`."""

    calls = 0

    def __init__(self, server, lost_after):
        super().__init__(server)
        self.lost_after = lost_after

    async def publish(self, topic, messages, believed=None):
        added = await super().publish(topic, messages, believed)
        self.calls += 1
        if self.calls == self.lost_after:
            self.server.log(topic).lanes.clear()
            self.server.log(topic).entries.clear()
        return added


@pytest.fixture
def server():
    return MemoryServer()


@asynccontextmanager
async def filling(server, source, streams=None):
    """A process with its backfills."""

    @asynccontextmanager
    async def opened(market):
        yield source

    async def no_time(seconds):
        await asyncio.sleep(0)

    backfills = Backfills(opened, streams or MemoryStreams(server), Pace(sleep=no_time))
    work = asyncio.create_task(backfills.work())
    yield backfills
    work.cancel()
    await asyncio.wait((work,))


async def ended(backfills, hours):
    begun = backfills.ask(MARKET, Stretch(START, START + hours * HOUR))
    async with asyncio.timeout(10):
        while (known := backfills.known(begun.id)).state not in {State.COMPLETE, State.FAILED}:
            await asyncio.sleep(0)
    return known


def hours_of(server):
    entries = server.log(RAW_HISTORY.name).entries.values()
    return [(time - START) // HOUR for entry in entries for time in history_of(entry.data).bars.time.tolist()]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_backfill_whose_end_was_not_over_goes_on_when_it_is(server, restarted):
    exchange = Exchange(500.9)
    async with filling(server, exchange) as backfills:
        first = await ended(backfills, 1_500)
        assert (first.state, first.done, hours_of(server)) == (State.FAILED, 500 / 1_500, list(range(500)))
        assert "bars from 2025-01-21T20:00:00Z on are not over yet" in first.problem
        exchange.time = START + 2_000 * HOUR
        if not restarted:
            assert (await ended(backfills, 1_500)).state is State.COMPLETE
    async with filling(server, exchange) as backfills:
        assert (await ended(backfills, 1_500)).state is State.COMPLETE
    assert hours_of(server) == list(range(1_500))


async def test_a_bar_that_has_only_just_ended_may_still_change(server):
    exchange = Exchange(3)
    exchange.time += 1_999
    async with filling(server, exchange) as backfills:
        await ended(backfills, 3)
        assert hours_of(server) == [0, 1]
        exchange.time += 1
        assert (await ended(backfills, 3)).state is State.COMPLETE
        assert hours_of(server) == [0, 1, 2]


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
async def test_what_the_streams_lose_meanwhile_is_published_again(server, parts):
    """Of four parts they lose these, the last one included."""
    streams = Forgetful(server, parts)
    async with filling(server, Exchange(5_000), streams) as backfills:
        assert (await ended(backfills, 4_000)).state is State.COMPLETE
    assert hours_of(server) == list(range(4_000))
    assert streams.calls == parts + 4


async def test_an_error_that_nobody_expects_fails_one_backfill_alone(server):
    exchange = Exchange(5_000)
    now, exchange.time = exchange.time, None
    async with filling(server, exchange) as backfills:
        told = await ended(backfills, 10)
        assert told.state is State.FAILED
        assert told.problem.startswith("TypeError: unsupported operand")
        exchange.time = now
        assert (await ended(backfills, 10)).state is State.COMPLETE


async def test_a_backfill_leaves_half_of_the_weight_to_what_is_live(server):
    exchange, slept = Exchange(5_000), []

    async def sleep(seconds):
        slept.append(seconds)
        exchange.time += round(seconds * 1_000)

    budget = Budget(50, lambda: exchange.time, sleep)
    async with filling(server, SparingSource(exchange, budget, weight=10)) as backfills:
        assert (await ended(backfills, 4_000)).state is State.COMPLETE
    assert hours_of(server) == list(range(4_000))
    assert slept == [60.0]
    assert budget.used <= 25
