"""A feed from a store knows closed bars alone, and waits no longer than it must."""

import asyncio

from tidewright.adapters.clock import ReplayClock, SystemClock
from tidewright.adapters.simulated import SimulatedStore
from tidewright.adapters.store_feed import StoreFeed
from tidewright.domain.bars import Market

BTC = Market("simulated", "BTC/USDT", "1h")
HOUR = 3_600_000
NOW = 1_700_000_000_000 // HOUR * HOUR


class Clock:
    """Stands still, and notes how long it was asked to sleep."""

    def __init__(self, now: int) -> None:
        self.time = now
        self.slept = 0

    def now(self) -> int:
        return self.time

    async def sleep(self, milliseconds: int) -> None:
        self.slept = milliseconds


def newest(now: int) -> int:
    feed = StoreFeed(SimulatedStore(), Clock(now), delay=0, poll=1_000)
    return int(asyncio.run(feed.read(BTC, NOW - 100 * HOUR)).time[-1])


def waited(now: int, known: int | None) -> int:
    clock = Clock(now)
    asyncio.run(StoreFeed(SimulatedStore(), clock, delay=2_000, poll=1_000).wait(BTC, known))
    return clock.slept


def test_a_bar_is_known_at_its_close_and_not_a_millisecond_before():
    assert newest(NOW) == NOW - HOUR
    assert newest(NOW - 1) == NOW - 2 * HOUR


def test_bars_from_the_first_wanted_on_are_read():
    feed = StoreFeed(SimulatedStore(), Clock(NOW), delay=0, poll=1_000)
    assert asyncio.run(feed.read(BTC, NOW - 5 * HOUR)).time.tolist() == [NOW - k * HOUR for k in (5, 4, 3, 2, 1)]


def test_the_next_bar_is_waited_for_until_it_has_closed_and_arrived():
    assert waited(NOW, known=NOW - HOUR) == HOUR + 2_000


def test_a_bar_that_is_late_is_looked_for_again_and_again():
    assert waited(NOW + 10_000, known=NOW - 2 * HOUR) == 1_000


def test_where_there_is_no_bar_yet_any_is_looked_for():
    assert waited(NOW, known=None) == 1_000


def test_the_clocks_go_as_they_say():
    system, replay = SystemClock(), ReplayClock(NOW, speed=1e6)

    async def elapsed(clock) -> int:
        before = clock.now()
        await clock.sleep(20)
        return clock.now() - before

    assert asyncio.run(elapsed(system)) >= 19
    assert asyncio.run(elapsed(replay)) >= 20
    assert replay.now() > NOW
    assert abs(system.now() - NOW) > HOUR
