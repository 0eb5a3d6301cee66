"""The compiled passes agree with the plain definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.metrics.periods import period_ends
from tidewright.domain.metrics.statistics import (
    equity_statistics,
    fill_statistics,
    headline,
    return_statistics,
    trade_statistics,
)
from tidewright.domain.timeframe import DAY

equities = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=60).map(np.array)
returns_lists = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60).map(np.array)


def days(count):
    return DAY * np.arange(count, dtype=np.int64)


def drawdown_of(equity, initial=100.0):
    return equity_statistics(days(len(equity)), DAY, np.array(equity, dtype=float), initial)


def test_the_deepest_fall_its_bars_and_its_amount():
    found = drawdown_of([110, 99, 120, 90, 96, 130, 100])
    assert found.drawdown.ratio == 0.25  # 120 to 90, then above 120 again at the sixth bar
    assert (found.drawdown.peak, found.drawdown.trough, found.drawdown.recovery) == (2, 3, 5)
    assert found.drawdown.money == 30.0


def test_the_largest_amount_may_belong_to_a_shallower_fall():
    found = drawdown_of([50, 200, 140])
    assert found.drawdown.ratio == 0.5
    assert found.drawdown.money == 60.0


def test_the_initial_equity_is_the_first_peak():
    found = drawdown_of([80, 90])
    assert found.drawdown.ratio == pytest.approx(0.2)
    assert (found.drawdown.peak, found.drawdown.trough, found.drawdown.recovery) == (-1, 0, 2)


def test_a_peak_that_is_held_counts_from_its_last_bar():
    found = drawdown_of([110, 110, 110, 100])
    assert found.drawdown.peak == 2
    assert found.longest == DAY


def test_the_longest_drawdown_lasts_until_the_peak_is_reached_again():
    found = drawdown_of([110, 109, 108, 110, 50, 120])  # three days below 110, then two
    assert found.longest == 3 * DAY


def test_a_drawdown_without_recovery_lasts_until_the_end():
    assert drawdown_of([110, 100, 100, 100]).longest == 3 * DAY


def test_the_duration_is_calendar_time_and_sees_gaps():
    time = DAY * np.array([0, 1, 9])
    assert equity_statistics(time, DAY, np.array([110.0, 100.0, 110.0]), 100.0).longest == 9 * DAY


def test_rising_equity_has_no_drawdown():
    found = drawdown_of([100, 110, 120])
    assert found.drawdown == (0.0, 0.0, -1, -1, -1)
    assert found.longest == 0


def test_equity_that_goes_to_nothing_is_a_drawdown_of_all_of_it():
    assert drawdown_of([120, 0]).drawdown[:2] == (1.0, 120.0)


@given(equities, st.floats(1.0, 1e6))
def test_drawdowns_agree_with_the_running_maximum(equity, initial):
    found = drawdown_of(equity, initial)
    peaks = np.maximum(np.maximum.accumulate(equity), initial)
    assert found.drawdown.ratio == ((peaks - equity) / peaks).max()
    assert found.drawdown.money == (peaks - equity).max()
    assert 0.0 <= found.drawdown.ratio <= 1.0


@given(equities, st.floats(1.0, 1e6))
def test_no_peak_is_out_of_sight_for_longer_than_the_longest_drawdown(equity, initial):
    history = np.concatenate(([initial], equity))  # one close a day, the first at time 0
    spans = [0]
    for start, peak in enumerate(history):
        if peak < history[: start + 1].max() or (start + 1 < len(history) and history[start + 1] >= peak):
            continue
        again = np.flatnonzero(history[start + 1 :] >= peak)
        spans.append(again[0] + 1 if len(again) else len(history) - 1 - start)
    assert drawdown_of(equity, initial).longest == max(spans) * DAY


@given(returns_lists)
def test_moments_agree_with_numpy(returns):
    found = return_statistics(returns)
    assert found.mean == pytest.approx(returns.mean(), abs=1e-15)
    assert found.deviation == pytest.approx(returns.std(ddof=1), abs=1e-13)
    assert found.downside == pytest.approx(np.sqrt((np.minimum(returns, 0.0) ** 2).mean()), abs=1e-15)
    if returns.std() > 1e-3:
        standardised = (returns - returns.mean()) / returns.std()
        assert found.skewness == pytest.approx((standardised**3).mean(), rel=1e-6, abs=1e-6)
        assert found.kurtosis == pytest.approx((standardised**4).mean(), rel=1e-6)


@given(returns_lists)
def test_variability_is_the_spread_around_steady_growth(returns):
    equity = np.cumprod(1.0 + returns)
    rate = np.log(equity[-1]) / len(returns)
    distances = equity / np.exp(rate * np.arange(1, len(returns) + 1)) - 1.0
    found = return_statistics(returns)
    assert found.growth_rate == pytest.approx(rate, abs=1e-12)
    assert found.variability == pytest.approx(distances.std(ddof=1), rel=1e-9, abs=1e-12)


def test_returns_that_differ_by_rounding_only_do_not_vary():
    steady = np.diff(np.concatenate(([1.0], 1.01 ** np.arange(1, 200)))) / 1.01 ** np.arange(199)
    assert steady.std() > 0.0
    found = return_statistics(steady)
    assert found.deviation == 0.0
    assert math.isnan(found.skewness)
    assert math.isnan(found.kurtosis)


def test_one_return_has_a_mean_and_no_deviation():
    found = return_statistics(np.array([0.1]))
    assert found.mean == 0.1
    assert math.isnan(found.deviation)


def test_no_returns_have_nothing():
    assert all(math.isnan(value) for value in return_statistics(np.array([])))


def test_exposure_counts_the_bars_that_close_with_a_position():
    bar = np.array([1, 3, 5, 5])  # in at the second bar, out at the fourth, then in and out within the sixth
    held = np.array([2.0, 0.0, 1.0, 0.0])
    ones = np.ones(4)
    found = fill_statistics(bar, 10.0 * ones, 2.0 * ones, 0.5 * ones, held, 8)
    assert found == (80.0, 2.0, 2)


def test_a_position_open_at_the_end_is_exposed_until_there():
    one = np.ones(1)
    assert fill_statistics(np.array([5]), one, one, one, -one, 8).exposed == 3


def test_trades_are_tallied_after_fees():
    found = trade_statistics(
        np.array([30.0, -10.0, 0.0, 10.0]), np.array([0.3, -0.1, 0.0, 0.1]), days(4), days(4) + DAY // 2
    )
    assert found.money == (2, 1, 40.0, -10.0)
    assert (found.best, found.worst, found.holding) == (0.3, -0.1, DAY / 2)
    assert found.mean == pytest.approx(0.075)


def test_no_trades_have_no_figures():
    found = trade_statistics(np.array([]), np.array([]), days(0), days(0))
    assert found.money == (0, 0, 0.0, 0.0)
    assert all(math.isnan(value) for value in (found.mean, found.deviation, found.best, found.worst, found.holding))


def test_the_headline_of_one_bar_is_its_return_alone():
    total, sharpe, drawdown = headline(np.array([90.0]), period_ends(days(1), DAY), 100.0, 365.0)
    assert (total, drawdown) == pytest.approx((-0.1, 0.1))
    assert math.isnan(sharpe)
