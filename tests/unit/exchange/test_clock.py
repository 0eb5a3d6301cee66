from math import inf

from tidewright.exchange.clock import SECOND, ExchangeClock


class Monotonic:
    now = 50.0

    def __call__(self):
        return self.now


def test_time_stands_still_until_it_is_begun():
    monotonic = Monotonic()
    clock = ExchangeClock(7 * SECOND, 20.0, monotonic)
    monotonic.now += 5
    assert (clock.now(), clock.reach(), clock.running) == (7 * SECOND, 7 * SECOND, False)


def test_time_runs_so_many_times_as_fast_but_never_past_what_was_not_told():
    monotonic = Monotonic()
    clock = ExchangeClock(0, 20.0, monotonic)
    clock.begin()
    clock.open(30 * SECOND)
    monotonic.now += 1
    assert clock.now() == clock.reach() == 20 * SECOND
    assert clock.until(30 * SECOND) == 0.5
    monotonic.now += 1
    assert (clock.now(), clock.reach()) == (30 * SECOND - 1, 40 * SECOND)
    clock.advance(35 * SECOND)
    assert clock.now() == 35 * SECOND
    assert clock.milliseconds() == 35_000


def test_at_full_speed_time_goes_from_event_to_event():
    clock = ExchangeClock(0, inf)
    clock.begin()
    assert (clock.reach(), clock.until(9 * SECOND), clock.now()) == (inf, 0.0, 0)
    clock.advance(9 * SECOND)
    assert clock.now() == 9 * SECOND
