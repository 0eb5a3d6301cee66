"""Accounts are looked at on the same days, and a difference of Sharpe ratios is called one as often as its p-value says."""

import math

import numpy as np
import pytest

from tidewright.domain.bootstrap import MINIMUM_OBSERVATIONS
from tidewright.domain.metrics.formulae import sharpe
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.paired import (
    Account,
    common_period,
    correlations,
    period_moments,
    returns,
    sharpe_differences,
    values,
)
from tidewright.domain.timeframe import DAY

HOUR = DAY // 24
WEEK = 7 * DAY


def account(equity, first=0, step=DAY, initial=100.0):
    equity = np.array(equity, dtype=float)
    return Account(first + step * np.arange(len(equity), dtype=np.int64), equity, initial, step)


def days_of(accounts):
    start, end = common_period(accounts)
    moments, yearly = period_moments(accounts, start, end)
    return returns(values(accounts, start, moments)), yearly


def normal_days(seed, count=250, mean=0.001, deviation=0.01):
    return np.random.default_rng(seed).normal(mean, deviation, count)


def test_worth_is_the_equity_at_the_last_close():
    of = account([110, 120], first=DAY)
    assert of.worth(np.array([0, DAY, 2 * DAY - 1, 2 * DAY, 3 * DAY, 9 * DAY])).tolist() == [
        100,
        100,
        100,
        110,
        120,
        120,
    ]


def test_the_common_period_is_where_all_have_bars():
    assert common_period([account([1, 2, 3, 4]), account([1, 2, 3, 4], first=2 * DAY)]) == (2 * DAY, 4 * DAY)


def test_accounts_that_never_meet_have_an_end_before_the_start():
    start, end = common_period([account([1, 2]), account([1, 2], first=5 * DAY)])
    assert end < start


def test_an_account_that_began_earlier_starts_from_what_it_was_worth_by_then():
    earlier, later = account([110, 121, 133.1]), account([90, 99], first=DAY)
    found, _ = days_of([earlier, later])
    assert found == pytest.approx(np.array([[0.1, 0.1], [-0.1, 0.1]]))


@pytest.mark.parametrize(
    ("step", "first"), [(HOUR, 0), (HOUR, 4 * HOUR), (4 * HOUR, 20 * HOUR), (DAY, 0), (WEEK, 3 * DAY)]
)
def test_alone_an_account_has_the_returns_of_its_own_run(step, first):
    of = account(100 + np.random.default_rng(3).normal(0, 1, 200).cumsum(), first=first, step=step)
    found, yearly = days_of([of, of])
    expected, expected_yearly = daily_returns(of.time, of.equity, of.initial, step)
    assert yearly == expected_yearly
    assert found[0].tolist() == expected.tolist()


def test_hours_and_days_are_paired_by_the_day_that_they_end_in():
    hourly = account(100 * 1.001 ** np.arange(1, 49), step=HOUR)
    daily = account([110, 99])
    found, yearly = days_of([hourly, daily])
    assert found == pytest.approx(np.array([[1.001**24 - 1, 1.001**24 - 1], [0.1, -0.1]]))
    assert yearly == 365


def test_beside_weekly_bars_the_periods_are_weeks():
    weekly, daily = account([110, 121], step=WEEK), account(100 * 1.01 ** np.arange(1, 15))
    found, yearly = days_of([weekly, daily])
    assert found == pytest.approx(np.array([[0.1, 0.1], [1.01**7 - 1, 1.01**7 - 1]]))
    assert yearly == 365 / 7


def test_nothing_returns_on_nothing():
    assert np.isnan(returns(np.array([[1.0, 0.0, 5.0]]))[0]).tolist() == [False, True]


def test_correlations_are_those_of_numpy():
    of = np.random.default_rng(4).normal(size=(3, 50))
    assert correlations(of) == pytest.approx(np.corrcoef(of))


def test_what_does_not_vary_is_correlated_with_nothing():
    found = correlations(np.array([[0.1, -0.1, 0.2], [0.0, 0.0, 0.0]]))
    assert found[0, 0] == 1.0
    assert np.isnan([found[0, 1], found[1, 1]]).all()
    assert np.isnan(correlations(np.ones((2, 1)))).all()


def test_the_difference_is_that_of_the_ratios_themselves():
    of = np.stack([normal_days(1), normal_days(2), normal_days(3)])
    ratios = [sharpe(row.mean(), row.std(ddof=1), 365.0) for row in of]
    found = sharpe_differences(of, 1, 365.0, seed=7, resamples=100)
    assert [row.difference for row in found] == pytest.approx([ratio - ratios[1] for ratio in ratios])
    assert found[1] == (0.0, 0.0, 0.0, 1.0)


def test_a_twin_is_no_better():
    days = normal_days(1)
    found = sharpe_differences(np.stack([days, 2 * days]), 0, 365.0, seed=7)[1]
    assert found.difference == pytest.approx(0.0, abs=1e-12)
    assert found.low <= 0.0 <= found.high
    assert found.high - found.low < 1e-9


def test_what_moves_both_is_no_uncertainty_about_their_difference():
    """A market of 1 percent a day shared by both, and a hundredth of that of their own: the interval is a tenth of one of strangers or less."""
    market, own, strangers = normal_days(1), normal_days(2, deviation=0.0001), normal_days(3)
    paired = sharpe_differences(np.stack([market, market + own]), 0, 365.0, seed=7)[1]
    unpaired = sharpe_differences(np.stack([market, strangers]), 0, 365.0, seed=7)[1]
    assert paired.high - paired.low < 0.1 * (unpaired.high - unpaired.low)


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_without_a_difference_it_is_called_one_about_as_often_as_the_level_says(shared):
    """Of 400 pairs with the same true ratio; without their standard errors to divide by, blocks reject a little too often."""
    rejected = 0
    for seed in range(400):
        market, one, other = np.random.default_rng(seed).normal(0.001, 0.01, (3, 250))
        mixed = [shared * market + math.sqrt(1 - shared**2) * own for own in (one, other)]
        rejected += sharpe_differences(np.stack(mixed), 0, 365.0, seed=seed, resamples=199)[1].p_value < 0.05
    assert 0.02 < rejected / 400 < 0.10


def test_a_large_difference_is_seen():
    good, bad = normal_days(1, count=1000, mean=0.002), normal_days(2, count=1000, mean=-0.001)
    found = sharpe_differences(np.stack([bad, good]), 0, 365.0, seed=7)[1]
    assert found.p_value < 0.001
    assert found.low > 0.0


@pytest.mark.parametrize("seed", range(5))
def test_the_p_value_is_below_the_level_exactly_where_the_interval_is_without_zero(seed):
    first, second = normal_days(seed), normal_days(seed + 100, mean=0.0)
    found = sharpe_differences(np.stack([first, second]), 0, 365.0, seed=seed, resamples=400)[1]
    assert (found.p_value < 0.05) == (not found.low <= 0.0 <= found.high)


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    of = np.stack([normal_days(1), normal_days(2)])
    first, again, other = (sharpe_differences(of, 0, 365.0, seed=seed, resamples=100)[1] for seed in (7, 7, 8))
    assert first == again
    assert first.low != other.low


def test_too_few_days_have_a_difference_without_an_interval():
    of = np.stack([normal_days(1, count=MINIMUM_OBSERVATIONS - 1), normal_days(2, count=MINIMUM_OBSERVATIONS - 1)])
    found = sharpe_differences(of, 0, 365.0, seed=7)[1]
    assert math.isfinite(found.difference)
    assert all(math.isnan(value) for value in found[1:])


def test_an_account_that_never_traded_has_no_ratio_to_differ():
    found = sharpe_differences(np.stack([normal_days(1), np.zeros(250)]), 0, 365.0, seed=7, resamples=100)[1]
    assert all(math.isnan(value) for value in found)


def test_an_account_that_hardly_ever_traded_has_no_interval():
    """One day of 250 with a result: a third of the drawn histories are without it."""
    once = np.zeros(250)
    once[100] = 0.01
    found = sharpe_differences(np.stack([normal_days(1), once]), 0, 365.0, seed=7, resamples=200)[1]
    assert math.isfinite(found.difference)
    assert math.isnan(found.p_value)
