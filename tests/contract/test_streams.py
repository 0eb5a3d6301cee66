"""What every `Streams` promises, and every `StreamAdmin`."""

import asyncio
import itertools
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from redis_for_tests import redis_for_tests

from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.adapters.redis_server import RedisOptions
from tidewright.adapters.redis_streams import RedisStreams
from tidewright.adapters.stream_rules import StreamUnknown
from tidewright.ports import Backlog, LaneBehind, Message, StreamFull, StreamUnavailable
from tidewright.v1.market_data_pb2 import TradeEvent
from tidewright.wire.topology import Topic

pytestmark = pytest.mark.anyio

ABANDONED = 0.05
PATIENCE = 10.0


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def redis_url():
    with redis_for_tests() as url:
        yield url


@dataclass
class World:
    """One topic on a server, and any number of connections to it."""

    topic: Topic
    connect: object
    opened: list

    def connected(self):
        streams = self.connect()
        self.opened.append(streams)
        return streams


@asynccontextmanager
async def _world(kind, redis_url, abandoned_after=ABANDONED, **terms):
    topic = Topic(f"test-{secrets.token_hex(6)}", TradeEvent, "producer", **({"consumers": ("one", "two")} | terms))
    topics = {topic.name: topic}
    if kind == "memory":
        server = MemoryServer(topics)
        world = World(topic, lambda: MemoryStreams(server, abandoned_after=abandoned_after), [])
    else:
        world = World(topic, lambda: RedisStreams(redis_url, RedisOptions(), topics, abandoned_after), [])
    try:
        yield world
    finally:
        for streams in world.opened:
            await streams.close()


@pytest.fixture(params=["memory", "redis"])
def world(request):
    """Makes a world with the terms of its topic."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    return lambda **terms: _world(request.param, url, **terms)


def numbers(*which, lane="lane"):
    return [Message(lane, number, str(number).encode()) for number in which]


def told(deliveries):
    return [int(delivery.data) for delivery in deliveries]


async def drained(subscription):
    """Everything there is, acknowledged."""
    found = []
    while deliveries := await subscription.read(7, 0):
        found += told(deliveries)
        await subscription.acknowledge([delivery.id for delivery in deliveries])
    return found


async def test_what_is_published_is_consumed_in_its_order_by_every_group(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        assert await streams.publish(topic, numbers(*range(1, 21))) == 20
        for group in its.topic.consumers:
            assert await drained(await streams.subscribe(topic, group, "a")) == list(range(1, 21))


async def test_repeating_adds_nothing_and_a_lane_knows_its_last(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        assert await streams.last(topic, "lane") is None
        assert await streams.publish(topic, numbers(1, 2, 3)) == 3
        assert await streams.publish(topic, numbers(1, 2, 3)) == 0
        assert await streams.publish(topic, numbers(2, 3, 4, 4, 5)) == 2
        assert await streams.last(topic, "lane") == 5
        assert await drained(await streams.subscribe(topic, "one", "a")) == [1, 2, 3, 4, 5]


async def test_lanes_do_not_hinder_each_other(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        mixed = [*numbers(10, lane="a"), *numbers(1, lane="b"), *numbers(11, lane="a"), *numbers(2, lane="b")]
        assert await streams.publish(topic, mixed) == 4
        assert await drained(await streams.subscribe(topic, "one", "a")) == [10, 1, 11, 2]
        assert (await streams.last(topic, "a"), await streams.last(topic, "b")) == (11, 2)


@pytest.mark.parametrize(
    ("there", "told"), [(2, "has only up to 2 of the lane 'b'"), (None, "has nothing of the lane 'b'")]
)
async def test_where_a_lane_has_less_than_its_publisher_believes_nothing_is_published(world, there, told):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(7, lane="a"))
        if there is not None:
            await streams.publish(topic, numbers(there, lane="b"))
        with pytest.raises(LaneBehind, match=told) as refused:
            await streams.publish(topic, [*numbers(8, lane="a"), *numbers(4, lane="b")], {"a": 7, "b": 3})
        assert (refused.value.lane, refused.value.last) == ("b", there)
        assert [await streams.last(topic, lane) for lane in "ab"] == [7, there]


async def test_a_publisher_that_believes_what_is_so_or_less_publishes(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(-3, 7))
        assert await streams.publish(topic, numbers(8, 9), {"lane": 7}) == 2
        assert await streams.publish(topic, numbers(8, 9), {"lane": 7}) == 0, "repeating does no harm"
        assert await streams.publish(topic, numbers(1, lane="other"), {"lane": 9}) == 1
        assert await drained(await streams.subscribe(topic, "one", "a")) == [-3, 7, 8, 9, 1]


async def test_orders_may_be_negative_or_large_but_must_be_exact(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        assert await streams.publish(topic, numbers(-5, 0, 2**53 - 1)) == 3
        assert await streams.last(topic, "lane") == 2**53 - 1
        with pytest.raises(ValueError, match="the order 9007199254740992 in the lane 'lane' is beyond"):
            await streams.publish(topic, numbers(2**53))


async def test_any_bytes_are_given_back(world):
    data = bytes(range(256)) * 3
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, [Message("ü|lane\n", 1, data), Message("ü|lane\n", 2, b"")])
        subscription = await streams.subscribe(topic, "one", "a")
        assert [delivery.data for delivery in await subscription.read(10, 0)] == [data, b""]
        assert await streams.last(topic, "ü|lane\n") == 2


async def test_the_lane_that_was_silent_longest_is_forgotten_where_there_are_too_many(world):
    async with world(lanes=3) as its:
        streams, topic = its.connected(), its.topic.name
        for lane in ("a", "b", "c", "a"):
            await streams.publish(topic, numbers((await streams.last(topic, lane) or 0) + 1, lane=lane))
        await streams.publish(topic, numbers(1, lane="d"))
        assert [await streams.last(topic, lane) for lane in "abcd"] == [2, None, 1, 1]


async def test_what_is_not_acknowledged_is_given_again_first_with_its_attempts(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2, 3, 4))
        subscription = await streams.subscribe(topic, "one", "a")
        first, second = await subscription.read(2, 0)
        assert (first.attempts, second.attempts) == (1, 1)
        await subscription.acknowledge([first.id])

        restarted = await its.connected().subscribe(topic, "one", "a")
        again, new = await restarted.read(2, 0)
        assert (again.id, again.data, again.attempts) == (second.id, b"2", 2)
        assert (new.data, new.attempts) == (b"3", 1)
        assert [delivery.attempts for delivery in await restarted.read(2, 0)] == [3, 2]
        await restarted.acknowledge([second.id, new.id])
        assert told(await restarted.read(9, 0)) == [4]


async def test_acknowledging_again_or_what_is_unknown_does_no_harm(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2))
        subscription = await streams.subscribe(topic, "one", "a")
        (delivery,) = await subscription.read(1, 0)
        for ids in ([delivery.id], [delivery.id], [], ["1-99"]):
            await subscription.acknowledge(ids)
        assert await drained(subscription) == [2]


async def test_of_a_groups_consumers_one_is_at_work_at_a_time(world):
    async with world(abandoned_after=60.0) as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2, 3, 4))
        a, b = [await streams.subscribe(topic, "one", name) for name in "ab"]
        one, two = await a.read(2, 0)
        assert await b.read(9, 0) == []
        await a.acknowledge([one.id])
        assert await b.read(9, 0.01) == []
        standing_by = asyncio.create_task(b.read(9, PATIENCE))
        await asyncio.wait((standing_by,), timeout=0.02)
        await a.acknowledge([two.id])
        assert told(await standing_by) == [3, 4]
        assert await a.read(9, 0) == []


async def test_whoever_takes_over_takes_everything_and_the_one_that_comes_back_stands_by(world):
    async with world() as its:
        topic = its.topic.name
        late, heir = [await its.connected().subscribe(topic, "one", name) for name in ("late", "heir")]
        await its.connected().publish(topic, numbers(*range(1, 10)))
        held = await late.read(6, 0)
        taken = await heir.read(2, PATIENCE)
        assert (told(held), told(taken)) == ([1, 2, 3, 4, 5, 6], [1, 2])
        assert await late.read(9, 0) == []
        await late.acknowledge([delivery.id for delivery in held[:3]])
        assert told(await heir.read(9, 0)) == [4, 5, 6, 7, 8, 9]


async def test_consumers_that_come_and_go_handle_everything_in_its_order(world):
    async with world() as its:
        streams, topic, handled = its.connected(), its.topic.name, []

        async def consume(name, dies_after):
            subscription = await its.connected().subscribe(topic, "one", name)
            for _ in range(dies_after):
                deliveries = await subscription.read(7, ABANDONED / 5)
                for delivery in deliveries:
                    await asyncio.sleep(0)
                    handled.append(int(delivery.data))
                if dies_after > 100 or len(handled) % 3:  # now and then it dies before it could acknowledge
                    await subscription.acknowledge([delivery.id for delivery in deliveries])

        await streams.publish(topic, numbers(*range(1, 301)))
        mortal = [consume(f"mortal-{number}", number) for number in range(1, 8)]
        await asyncio.gather(*mortal)
        heir = asyncio.create_task(consume("heir", 10_000))
        async with asyncio.timeout(PATIENCE):
            while (backlog := await streams.backlog(topic, "one")).unread or backlog.pending:
                await asyncio.sleep(0.01)
        heir.cancel()
        await asyncio.gather(heir, return_exceptions=True)
        highest = 0
        for number in handled:
            assert number <= highest + 1, "nothing comes before what is ahead of it"
            highest = max(highest, number)
        assert highest == 300


async def test_what_a_consumer_that_is_gone_left_goes_to_another(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2, 3))
        gone = await streams.subscribe(topic, "one", "gone")
        assert told(await gone.read(2, 0)) == [1, 2]
        heir = await its.connected().subscribe(topic, "one", "heir")
        found = {}
        while len(found) < 3:
            for delivery in await heir.read(9, PATIENCE):
                found[int(delivery.data)] = delivery.attempts
                await heir.acknowledge([delivery.id])
        assert found == {1: 2, 2: 2, 3: 1}
        assert (await streams.backlog(topic, "one")).pending == 0


async def test_reading_waits_for_the_first_message(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        subscription = await streams.subscribe(topic, "one", "a")
        assert await subscription.read(5, 0) == []
        assert await subscription.read(5, 0.01) == []
        reading = asyncio.create_task(subscription.read(5, PATIENCE))
        await its.connected().publish(topic, numbers(1))
        assert told(await reading) == [1]


async def test_a_read_that_is_given_up_loses_nothing(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        subscription = await streams.subscribe(topic, "one", "a")
        for number in range(1, 6):
            reading = asyncio.create_task(subscription.read(1, PATIENCE))
            await streams.publish(topic, numbers(number))
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        assert await drained(subscription) == [1, 2, 3, 4, 5]


async def test_a_tail_begins_now_and_goes_on_from_an_id(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2))
        tail = streams.tail(topic)
        coming = asyncio.create_task(anext(tail))
        number = itertools.count(3)
        while not coming.done():  # from when on it looks, nobody is told
            await streams.publish(topic, numbers(next(number)))
            await asyncio.wait((coming,), timeout=0.02)
        first = await coming
        assert int(first.data) >= 3
        newest = await streams.last(topic, "lane")
        rest = [int((await anext(tail)).data) for _ in range(newest - int(first.data))]
        assert [int(first.data), *rest] == list(range(int(first.data), newest + 1))
        await tail.aclose()

        again = streams.tail(topic, first.id)
        await streams.publish(topic, numbers(newest + 1))
        assert int((await anext(again)).data) == int(first.data) + 1
        await again.aclose()


async def test_a_tail_takes_nothing_from_a_group(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1))
        tail = streams.tail(topic, "0-0")
        assert int((await anext(tail)).data) == 1
        await tail.aclose()
        assert await streams.backlog(topic, "one") == Backlog(1, 1, 0)


async def test_closing_ends_tails_and_reads_at_once(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        subscription = await streams.subscribe(topic, "one", "a")

        async def follow():
            return [delivery async for delivery in streams.tail(topic)]

        tailing, reading = asyncio.create_task(follow()), asyncio.create_task(subscription.read(5, 60))
        await asyncio.wait((tailing, reading), timeout=0.1)
        await streams.close()
        async with asyncio.timeout(PATIENCE):
            assert await tailing == []
            with pytest.raises(StreamUnavailable):
                await reading
        with pytest.raises(StreamUnavailable, match="closed"):
            await streams.publish(topic, numbers(1))


async def test_the_backlog_of_a_group(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        assert await streams.backlog(topic, "one") == Backlog(0, 0, 0)
        await streams.publish(topic, numbers(*range(1, 11)))
        subscription = await streams.subscribe(topic, "one", "a")
        deliveries = await subscription.read(4, 0)
        await subscription.acknowledge([delivery.id for delivery in deliveries[:1]])
        assert await streams.backlog(topic, "one") == Backlog(10, 6, 3)
        standing = await streams.standing(topic)
        assert (standing.length, standing.dead) == (10, 0)
        assert standing.groups == {"one": Backlog(10, 6, 3), "two": Backlog(10, 10, 0)}


async def test_beyond_the_bound_nothing_is_published_and_nothing_unread_is_dropped(world):
    async with world(bound=1_000, kept=10) as its:
        streams, topic = its.connected(), its.topic.name
        for first in range(1, 1_001, 100):
            await streams.publish(topic, numbers(*range(first, first + 100)))
        with pytest.raises(StreamFull, match=r"slowest of one, two is 1,000 messages behind, and 1 more would"):
            await streams.publish(topic, numbers(1_001))
        assert await streams.publish(topic, numbers(999, 1_000)) == 0, "what is there already needs no room"
        assert await streams.last(topic, "lane") == 1_000

        assert await drained(await streams.subscribe(topic, "one", "a")) == list(range(1, 1_001))
        with pytest.raises(StreamFull):
            await streams.publish(topic, numbers(1_001))

        two = await streams.subscribe(topic, "two", "a")
        held = await two.read(1, 0)
        assert told(await two.read(1, 0)) == told(held) == [1]
        with pytest.raises(StreamFull):
            await streams.publish(topic, numbers(1_001))
        await two.acknowledge([held[0].id])
        assert await streams.publish(topic, numbers(1_001)) == 1
        with pytest.raises(StreamFull):
            await streams.publish(topic, numbers(1_002, 1_003))
        assert await drained(two) == list(range(2, 1_002))


async def test_what_everyone_has_acknowledged_goes_but_for_what_onlookers_may_want(world):
    async with world(bound=1_000, kept=50) as its:
        streams, topic = its.connected(), its.topic.name
        subscriptions = [await streams.subscribe(topic, group, "a") for group in its.topic.consumers]
        for first in range(1, 3_001, 100):
            await streams.publish(topic, numbers(*range(first, first + 100)))
            for subscription in subscriptions:
                await drained(subscription)
        tail = streams.tail(topic, "0-0")
        oldest = int((await anext(tail)).data)
        await tail.aclose()
        assert oldest > 2_500
        assert oldest <= 2_951
        assert (await streams.standing(topic)).length == 3_001 - oldest


async def test_acknowledging_frees_what_nobody_needs_any_more(world):
    async with world(kept=10, consumers=("one",)) as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(*range(1, 2_001)))
        await drained(await streams.subscribe(topic, "one", "a"))
        assert 10 <= (await streams.standing(topic)).length <= 210


async def test_what_is_kept_ends_with_the_newest_as_of_the_call(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        assert [delivery async for delivery in streams.kept(topic)] == []
        await streams.publish(topic, numbers(*range(1, 1_501)))
        found = []
        async for delivery in streams.kept(topic):
            found.append(int(delivery.data))
            if len(found) == 1:
                await streams.publish(topic, numbers(1_501))
        assert found == list(range(1, 1_501))


async def test_a_topic_that_nobody_consumes_is_never_full(world):
    async with world(consumers=(), bound=10, kept=50) as its:
        streams, topic = its.connected(), its.topic.name
        for first in range(1, 2_001, 100):
            assert await streams.publish(topic, numbers(*range(first, first + 100))) == 100
        standing = await streams.standing(topic)
        assert 50 <= standing.length <= 500
        assert standing.groups == {}


async def test_a_buried_message_is_done_with_and_kept_with_its_reason(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2, 3))
        subscription = await streams.subscribe(topic, "one", "a")
        await subscription.read(1, 0)
        (poison,) = await subscription.read(1, 0)
        for _ in range(2):
            await subscription.bury(poison, "no price: it is 'ü'")

        (letter,) = await streams.dead(topic, 10)
        assert (letter.message_id, letter.group, letter.data, letter.attempts) == (poison.id, "one", b"1", 2)
        assert letter.reason == "no price: it is 'ü'"
        assert letter.buried_ms > 1_700_000_000_000
        assert (await streams.standing(topic)).dead == 1
        assert await drained(subscription) == [2, 3]
        assert await drained(await streams.subscribe(topic, "two", "a")) == [1, 2, 3]


async def test_dead_letters_are_listed_in_pages(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(*range(1, 8)))
        subscription = await streams.subscribe(topic, "one", "a")
        for delivery in await subscription.read(9, 0):
            await subscription.bury(delivery, "poison")
        first = await streams.dead(topic, 4)
        assert [int(letter.data) for letter in first] == [1, 2, 3, 4]
        assert [int(letter.data) for letter in await streams.dead(topic, 4, first[-1].id)] == [5, 6, 7]


async def test_replayed_letters_go_to_the_group_that_buried_them_alone(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2))
        one, two = [await streams.subscribe(topic, group, "a") for group in its.topic.consumers]
        for delivery in await one.read(9, 0):
            await one.bury(delivery, "poison")
        assert await drained(two) == [1, 2]

        letters = await streams.dead(topic, 9)
        ids = [letter.id for letter in letters]
        assert await streams.replay(topic, [ids[1], "123-4"]) == 1
        assert await streams.replay(topic, [ids[1]]) == 0
        assert [letter.id for letter in await streams.dead(topic, 9)] == ids[:1]
        await streams.publish(topic, numbers(3))
        (again, newer) = await one.read(9, 0)
        assert (again.data, again.attempts, newer.data) == (b"2", 1, b"3")
        assert await drained(one) == [2, 3]
        assert await drained(two) == [3]
        tail = streams.tail(topic, letters[1].message_id)
        assert int((await anext(tail)).data) == 3
        await tail.aclose()


async def test_beyond_the_most_dead_letters_nothing_is_buried_and_none_is_forgotten(world, monkeypatch):
    for module in ("stream_rules", "memory_streams", "redis_streams"):
        monkeypatch.setattr(f"tidewright.adapters.{module}.DEAD_KEPT", 2)
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2, 3))
        subscription = await streams.subscribe(topic, "one", "a")
        first, second, third = await subscription.read(9, 0)
        await subscription.bury(first, "poison")
        await subscription.bury(second, "poison")
        with pytest.raises(StreamFull, match=f"it has 2 dead letters, .* see `tidewright streams dead {topic}`"):
            await subscription.bury(third, "poison")
        assert told(await subscription.read(9, 0)) == [3], "it is not done with"

        letters = await streams.dead(topic, 9)
        assert told(letters) == [1, 2]
        assert await streams.discard(topic, [letters[0].id, "123-4"]) == 1
        assert await streams.discard(topic, [letters[0].id]) == 0
        await subscription.bury(third, "poison")
        assert told(await streams.dead(topic, 9)) == [2, 3]


async def test_a_replay_beyond_the_bound_loses_nothing(world):
    async with world(bound=2) as its:
        streams, topic = its.connected(), its.topic.name
        await streams.publish(topic, numbers(1, 2))
        one = await streams.subscribe(topic, "one", "a")
        for delivery in await one.read(9, 0):
            await one.bury(delivery, "poison")
        ids = [letter.id for letter in await streams.dead(topic, 9)]
        with pytest.raises(StreamFull):
            await streams.replay(topic, ids)
        assert [letter.id for letter in await streams.dead(topic, 9)] == ids


async def test_concurrent_publishers_of_one_lane_add_each_message_once(world):
    async with world() as its:
        topic = its.topic.name
        publishers = [its.connected() for _ in range(4)]

        async def publish(streams):
            return sum([await streams.publish(topic, numbers(*range(n, n + 5))) for n in range(1, 100, 3)])

        added = await asyncio.gather(*map(publish, publishers))
        assert sum(added) == 101
        found = await drained(await publishers[0].subscribe(topic, "one", "a"))
        assert found == sorted(set(found))
        assert len(found) == 101


async def test_unknown_topics_and_groups_are_refused_by_name(world):
    async with world() as its:
        streams, topic = its.connected(), its.topic.name
        with pytest.raises(StreamUnknown, match=r"there is no topic 'raw\.nothing'; there are test-"):
            await streams.publish("raw.nothing", numbers(1))
        with pytest.raises(StreamUnknown, match=r"'three' does not consume test-.*, one, two does"):
            await streams.subscribe(topic, "three", "a")
