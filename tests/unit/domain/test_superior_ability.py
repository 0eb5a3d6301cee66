"""The p-values are those of an independent judge, right as often as they say without skill, and small where there is some."""

import math

import numpy as np
import pytest
from arch.bootstrap import SPA

from tidewright.domain.bootstrap import MINIMUM_OBSERVATIONS, block_length, stationary_orders
from tidewright.domain.superior_ability import PValues, bootstrap_deviation, reality_check, superior_ability


def noise(seed, periods=400, trials=20, common=0.0):
    random = np.random.default_rng(seed)
    shared = random.normal(0.0, 0.01, (periods, 1))
    return math.sqrt(common) * shared + math.sqrt(1.0 - common) * random.normal(0.0, 0.01, (periods, trials))


def judge(returns, reps=4000):
    """arch takes losses: a trial's are its negative returns, the benchmark's are zero. Its statistic is not studentised, whatever it is told (8.0.0)."""
    periods = len(returns)
    spa = SPA(np.zeros(periods), -returns, block_size=block_length(periods), reps=reps, seed=7)
    spa.compute()
    return spa.pvalues


@pytest.mark.parametrize(
    "returns",
    [
        noise(1),
        noise(2, common=0.7),
        noise(3, periods=150) + 0.001,
        noise(4) - np.linspace(0.0, 0.004, 20),  # some poor: the three p-values are far apart
        noise(5) * np.linspace(0.1, 5.0, 20),
        np.cumsum(noise(6, trials=5), axis=0) / 20 + noise(7, trials=5),  # days that depend on those before
    ],
    ids=["noise", "correlated", "skill", "poor", "scales", "persistent"],
)
def test_p_values_are_those_of_the_judge(returns):
    """What is studentised before the judge sees it is the same as what is studentised after."""
    found, theirs = superior_ability(returns, samples=4000, seed=3), judge(returns / bootstrap_deviation(returns))
    for name in ("lower", "consistent", "upper"):
        assert getattr(found, name) == pytest.approx(theirs[name], abs=0.04), name


def test_the_reality_check_is_the_judges_upper_p_value_without_studentising():
    returns = noise(5) * np.linspace(0.5, 2.0, 20) + 0.0005
    assert reality_check(returns, samples=4000) == pytest.approx(judge(returns)["upper"], abs=0.04)


def test_the_deviation_is_that_of_the_histories_drawn():
    returns = np.convolve(noise(1, 300, 1)[:, 0], np.ones(4), mode="valid")[:, None]
    orders = stationary_orders(np.random.default_rng(2), len(returns), 20_000)
    drawn = returns[orders, 0].mean(axis=1).std() * math.sqrt(len(returns))
    assert bootstrap_deviation(returns)[0] == pytest.approx(drawn, rel=0.02)
    assert bootstrap_deviation(returns)[0] > 1.5 * returns.std()  # days that move together are worth fewer


@pytest.mark.parametrize("common", [0.0, 0.8])
def test_without_skill_one_in_ten_is_below_a_tenth(common):
    """Of 200 searches; the test is for large samples, and the bootstrap is a little too bold in small ones."""
    found = [superior_ability(noise(seed, 250, 10, common), samples=200, seed=seed).consistent for seed in range(200)]
    assert 0.04 < np.mean(np.array(found) < 0.1) < 0.17


def test_skill_is_found_among_many_without():
    """One trial of twenty with a t-statistic of 4."""
    found = []
    for seed in range(40):
        returns = noise(seed)
        returns[:, 11] += 4.0 * 0.01 / math.sqrt(len(returns))
        found.append(superior_ability(returns, samples=200, seed=seed).consistent)
    assert np.mean(np.array(found) < 0.05) > 0.75


def test_poor_trials_make_the_reality_check_timid_and_not_the_test_of_superior_ability():
    good = noise(1, trials=3)
    good[:, 0] += 0.0016
    wild_and_poor = noise(2, trials=30) * 6.0 - 0.02
    returns = np.column_stack((good, wild_and_poor))
    assert superior_ability(returns).consistent < 0.02
    assert reality_check(returns) > 0.2


def test_the_three_are_in_order_and_the_best_of_losers_is_not_superior():
    found = superior_ability(noise(3) - 0.002)
    assert found.lower <= found.consistent <= found.upper
    assert found.consistent > 0.9


def test_a_benchmark_is_taken_off():
    returns, market = noise(4), noise(5, trials=1)[:, 0]
    assert superior_ability(returns + market[:, None], market).consistent == pytest.approx(
        superior_ability(returns).consistent
    )
    assert superior_ability(returns + 0.001, 0.001).consistent == pytest.approx(superior_ability(returns).consistent)
    assert reality_check(returns + market[:, None], market) == pytest.approx(reality_check(returns))


def test_trials_that_cannot_be_judged_are_left_out():
    returns = noise(6)
    broken = np.column_stack((returns, np.zeros(400), np.full(400, np.nan)))
    assert superior_ability(broken) == superior_ability(returns)
    assert reality_check(broken) == reality_check(returns)


def test_the_seed_decides():
    returns = noise(7) + 0.0003
    assert superior_ability(returns, seed=1) == superior_ability(returns, seed=1)
    assert superior_ability(returns, seed=1) != superior_ability(returns, seed=2)


def test_many_samples_are_drawn_in_parts():
    returns = noise(8, trials=3)
    assert superior_ability(returns, samples=20_000).consistent == pytest.approx(
        superior_ability(returns, samples=2_000).consistent, abs=0.04
    )


def test_a_p_value_is_never_zero():
    assert superior_ability(noise(9) + 0.1, samples=99) == PValues(0.01, 0.01, 0.01)


@pytest.mark.parametrize(
    "returns", [noise(1, periods=MINIMUM_OBSERVATIONS - 1), np.zeros((100, 4)), np.empty((0, 3)), np.empty((50, 0))]
)
def test_what_cannot_be_tested_is_nan(returns):
    assert all(math.isnan(value) for value in superior_ability(returns))
    assert math.isnan(reality_check(returns))
