"""A lane's repair, and where it goes back to."""

import asyncio

import pytest

from data_collector.figures import Figures
from data_collector.lane import Lane, Terms
from data_collector.outbox import Outbox
from data_collector.sequence import Answer, Placed
from tidewright.adapters.exchange.http import Pace
from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.ports import Message
from tidewright.serving.metrics import Metrics
from tidewright.wire.topology import RAW_TRADES

pytestmark = pytest.mark.anyio


def message(number):
    return Message("lane", number, b"")


class Behind:
    """An exchange whose answers lack the fifth trade for two seconds after the first question."""

    step, free = 1, False

    def __init__(self):
        self.seconds = 0.0
        self.asked = []

    async def sleep(self, seconds):
        self.seconds += seconds
        await asyncio.sleep(0)

    async def since(self, at):
        self.asked.append(self.seconds)
        known = [number for number in range(at, 8) if number != 5 or self.seconds - self.asked[0] >= 2.0]
        return Answer(at, [Placed(number, message(number)) for number in known], 8, complete=True)


def lane_of(past, start, first):
    figures, pace = Figures(Metrics()), Pace(lambda: past.seconds, past.sleep, lambda: 0.0)
    outbox = Outbox(MemoryStreams(MemoryServer()), RAW_TRADES.name, {}, 100, figures, pace)
    return Lane("lane", past, outbox, start, first, Terms(figures, pace, asyncio.Semaphore(1), 100, 30.0)), outbox


async def test_two_answers_in_the_same_moment_prove_no_absence():
    past = Behind()
    lane, outbox = lane_of(past, start=3, first=3)
    lane.heard(7, message(7))
    repair = asyncio.create_task(lane.keep_whole())
    async with asyncio.timeout(10):
        while lane.sequence.behind:
            await asyncio.sleep(0)
    repair.cancel()
    assert (lane.last, lane.sequence.absent, len(outbox)) == (7, 0, 5)


async def test_a_lane_of_which_the_streams_have_nothing_more_begins_before_this_process_did():
    lane, _ = lane_of(Behind(), start=6, first=2)
    lane.heard(6, message(6))
    lane.rewind_after(4)
    assert lane.sequence.next == 5
    lane.rewind_after(None)
    assert lane.sequence.next == 2
