from itertools import pairwise

import numpy as np
import pytest
from fake_binance import at
from hypothesis import given
from hypothesis import strategies as st

from tidewright.adapters.exchange.coverage import closed, common, days, length, missing, months, windows, within
from tidewright.ports import Stretch

HOUR, DAY, WEEK = 3_600_000, 86_400_000, 604_800_000
NOW = at("2024-05-20T12:30")


def stretch(start, end):
    return Stretch(at(start), at(end))


def written(stretches):
    return [tuple(str(np.datetime64(time, "ms"))[:16] for time in one) for one in stretches]


@pytest.mark.parametrize(
    ("period", "step", "expected"),
    [
        (("2024-05-19", "2024-05-20"), HOUR, ("2024-05-19T00:00", "2024-05-20T00:00")),
        (("2024-05-19", "2024-06-20"), HOUR, ("2024-05-19T00:00", "2024-05-20T12:00")),
        (("2024-05-19T00:00:01", "2024-05-20T00:00:01"), HOUR, ("2024-05-19T01:00", "2024-05-20T01:00")),
        (("2024-05-01", "2024-06-01"), WEEK, ("2024-05-06T00:00", "2024-05-20T00:00")),
        (("2024-05-20T12:00", "2024-06-01"), HOUR, ("2024-05-20T12:00", "2024-05-20T12:00")),
        (("2024-06-20", "2024-07-01"), HOUR, ("2024-06-20T00:00", "2024-06-20T00:00")),
    ],
    ids=["past", "up to now", "off the grid", "weeks from Mondays", "the running hour", "future"],
)
def test_only_bars_that_are_over_count(period, step, expected):
    assert written([closed(stretch(*period), step, NOW)]) == [expected]


def test_a_bar_that_closes_this_very_moment_is_over():
    assert closed(stretch("2024-01-01", "2024-01-02"), HOUR, at("2024-01-01T01:00")).end == at("2024-01-01T01:00")


@given(st.sets(st.integers(0, 40)), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10))))
def test_what_is_missing_is_what_is_neither_there_nor_absent(there, absent):
    period = Stretch(5 * HOUR, 30 * HOUR)
    known = [Stretch(start * HOUR, (start + count) * HOUR) for start, count in absent]
    times = np.array(sorted(there), np.int64) * HOUR
    found = missing(times, HOUR, period, known)

    covered = there | {hour for start, count in absent for hour in range(start, start + count)}
    assert [hour for start, end in found for hour in range(start // HOUR, end // HOUR)] == sorted(
        set(range(5, 30)) - covered
    )
    assert all(one.end < other.start for one, other in pairwise(found))


def test_a_bar_off_the_grid_stands_for_the_one_in_whose_place_it_is():
    times = np.array([at("2018-02-09T09:58:14"), at("2018-02-09T10:00")])

    assert missing(times, HOUR, stretch("2018-02-09T09:00", "2018-02-09T11:00")) == []


def test_a_month_is_worth_its_file_when_three_days_of_it_are_missing():
    lacking = [
        stretch("2024-01-30T12:00", "2024-02-02"),
        stretch("2024-02-09", "2024-02-11T01:00"),
        stretch("2024-03-29", "2024-05-20"),
    ]

    assert written(months(lacking, NOW)) == [
        ("2024-02-01T00:00", "2024-03-01T00:00"),
        ("2024-03-01T00:00", "2024-04-01T00:00"),
        ("2024-04-01T00:00", "2024-05-01T00:00"),
    ]


def test_a_day_is_worth_its_file_when_all_of_it_is_missing_and_over():
    lacking = [stretch("2024-05-16T01:00", "2024-05-18T23:00"), stretch("2024-05-19", "2024-05-20T12:00")]

    assert written(days(lacking, NOW)) == [
        ("2024-05-17T00:00", "2024-05-18T00:00"),
        ("2024-05-19T00:00", "2024-05-20T00:00"),
    ]


@given(st.sets(st.integers(0, 200)), st.integers(1, 30))
def test_windows_hold_everything_and_are_no_longer_than_allowed(hours, longest):
    lacking = missing(np.array(sorted(hours), np.int64) * HOUR, HOUR, Stretch(0, 200 * HOUR))
    found = windows(lacking, longest * HOUR)

    assert all(0 < end - start <= longest * HOUR for start, end in found)
    assert length(common(lacking, found)) == length(lacking)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_gaps_that_are_near_each_other_are_one_window():
    lacking = [Stretch(0, 1), Stretch(5, 6), Stretch(9, 10), Stretch(11, 12), Stretch(40, 55)]

    assert windows(lacking, 10) == [(0, 10), (11, 12), (40, 50), (50, 55)]


def test_what_two_have_in_common():
    assert common([Stretch(0, 10), Stretch(20, 30)], [Stretch(5, 25), Stretch(30, 40)]) == [(5, 10), (20, 25)]
    assert within(np.array([1, 5, 7, 9]), [Stretch(5, 7), Stretch(9, 10)]).tolist() == [1, 3]
