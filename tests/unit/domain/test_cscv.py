"""PBO is what a plain implementation counts, half on noise, and nothing where one trial is better than the others."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tidewright.domain.cscv import backtest_overfitting

NOTHING = (math.nan, 0, math.nan, math.nan)


def noise(seed, periods=400, trials=20):
    return np.random.default_rng(seed).normal(0.0, 0.01, (periods, trials))


def plainly(returns, splits):
    """Logits, and the chosen one's Sharpe ratios on both halves, one half after the other, written down from the paper; trials all vary."""
    length = len(returns) // splits
    blocks = np.split(returns[len(returns) - length * splits :], splits)
    logits, pairs = [], []
    for taken in combinations(range(splits), splits // 2):
        in_sample = np.concatenate([blocks[i] for i in taken])
        out_of_sample = np.concatenate([blocks[i] for i in range(splits) if i not in taken])
        chosen_on, judged_on = (half.mean(axis=0) / half.std(axis=0, ddof=1) for half in (in_sample, out_of_sample))
        best = int(np.argmax(chosen_on))
        rank = sorted(judged_on).index(judged_on[best]) + 1
        share = rank / (returns.shape[1] + 1)
        logits.append(math.log(share / (1.0 - share)))
        pairs.append((chosen_on[best], judged_on[best]))
    return np.array(logits), np.array(pairs)


@pytest.mark.parametrize(("periods", "trials", "splits"), [(400, 20, 8), (403, 7, 6), (16, 3, 8), (50, 2, 2)])
def test_it_is_what_the_paper_says(periods, trials, splits):
    returns = noise(3, periods, trials) + 0.001
    found = backtest_overfitting(returns, splits)
    logits, pairs = plainly(returns, splits)
    assert found.logits == pytest.approx(logits, rel=1e-12)
    assert found.probability == np.mean(logits <= 0)
    assert found.loss == np.mean(pairs[:, 1] < 0)
    assert found.slope == pytest.approx(np.polyfit(pairs[:, 0], pairs[:, 1], 1)[0])


def test_two_trials_and_two_halves_by_hand():
    """Each is best on one half and worst on the other: chosen, it is 1st of 2 from below, w = 1/3, and loses."""
    returns = np.array([[0.03, -0.02], [0.01, 0.01], [-0.02, 0.03], [0.01, 0.01]])
    found = backtest_overfitting(returns, splits=2)
    assert found.logits == pytest.approx([-math.log(2.0)] * 2)
    assert (found.probability, found.loss) == (1.0, 1.0)
    assert math.isnan(found.slope)  # both were chosen at the same ratio


def test_noise_gives_a_half_on_average():
    found = [backtest_overfitting(noise(seed, 480, 21), 8).probability for seed in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)
    assert np.std(found) > 0.1  # and scatters widely, which is why it decides nothing


def test_a_superior_trial_is_chosen_and_stays_first():
    returns = noise(5)
    returns[:, 7] += 0.01
    found = backtest_overfitting(returns)
    assert found.probability == 0.0
    assert found.loss == 0.0
    assert found.logits == pytest.approx(np.full(math.comb(16, 8), math.log(20 / 1)))


def test_what_won_in_the_first_half_and_lost_in_the_second_is_found_out():
    returns = noise(6, 400, 10)
    returns[:200, :5] += 0.01
    returns[200:, :5] -= 0.01
    returns[:200, 5:] -= 0.01
    returns[200:, 5:] += 0.01
    found = backtest_overfitting(returns, 8)
    assert found.probability > 0.7
    assert found.slope < -0.5


def test_scale_and_order_of_the_trials_change_nothing():
    returns = noise(8)
    found = backtest_overfitting(returns, 8)
    other = backtest_overfitting(returns[:, ::-1] * np.linspace(1, 9, 20), 8)
    assert other.logits == pytest.approx(found.logits)


def test_the_oldest_periods_are_left_out_where_blocks_are_not_even():
    returns = noise(9, 407)
    assert backtest_overfitting(returns, 8).logits == pytest.approx(backtest_overfitting(returns[7:], 8).logits)


def test_trials_that_are_all_the_same_are_worth_nothing_to_choose_from():
    found = backtest_overfitting(np.tile(noise(1, trials=1), 5), 8)
    assert found.logits == pytest.approx(np.zeros(70), abs=1e-12)
    assert found.probability == 1.0


def test_a_trial_that_rests_is_never_chosen_and_ranks_as_zero():
    losing = noise(2, 80, 3) - 0.05
    found = backtest_overfitting(np.column_stack((losing, np.zeros(80))), 4)
    assert found.loss == 1.0
    assert found.logits.max() <= math.log((3 / 5) / (2 / 5)) + 1e-12  # behind the one that rests


def test_a_trial_that_rests_on_one_half_counts_as_zero_there():
    """It is the best where it trades, and chosen; on the other half it is between the one that wins and the one that loses."""
    random = np.random.default_rng(4)
    once = np.concatenate((random.normal(0.02, 0.01, 40), np.zeros(40)))
    returns = np.column_stack((once, random.normal(0.01, 0.01, 80), random.normal(-0.01, 0.01, 80)))
    found = backtest_overfitting(returns, 2)
    assert found.logits[0] == pytest.approx(0.0)  # rank 2 of 3
    assert found.logits[1] == pytest.approx(math.log((2 / 4) / (2 / 4)))


def test_steady_growth_has_no_sharpe_ratio():
    returns = np.column_stack((np.full(80, 0.001), np.full(80, 0.1)))
    found = backtest_overfitting(returns, 4)
    assert (math.isnan(found.probability), len(found.logits), found.left_out) == (True, 0, 6)


def test_a_trial_with_a_nan_is_left_out():
    returns = noise(10)
    ruined = returns[:, :1].copy()
    ruined[300:] = np.nan
    with_it = backtest_overfitting(np.column_stack((returns, ruined)), 8)
    assert np.array_equal(with_it.logits, backtest_overfitting(returns, 8).logits)


@pytest.mark.parametrize(
    "returns", [noise(1, trials=1), noise(1, periods=7), np.empty((0, 5)), np.full((40, 5), np.nan)]
)
def test_what_cannot_be_rehearsed_is_nan(returns):
    found = backtest_overfitting(returns, 8)
    assert (math.isnan(found.probability), math.isnan(found.slope), math.isnan(found.loss)) == (True, True, True)
    assert found.logits.shape == (0,)


@pytest.mark.parametrize("splits", [0, 1, 7, -2])
def test_an_odd_number_of_splits_is_refused(splits):
    with pytest.raises(ValueError, match="give an even number"):
        backtest_overfitting(noise(1), splits)


@given(arrays(np.float64, (24, 4), elements=st.sampled_from([-0.01, 0.0, 0.01, 0.02, math.nan])))
def test_whatever_the_returns_figures_are_shares_or_nan(returns):
    found = backtest_overfitting(returns, 4)
    assert len(found.logits) + found.left_out in {0, 6}
    assert np.isfinite(found.logits).all()
    assert math.isnan(found.probability) == (len(found.logits) == 0)
    if len(found.logits):
        assert 0.0 <= found.probability <= 1.0
        assert 0.0 <= found.loss <= 1.0
