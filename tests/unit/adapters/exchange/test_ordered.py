import asyncio

import pytest

from tidewright.adapters.exchange.ordered import in_order


class Work:
    """Items are done when told so; remembers what is under way and what was cancelled."""

    def __init__(self, *, failing=None):
        self.done = {}
        self.under_way = set()
        self.most = 0
        self.cancelled = []
        self.taken = []
        self.failing = failing

    async def __call__(self, item):
        self.under_way.add(item)
        self.most = max(self.most, len(self.under_way))
        try:
            await self.done.setdefault(item, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        finally:
            self.under_way.discard(item)
        if item == self.failing:
            raise ValueError(item)
        return 10 * item

    def finish(self, *items):
        for item in items:
            self.done.setdefault(item, asyncio.Event()).set()

    async def take(self, result):
        self.taken.append(result)


def test_results_are_taken_in_order_whatever_is_done_first():
    async def run():
        work = Work()
        going = asyncio.create_task(in_order(range(5), work, work.take, ahead=3))
        while len(work.under_way) < 3:
            await asyncio.sleep(0)
        work.finish(2, 1)
        while len(work.under_way) > 1:
            await asyncio.sleep(0)
        early = list(work.taken)
        work.finish(0, 3, 4)
        await going
        return work, early

    work, early = asyncio.run(run())
    assert early == []
    assert work.taken == [0, 10, 20, 30, 40]
    assert work.most == 3


def test_nothing_is_nothing():
    work = Work()
    asyncio.run(in_order([], work, work.take, ahead=3))

    assert work.taken == []


def test_an_error_ends_it_and_cancels_the_rest():
    async def run():
        work = Work(failing=1)
        work.finish(0, 1)
        with pytest.raises(ValueError, match="1"):
            await in_order(range(9), work, work.take, ahead=3)
        return work

    work = asyncio.run(run())
    assert work.taken == [0]
    assert 2 in work.cancelled
    assert not work.under_way


def test_a_cancellation_reaches_all_that_is_under_way():
    async def run():
        work = Work()
        going = asyncio.create_task(in_order(range(9), work, work.take, ahead=3))
        while len(work.under_way) < 3:
            await asyncio.sleep(0)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        return work

    assert sorted(asyncio.run(run()).cancelled) == [0, 1, 2]
