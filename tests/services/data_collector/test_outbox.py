"""The way to a topic, with streams that fail as they are told."""

import asyncio
import contextlib

import pytest

from data_collector.figures import Figures
from data_collector.outbox import Outbox
from tidewright.adapters.exchange.http import Pace
from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.ports import Message, StreamUnavailable
from tidewright.serving.metrics import Metrics
from tidewright.wire.topology import RAW_TRADES

pytestmark = pytest.mark.anyio

TOPIC = RAW_TRADES.name


class Lossy(MemoryStreams):
    """Publishes, and then says that it could not, so many times."""

    lies = 0

    async def publish(self, topic, messages, believed=None):
        added = await super().publish(topic, messages, believed)
        if self.lies:
            self.lies -= 1
            raise StreamUnavailable("the answer was lost")
        return added


class Rewound:
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def rewind(self, to):
        self.told.append(("to", to))

    def rewind_after(self, last):
        self.told.append(("after", last))


def numbered(*numbers, lane="lane"):
    return [Message(lane, number, str(number).encode()) for number in numbers]


@contextlib.asynccontextmanager
async def posting(streams, lanes=None, room=100):
    outbox = Outbox(streams, TOPIC, lanes or {}, room, Figures(Metrics()), Pace(draw=lambda: 0.0))
    work = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        work.cancel()
        await asyncio.wait((work,))


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def there(streams):
    return [int(entry.data) for entry in streams.server.log(TOPIC).entries.values()]


async def test_what_is_queued_is_published_in_order():
    streams = MemoryStreams(MemoryServer())
    async with posting(streams) as outbox:
        outbox.put(numbered(1, 2), 0.0)
        outbox.put(numbered(3), 0.0)
        await until(lambda: there(streams) == [1, 2, 3])


async def test_an_answer_that_is_lost_doubles_nothing():
    streams = Lossy(MemoryServer())
    streams.lies = 3
    async with posting(streams) as outbox:
        outbox.put(numbered(1, 2), 0.0)
        await until(lambda: not outbox.trouble and there(streams) == [1, 2])


async def test_an_overflow_rewinds_every_lane_to_its_first_message():
    streams, lanes = MemoryStreams(MemoryServer()), {"lane": Rewound(), "other": Rewound()}
    async with posting(streams, lanes, room=10) as outbox:
        outbox.put(numbered(1), 0.0)
        await until(lambda: there(streams) == [1])
        streams.server.away = True
        outbox.put(numbered(2), 0.0)
        await until(lambda: outbox.trouble)
        outbox.put(numbered(*range(3, 11)), 0.0)
        outbox.put(numbered(7, 8, 9, lane="other"), 0.0)
        assert (len(outbox), outbox.overflowed) == (0, True)
        assert (lanes["lane"].told, lanes["other"].told) == ([("to", 3)], [("to", 7)])
        streams.server.away = False
        await outbox.open()
        assert there(streams) == [1, 2]


async def test_a_burst_that_overflows_while_nothing_is_wrong_does_not_close_it():
    streams, lanes = MemoryStreams(MemoryServer()), {"lane": Rewound()}
    async with posting(streams, lanes, room=10) as outbox:
        outbox.put(numbered(*range(20)), 0.0)
        assert (lanes["lane"].told, outbox.overflowed) == ([("to", 0)], False)
        outbox.put(numbered(*range(10)), 0.0)
        await until(lambda: there(streams) == list(range(10)))


async def test_what_the_streams_have_lost_is_told_to_its_lane():
    streams, lanes = MemoryStreams(MemoryServer()), {"lane": Rewound()}
    async with posting(streams, lanes) as outbox:
        outbox.put(numbered(1, 2, 3), 0.0)
        await until(lambda: there(streams) == [1, 2, 3])
        streams.server.away = True
        outbox.put(numbered(4), 0.0)
        await until(lambda: outbox.trouble)
        streams.server.log(TOPIC).lanes["lane"] = 2
        streams.server.away = False
        await until(lambda: not outbox.trouble)
        assert lanes["lane"].told == [("after", 2)]
        assert there(streams) == [1, 2, 3]


async def test_what_the_streams_have_lost_while_nobody_looked_is_noticed_with_the_next_message_of_any_lane():
    streams, lanes = MemoryStreams(MemoryServer()), {"lane": Rewound(), "other": Rewound()}
    async with posting(streams, lanes) as outbox:
        outbox.put(numbered(1, 2, 3) + numbered(7, lane="other"), 0.0)
        await until(lambda: there(streams) == [1, 2, 3, 7])
        streams.server.log(TOPIC).lanes = {"lane": 2}
        outbox.put(numbered(4), 0.0)
        await until(lambda: lanes["lane"].told and lanes["other"].told)
        assert (lanes["lane"].told, lanes["other"].told) == ([("after", 2)], [("after", None)])
        outbox.put(numbered(3, 4) + numbered(7, lane="other"), 0.0)
        await until(lambda: there(streams) == [1, 2, 3, 7, 3, 4, 7])


async def test_what_an_earlier_process_published_is_missed_too():
    streams, lanes = MemoryStreams(MemoryServer()), {"lane": Rewound()}
    async with posting(streams, lanes) as outbox:
        outbox.expect("lane", 3)
        outbox.put(numbered(4), 0.0)
        await until(lambda: lanes["lane"].told == [("after", None)])
        assert there(streams) == []


async def test_a_lane_that_begins_while_the_streams_are_compared_is_told_when_it_publishes():
    streams, lanes = MemoryStreams(MemoryServer()), {"lane": Rewound()}
    async with posting(streams, lanes) as outbox:
        outbox.expect("lane", 1)
        outbox.expect("late", 7)
        outbox.put(numbered(2), 0.0)
        await until(lambda: lanes["lane"].told)
        lanes["late"] = Rewound()
        outbox.put(numbered(8, lane="late"), 0.0)
        await until(lambda: lanes["late"].told == [("after", None)])
        assert there(streams) == []


async def test_a_lane_that_has_ended_is_published_no_more():
    streams = MemoryStreams(MemoryServer())
    streams.server.away = True
    async with posting(streams) as outbox:
        outbox.put(numbered(1), 0.0)
        await until(lambda: outbox.trouble)
        outbox.put(numbered(2) + numbered(5, lane="other"), 0.0)
        outbox.forget("lane")
        streams.server.away = False
        await until(lambda: there(streams)[-1:] == [5])
        assert there(streams) == [1, 5]
