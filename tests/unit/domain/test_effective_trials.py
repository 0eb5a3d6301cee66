"""Trials that resemble each other count as fewer, and the best of them is held against the luck of as many."""

import math

import numpy as np
import pytest

from tidewright.domain.effective_trials import deflated, independent_trials
from tidewright.domain.overfitting import TrackRecord, expected_maximum_sharpe, probabilistic_sharpe


def noise(seed, periods=2000, trials=10):
    return np.random.default_rng(seed).normal(0.0, 0.01, (periods, trials))


def test_it_is_the_participation_ratio_of_the_eigenvalues():
    returns = noise(1) @ np.random.default_rng(2).normal(size=(10, 10))
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(returns.T))
    assert independent_trials(returns) == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


def test_more_trials_than_periods_are_counted_from_the_other_side():
    returns = noise(3, periods=30, trials=80)
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(returns.T))
    assert independent_trials(returns) == pytest.approx(80**2 / (eigenvalues**2).sum())


def test_copies_are_one_trial_whatever_their_size_and_sign():
    assert independent_trials(noise(4, trials=1) * np.array([1.0, 2.0, -0.5, 30.0])) == pytest.approx(1.0)


def test_trials_that_have_nothing_in_common_count_almost_all():
    assert 9.9 < independent_trials(noise(5)) <= 10.0


def test_two_families_are_two():
    assert independent_trials(np.repeat(noise(6, trials=2), 7, axis=1)) == pytest.approx(2.0, abs=0.01)


def test_two_that_are_half_alike_by_hand():
    """Correlated at 0.5 the eigenvalues are 1.5 and 0.5: 4 / 2.5."""
    one, other = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    assert independent_trials(np.column_stack((one, one / 2 + other * math.sqrt(0.75)))) == pytest.approx(1.6)


def test_trials_that_never_traded_or_were_ruined_are_counted_but_not_as_independent():
    returns = noise(7)
    ruined = np.where(np.arange(2000) < 900, -0.01, math.nan)
    found = deflated(np.column_stack((returns, np.zeros(2000), ruined)), 3)
    alone = deflated(returns, 3)
    assert (found.trials, found.idle) == (12, 2)
    assert (found.probability, found.luck) == pytest.approx((alone.probability, alone.luck))
    assert (found.independent, found.variance) == pytest.approx((alone.independent, alone.variance))


def test_it_is_the_probabilistic_sharpe_ratio_against_luck():
    returns = noise(8) + 0.0005
    found = deflated(returns, 2)
    luck = expected_maximum_sharpe(independent_trials(returns), 1.0 / 1999)
    assert found.luck == luck > 0.0
    assert found.sharpe == TrackRecord.of(returns[:, 2].copy()).sharpe
    assert found.probability == probabilistic_sharpe(TrackRecord.of(returns[:, 2].copy()), luck)
    assert found.variance == pytest.approx(np.var(returns.mean(axis=0) / returns.std(axis=0, ddof=1), ddof=1))


def test_a_single_trial_and_its_copies_are_not_deflated():
    returns = noise(9, trials=1) + 0.0005
    for of in (returns, np.repeat(returns, 5, axis=1)):
        found = deflated(of, 0)
        assert found.luck == 0.0
        assert found.probability == probabilistic_sharpe(TrackRecord.of(returns[:, 0].copy()))


def test_luck_is_what_the_best_of_independent_trials_reaches():
    best = [deflated(noise(seed, 500, 30), 0) for seed in range(100, 110)]
    reached = [(noise(s, 500, 30).mean(axis=0) / noise(s, 500, 30).std(axis=0, ddof=1)).max() for s in range(100, 400)]
    assert np.mean([one.luck for one in best]) == pytest.approx(np.mean(reached), rel=0.05)


@pytest.mark.parametrize("common", [0.3, 0.6, 0.9])
def test_of_alike_trials_luck_is_understated_by_less_than_a_deviation_of_one(common):
    """Equally correlated trials: the participation ratio counts fewer than the best of them behaves like, so the test of superior ability decides beside it."""
    shortfall = []
    for seed in range(60):
        own, shared = noise(seed, 400, 60), noise(seed + 5_000, 400, 1)
        returns = math.sqrt(1.0 - common) * own + math.sqrt(common) * shared
        found = deflated(returns, 0)
        reached = (returns.mean(axis=0) / returns.std(axis=0, ddof=1)).max()
        shortfall.append((reached - found.luck) * math.sqrt(400))
    assert 0.0 < np.mean(shortfall) < 1.0


@pytest.mark.parametrize("returns", [np.zeros((50, 3)), noise(1, periods=1), np.empty((0, 3))])
def test_what_is_not_defined_is_nan(returns):
    found = deflated(returns, 0)
    assert math.isnan(found.probability)
    assert math.isnan(found.variance)
    assert found.trials == returns.shape[1]


def test_an_idle_trial_that_was_selected_has_no_deflated_sharpe_ratio():
    found = deflated(np.column_stack((noise(1), np.zeros(2000))), 10)
    assert math.isnan(found.sharpe)
    assert math.isnan(found.probability)
