"""Returns are measured on a calendar of UTC days, whatever the bars' length and gaps."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.metrics.periods import daily_returns, period_ends, periods_per_year, years_between
from tidewright.domain.timeframe import DAY

HOUR = DAY // 24
MONDAY = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1000


def hours(*numbers):
    return MONDAY + HOUR * np.array(numbers, dtype=np.int64)


def test_an_hour_belongs_to_the_day_in_which_it_ends():
    ends = period_ends(hours(22, 23, 24, 25), HOUR)
    assert ends.tolist() == [1, 3]  # the bar from 23:00 closes at midnight, as the last of its day


def test_a_four_hour_bar_across_midnight_belongs_to_the_day_after():
    ends = period_ends(hours(18, 22, 26), 4 * HOUR)
    assert ends.tolist() == [0, 2]


def test_days_without_bars_carry_equity_forward():
    returns, _ = daily_returns(hours(0, 23, 96), np.array([100.0, 110.0, 121.0]), 100.0, HOUR)
    assert returns.tolist() == pytest.approx([0.1, 0.0, 0.0, 0.0, 0.1])


def test_the_first_return_is_from_the_initial_equity():
    returns, _ = daily_returns(hours(0), np.array([90.0]), 100.0, HOUR)
    assert returns.tolist() == pytest.approx([-0.1])


def test_daily_bars_are_their_own_days():
    time = MONDAY + DAY * np.array([0, 1, 3])
    assert period_ends(time, DAY).tolist() == [0, 1, 1, 2]


def test_bars_longer_than_a_day_are_the_periods():
    time = MONDAY + 7 * DAY * np.array([0, 1, 4])
    returns, yearly = daily_returns(time, np.array([110.0, 121.0, 121.0]), 100.0, 7 * DAY)
    assert returns.tolist() == pytest.approx([0.1, 0.1, 0.0])
    assert yearly == 365 / 7


def test_a_year_has_365_days():
    assert [periods_per_year(step) for step in (HOUR, DAY, 3 * DAY)] == [365.0, 365.0, 365 / 3]
    assert years_between(MONDAY, MONDAY + 73 * DAY) == 0.2


def test_there_is_no_return_on_nothing():
    returns, _ = daily_returns(hours(0, 24, 48, 72), np.array([50.0, 0.0, 0.0, 10.0]), 100.0, HOUR)
    assert returns[:2].tolist() == [-0.5, -1.0]
    assert np.isnan(returns[2:]).all()


def test_no_bars_have_no_periods():
    assert len(period_ends(hours(), HOUR)) == 0


@given(
    st.sets(st.integers(0, 2000), min_size=1, max_size=80),
    st.sampled_from([HOUR // 60, HOUR // 4, HOUR, 4 * HOUR, 12 * HOUR, DAY]),
    st.integers(0, 23),
)
def test_every_day_ends_with_the_last_bar_that_closed_by_then(numbers, step, offset):
    time = MONDAY + offset * HOUR + step * np.array(sorted(numbers), dtype=np.int64)
    days = (time + step - 1) // DAY
    expected = [np.flatnonzero(days <= day)[-1] for day in range(days[0], days[-1] + 1)]
    assert period_ends(time, step).tolist() == expected


@given(st.lists(st.floats(1.0, 1e4), min_size=1, max_size=50), st.floats(1.0, 1e4))
def test_returns_compound_to_the_total_return(equity, initial):
    time = MONDAY + 5 * HOUR * np.arange(len(equity))
    returns, _ = daily_returns(time, np.array(equity), initial, HOUR)
    assert math.prod(1.0 + returns) == pytest.approx(equity[-1] / initial, rel=1e-9)
