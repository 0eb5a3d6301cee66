"""The queue of keys: client-go's rules, the back-off, and its bounds."""

import asyncio

import pytest
from virtual_time import run

from tidewright_operator.work_queue import FIRST_DELAY, LONGEST_DELAY, WorkQueue


@pytest.fixture
def in_time():
    """Runs a test's coroutine with a queue whose dates come true, in virtual time."""

    def in_time(body, room=100):
        async def main():
            loop = asyncio.get_running_loop()
            queue = WorkQueue(loop.time, room)
            moving = asyncio.create_task(queue.run())
            try:
                return await body(queue, loop.time)
            finally:
                moving.cancel()

        return run(main())

    return in_time


def test_a_key_that_is_added_twice_is_worked_on_once(in_time):
    async def body(queue, _):
        queue.add("a")
        queue.add("a")
        queue.add("b")
        assert [await queue.get(), await queue.get()] == ["a", "b"]
        assert len(queue) == 0

    in_time(body)


def test_a_key_that_is_added_while_it_is_worked_on_is_worked_on_once_more_afterwards(in_time):
    async def body(queue, _):
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        queue.add("a")
        queue.add("b")
        assert await queue.get() == "b", "nobody else may work on it meanwhile"
        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert len(queue) == 0

    in_time(body)


def test_keys_for_later_come_in_the_order_of_their_dates(in_time):
    async def body(queue, time):
        for key, delay in (("c", 30), ("a", 10), ("b", 20)):
            queue.add_after(key, delay)
        return [(await queue.get(), time()) for _ in range(3)]

    assert in_time(body) == [("a", 10), ("b", 20), ("c", 30)]


def test_of_two_dates_of_a_key_the_earlier_one_stands(in_time):
    async def body(queue, time):
        queue.add_after("a", 20)
        queue.add_after("a", 10)
        queue.add_after("a", 30)
        queue.add_after("z", 100)
        found = [(await queue.get(), time())]
        queue.done("a")
        return [*found, (await queue.get(), time())]

    assert in_time(body) == [("a", 10), ("z", 100)]


def test_failures_come_later_and_later_up_to_a_longest_pause():
    queue = WorkQueue(lambda: 0.0)

    delays = [queue.add_failed("a") for _ in range(100)]

    assert delays[:4] == [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY, 8 * FIRST_DELAY]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DELAY
    assert queue.add_failed("b") == FIRST_DELAY, "each key has its own"


def test_after_a_success_the_next_failure_is_the_first():
    queue = WorkQueue(lambda: 0.0)
    queue.add_failed("a")
    queue.add_failed("a")

    queue.forget("a")

    assert queue.add_failed("a") == FIRST_DELAY


def test_a_server_that_asks_for_time_gets_it():
    queue = WorkQueue(lambda: 0.0)

    assert queue.add_failed("a", at_least=30) == 30
    assert queue.add_failed("a", at_least=0.1) == 2 * FIRST_DELAY


def test_a_key_that_fails_is_worked_on_again(in_time):
    async def body(queue, time):
        queue.add("a")
        at = []
        for _ in range(4):
            await queue.get()
            at.append(time())
            queue.add_failed("a")
            queue.done("a")
        return at

    assert in_time(body) == [0, FIRST_DELAY, 3 * FIRST_DELAY, 7 * FIRST_DELAY]


def test_there_is_room_for_so_many_keys_and_no_more(in_time):
    async def body(queue, _):
        for key in range(5):
            queue.add(key)
            queue.add_after(f"later {key}", 1)
        assert len(queue) == 3
        assert queue.dropped == 4
        queue.add_after("later 0", 0.5)
        assert queue.dropped == 4, "an earlier date of a key that is there takes no room"

    in_time(body, room=3)


def test_a_key_that_is_worked_on_is_never_dropped(in_time):
    async def body(queue, _):
        queue.add("a")
        await queue.get()
        queue.add("b")
        queue.add("a")
        queue.done("a")
        assert [await queue.get(), await queue.get()] == ["b", "a"]
        assert queue.dropped == 0

    in_time(body, room=1)
