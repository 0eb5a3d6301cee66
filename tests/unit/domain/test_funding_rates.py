import numpy as np
import pytest

from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import LARGEST_RATE, between, due_times, unfunded, unusable, usual_interval

HOUR = 3_600_000


def rates_at(*hours):
    """A rate at each hour, all of them different."""
    return Funding(np.array([round(hour * HOUR) for hour in hours], np.int64), 0.0001 * np.arange(len(hours)))


def holes(funding, start, end):
    return [(first / HOUR, last / HOUR) for first, last in unfunded(funding, start * HOUR, end * HOUR)]


EVERY_8_HOURS = rates_at(*range(0, 240, 8))


@pytest.mark.parametrize(("jitter", "second"), [(-500, 0), (-1, 0), (0, 0), (7, 0), (499, 0), (500, 1), (1_003, 1)])
def test_a_time_with_jitter_is_due_to_the_second(jitter, second):
    funding = Funding(np.array([8 * HOUR + jitter]), np.array([0.0]))

    assert due_times(funding).tolist() == [8 * HOUR + second * 1_000]


def test_a_period_has_the_rates_after_its_start_and_up_to_its_end_whatever_their_jitter():
    funding = Funding(np.array([0, 8, 16, 24]) * HOUR + np.array([3, -2, 8, 5]), np.array([0.1, 0.2, 0.3, 0.4]))
    held = between(funding, 0, 16 * HOUR)

    assert held.rate.tolist() == [0.2, 0.3]
    assert held.time.tolist() == [8 * HOUR - 2, 16 * HOUR + 8]
    assert len(between(funding, 25 * HOUR, 30 * HOUR).time) == 0


def test_periods_side_by_side_share_no_rate_and_miss_none():
    parts = [between(EVERY_8_HOURS, start * HOUR, (start + 13) * HOUR).rate.tolist() for start in range(-13, 260, 13)]

    assert [rate for part in parts for rate in part] == EVERY_8_HOURS.rate.tolist()


def test_the_usual_interval_is_the_median_and_eight_hours_where_there_is_none():
    assert usual_interval(rates_at(0, 4, 8, 20)) == 4 * HOUR
    assert usual_interval(rates_at(5)) == usual_interval(rates_at()) == 8 * HOUR


@pytest.mark.parametrize(("start", "end"), [(0, 232), (1, 7), (-7, 240), (-12, 244), (9, 17)])
def test_a_period_between_rates_has_no_hole(start, end):
    assert holes(EVERY_8_HOURS, start, end) == []


@pytest.mark.parametrize(
    ("start", "end", "hole"),
    [(-13, 100, (-13, 0)), (100, 245, (232, 245)), (-100, -50, (-100, -50)), (300, 301, (300, 301))],
)
def test_funding_that_begins_late_ends_early_or_lies_elsewhere(start, end, hole):
    assert holes(EVERY_8_HOURS, start, end) == [hole]


def test_every_hole_is_told_as_far_as_it_lies_in_the_period():
    gapped = rates_at(0, 8, 16, 32, 40, 48, 56, 80, 88, 96)

    assert holes(gapped, 0, 96) == [(16, 32), (56, 80)]
    assert holes(gapped, 20, 70) == [(20, 32), (56, 70)]
    assert holes(gapped, 32, 56) == []


def test_without_any_rate_all_of_the_period_is_a_hole():
    assert holes(rates_at(), 0, 5) == [(0, 5)]


def test_an_exchange_may_change_its_interval():
    """From every eight hours to every four: no hole on either side, and one of twelve hours among the latter is one."""
    eight, four = [*range(0, 240, 8)], [*range(240, 720, 4)]

    assert holes(rates_at(*eight, *four), 0, 716) == []
    assert holes(rates_at(*eight, *(hour for hour in four if hour not in {500, 504})), 0, 716) == [(496, 508)]


def test_rates_that_are_none_are_found():
    assert unusable(np.array([0.0, LARGEST_RATE, -LARGEST_RATE])).tolist() == []
    assert unusable(np.array([0.01, np.nan, 0.0501, -np.inf])).tolist() == [1, 2, 3]
