"""The exchange's clock, and what may be asked of it in a minute."""

import pytest

from data_collector.budget import Budget
from data_collector.exchange_time import ExchangeTime, Skew

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Time:
    """Stands still but for those who sleep."""

    def __init__(self):
        self.milliseconds = 30_000
        self.slept = []

    def now(self):
        return self.milliseconds

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.milliseconds += round(seconds * 1_000)


async def test_what_is_beyond_the_budget_waits_for_the_next_minute():
    time = Time()
    budget = Budget(100, time.now, time.sleep)
    for weight in (60, 40, 25):
        await budget.spend(weight)
    assert (time.slept, budget.used) == ([30.0], 25)


async def test_the_exchange_counts_what_others_at_the_same_address_spend():
    time = Time()
    budget = Budget(100, time.now, time.sleep)
    await budget.spend(10)
    budget.told({"x-mbx-used-weight-1m": "95"})
    budget.told({"x-mbx-used-weight-1m": "12"})
    budget.told({})
    budget.told({"x-mbx-used-weight-1m": "many"})
    assert budget.used == 95
    await budget.spend(10)
    assert time.slept == [30.0]


async def test_a_request_that_costs_more_than_the_budget_gets_a_minute_of_its_own():
    time = Time()
    budget = Budget(10, time.now, time.sleep)
    await budget.spend(25)
    assert time.slept == []


async def test_what_can_wait_leaves_a_share_of_the_minute_to_what_cannot():
    time = Time()
    budget = Budget(100, time.now, time.sleep)
    await budget.spend(40)
    await budget.spend(50)
    assert time.slept == []
    await budget.spend(5, share=0.5)
    assert (time.slept, budget.used) == ([30.0], 5)


def test_the_clock_is_as_far_ahead_as_the_middle_of_the_round_trip_says():
    exchange = ExchangeTime(Time())
    assert exchange.now() == 30_000
    exchange.measured(40_050, sent=30_000, received=30_100)
    assert exchange.skew == Skew(10_000.0, 50.0)
    exchange.measured(99_000, sent=30_000, received=90_000)
    assert exchange.skew == Skew(10_000.0, 50.0)


def test_the_exchange_is_never_taken_to_be_further_than_it_is():
    """The question waited for a minute, and was answered at its end."""
    clock, passed = Time(), 0.0
    exchange = ExchangeTime(clock, lambda: passed)
    exchange.measured(90_000, sent=30_000, received=90_000)
    assert exchange.now() == 90_000
    passed = 1.5
    assert exchange.now() == 91_500


def test_a_step_of_this_machines_clock_moves_nothing():
    clock = Time()
    exchange = ExchangeTime(clock, lambda: 0.0)
    exchange.measured(40_000, sent=30_000, received=30_000)
    clock.milliseconds += 60_000
    assert exchange.now() == 40_000


def test_what_the_exchange_says_may_be_later_but_not_by_hours():
    exchange = ExchangeTime(Time())
    exchange.seen(31_000)
    assert exchange.now() == 31_000
    exchange.seen(30_500)
    exchange.seen(10**12)
    assert exchange.now() == 31_000


def test_what_a_message_says_is_believed_until_the_exchange_is_asked_again():
    exchange = ExchangeTime(Time(), lambda: 0.0)
    exchange.measured(30_000, 30_000, 30_000)
    exchange.seen(3_000_000)
    assert exchange.now() == 3_000_000
    exchange.measured(30_000, 30_000, 30_000)
    assert exchange.now() == 30_000
