"""The collector beside an exchange with faults: what it publishes is exactly what happened there, nothing lost and nothing doubled."""

import pytest
from collecting import SYMBOL, TRADES, Published, all_collected, collecting, exchanging, until
from exchange_tapes import FIRST

from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.v1.market_data_pb2 import TradeEvent
from tidewright.wire.topology import RAW_BARS, RAW_TRADES, TOPICS, Topic

pytestmark = pytest.mark.anyio


async def test_all_trades_and_all_closed_bars_are_published(tape, streams, published):
    async with exchanging(tape) as (_, url, truth), collecting(url, streams) as (service, figures):
        await all_collected(published, truth)
        assert published.is_the(truth)
        assert service.problem() == ""
        assert figures["messages_total"] > TRADES
        assert figures["published_total"] == TRADES + sum(
            len(published.bars(x)) for x in ("1m", "5m", "15m", "1h", "4h", "1d")
        )


FAULTS = {
    "cut connections": {"drop": 0.01},
    "silence": {"silence": {"at": [60_000, 150_000], "seconds": 2}},
    "repeated, reordered and late messages": {"repeat": 0.1, "reorder": 0.1, "late": 0.05},
    "messages that cannot be read": {"malformed": 0.05, "missing": 0.05},
    "requests that fail": {
        "drop": 0.003, "http-5xx": 0.2, "http-drop": 0.1, "http-malformed": 0.1, "http-missing": 0.1, "http-429": {"rate": 0.05, "seconds": 1},
    },
}  # fmt: skip


@pytest.mark.parametrize("plan", FAULTS.values(), ids=FAULTS)
async def test_faults_of_the_exchange_lose_and_double_nothing(tape, streams, published, plan):
    async with exchanging(tape, plan) as (exchange, url, truth), collecting(url, streams):
        await all_collected(published, truth, seconds=180.0)
        assert published.is_the(truth)
        assert all(exchange.faults.done[name] for name in plan if not name.startswith("http"))


async def test_absurd_numbers_are_not_believed(tape, streams, published):
    """But that of a flag that is turned round nobody can tell: here it is left out."""
    async with exchanging(tape, {"absurd": 0.05, "http-absurd": 0.2}) as (_, url, truth), collecting(url, streams):
        await all_collected(published, truth)
        assert [row[:-1] for row in published.trades()] == [row[:-1] for row in truth.trades]


async def test_a_connection_is_replaced_before_its_end_without_a_gap(tape, streams, published):
    """The exchange cuts connections after two minutes of its time: two seconds."""
    async with (
        exchanging(tape, speed=60.0, connection_age=120.0) as (_, url, truth),
        collecting(url, streams, renewal=1.0, quiet=60.0) as (_, figures),
    ):
        await all_collected(published, truth)
        assert published.is_the(truth)
        assert figures['reconnects_total{reason="age"}'] >= 3
        assert figures['reconnects_total{reason="cut"}'] == 0


async def test_a_collector_that_dies_goes_on_where_it_was(tape, streams, published):
    async with exchanging(tape) as (_, url, truth):
        for part in range(1, 10):
            async with collecting(url, streams):
                await until(lambda part=part: published.count() > part * TRADES // 12)
        async with collecting(url, streams):
            await all_collected(published, truth)
        assert published.is_the(truth)


async def test_two_collectors_publish_everything_once(tape, streams, published):
    async with exchanging(tape, {"drop": 0.003}) as (_, url, truth), collecting(url, streams), collecting(url, streams):
        await all_collected(published, truth)
        assert published.is_the(truth)


async def test_what_comes_while_the_streams_are_away_is_published_afterwards(tape, streams, published):
    async with exchanging(tape) as (_, url, truth), collecting(url, streams, quiet=60.0) as (service, figures):
        await until(lambda: published.count() > 500)
        streams.server.away = True
        await until(lambda: "away" in service.problem())
        await until(lambda: figures["queue_depth"] > 300)
        streams.server.away = False
        await all_collected(published, truth)
        assert published.is_the(truth)
        assert figures["dropped_total"] == 0


async def test_more_than_may_be_queued_is_dropped_and_asked_for_again(tape, streams, published):
    async with exchanging(tape) as (_, url, truth), collecting(url, streams, room=1_000) as (_, figures):
        await until(lambda: published.count() > 500)
        streams.server.away = True
        await until(lambda: figures["dropped_total"] > 1_000)
        assert figures["queue_depth"] <= 1_000
        streams.server.away = False
        await all_collected(published, truth)
        assert published.is_the(truth)
        assert figures["repaired_total"] > 1_000


async def test_full_streams_are_waited_for(tape):
    """Nobody consumes at first; then somebody does, slowly."""
    bound = Topic(RAW_TRADES.name, TradeEvent, RAW_TRADES.producer, RAW_TRADES.consumers, bound=1_500, kept=TRADES)
    streams = MemoryStreams(MemoryServer(TOPICS | {bound.name: bound}))
    published = Published(streams.server)
    async with exchanging(tape) as (_, url, truth), collecting(url, streams, room=1_000) as (service, _):
        await until(lambda: "behind" in service.problem())
        consumer = await streams.subscribe(bound.name, bound.consumers[0], "slow")
        while published.count() < TRADES:
            await consumer.acknowledge([one.id for one in await consumer.read(100, 1.0)])
        await all_collected(published, truth)
        assert published.is_the(truth)


async def test_streams_that_come_back_without_their_last_messages_get_them_again(tape, streams, published):
    async with exchanging(tape) as (_, url, truth), collecting(url, streams) as (service, _):
        await until(lambda: published.count() > 1_000)
        streams.server.away = True
        await until(lambda: "away" in service.problem())
        log = streams.server.log(RAW_TRADES.name)
        for number in list(log.entries)[800:]:
            del log.entries[number]
        log.next, log.lanes = 801, dict.fromkeys(log.lanes, 800)
        streams.server.away = False
        await all_collected(published, truth)
        assert published.is_the(truth)


async def test_streams_that_have_lost_messages_while_nobody_looked_get_them_again(tape, streams, published):
    """They begin anew, under the second of two collectors, and were not away for a moment."""
    async with exchanging(tape) as (_, url, truth):
        async with collecting(url, streams):
            await until(lambda: published.count() > 700)
        async with collecting(url, streams):
            await until(lambda: published.count() > 1_400)
            for topic in (RAW_TRADES, RAW_BARS):
                log = streams.server.log(topic.name)
                log.entries.clear()
                log.lanes.clear()
                log.first = log.next = 1
            await all_collected(published, truth)
        assert published.is_the(truth)


async def test_from_now_on(tape, streams, published):
    """Half of the tape is over; what comes from now on is published."""
    async with exchanging(tape, start=FIRST + 150_000) as (_, url, truth), collecting(url, streams, start="now"):
        await until(lambda: published.trades() and published.trades()[-1] == truth.trades[-1])
        first = published.trades()[0][0]
        assert first == 1_471
        assert published.trades() == truth.trades[first - 1 :]


async def test_symbols_come_and_go(tape, streams, published):
    async with exchanging(tape) as (_, url, truth), collecting(url, streams, symbols="") as (service, _):
        assert published.count() == 0
        served = service.collector
        served.add(SYMBOL)
        await until(lambda: published.count() > 500)
        served.remove(SYMBOL)
        await until(lambda: not served.status().symbols)
        served.add(SYMBOL)
        await all_collected(published, truth)
        assert published.is_the(truth)
