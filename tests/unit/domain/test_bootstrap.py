"""Intervals hold the truth as often as they say, depend on the seed alone, and are absent where there is too little to draw from."""

import math

import numpy as np
import pytest

from tidewright.domain.bootstrap import (
    MINIMUM_OBSERVATIONS,
    OF_RETURNS,
    OF_TRADES,
    _blocks,
    _figures_of_returns,
    _figures_of_trades,
    block_length,
    intervals,
)
from tidewright.domain.ledger import Trades
from tidewright.domain.metrics.statistics import headline
from tidewright.domain.metrics.table import METRICS


def trades_of(pnl):
    pnl = np.array(pnl, dtype=float)
    whole, ones, code = np.arange(len(pnl)), np.ones(len(pnl)), np.ones(len(pnl), dtype=np.int8)
    return Trades(whole, whole, whole, whole, code, ones, ones, ones, ones, pnl, pnl / 1000, ones, ones, code, whole)


def normal_returns(seed, count=250, mean=0.001, deviation=0.01):
    return np.random.default_rng(seed).normal(mean, deviation, count)


NO_TRADES = trades_of([])
NO_RETURNS = np.array([])


def is_absent(interval):
    return all(math.isnan(bound) for bound in interval)


def test_the_figures_are_named_as_in_the_table():
    assert {*OF_RETURNS, *OF_TRADES} <= {metric.name for metric in METRICS}
    assert list(intervals(NO_RETURNS, 365.0, NO_TRADES, seed=1)) == [*OF_RETURNS, *OF_TRADES]


def test_the_history_drawn_as_it_was_has_the_figures_that_it_has():
    returns = normal_returns(4, count=100)
    as_it_was = np.zeros((1, 100), dtype=bool)
    as_it_was[0, 0] = True
    figures = dict(zip(OF_RETURNS, _figures_of_returns(returns, as_it_was, np.array([0]), 365.0)[:, 0], strict=True))
    equity = np.cumprod(1.0 + returns)
    assert (figures["totalReturn"], figures["sharpe"], figures["maxDrawdown"]) == pytest.approx(
        headline(equity, np.arange(100), 1.0, 365.0), rel=1e-12
    )
    assert figures["cagr"] == pytest.approx(equity[-1] ** 3.65 - 1)
    assert figures["volatility"] == pytest.approx(returns.std(ddof=1) * math.sqrt(365))
    assert figures["sortino"] == pytest.approx(
        returns.mean() / math.sqrt((np.minimum(returns, 0) ** 2).mean()) * math.sqrt(365)
    )
    assert figures["calmar"] == pytest.approx(figures["cagr"] / figures["maxDrawdown"])


def test_a_block_that_reaches_the_end_goes_on_at_the_start():
    returns = np.array([0.5, 0.0, 1.0])
    from_the_last = np.array([[True, False, False]])
    assert _figures_of_returns(returns, from_the_last, np.array([2]), 365.0)[0, 0] == 2.0 * 1.5 * 1.0 - 1.0


def test_trades_drawn_twice_count_twice():
    figures = _figures_of_trades(np.array([10.0, -5.0, 40.0]), np.array([[0, 0, 1]], dtype=np.int32))[:, 0]
    assert figures.tolist() == pytest.approx([2 / 3, 4.0, 5.0, 10.0, -5.0])


def test_blocks_are_as_long_as_said_on_average():
    jumps, starts = _blocks(np.random.Generator(np.random.PCG64(1)), 1000, 200)
    assert jumps[:, 0].all()
    assert jumps.sum() == len(starts)
    assert jumps[:, 1:].mean() == pytest.approx(1 / block_length(1000), rel=0.02)
    assert (starts.min(), starts.max()) == (0, 999)


def test_block_length_is_the_cube_root():
    assert block_length(1000) == pytest.approx(10.0)


def test_the_same_seed_gives_the_same_intervals_and_another_one_others():
    returns, trades = normal_returns(1), trades_of(normal_returns(2) * 1000)
    first = intervals(returns, 365.0, trades, seed=7, resamples=200)
    assert intervals(returns, 365.0, trades, seed=7, resamples=200) == first
    assert all(first[name] != other for name, other in intervals(returns, 365.0, trades, seed=8, resamples=200).items())


def test_returns_and_trades_are_drawn_independently():
    returns, trades = normal_returns(1), trades_of(normal_returns(2) * 1000)
    both = intervals(returns, 365.0, trades, seed=7, resamples=200)
    alone = intervals(NO_RETURNS, 365.0, trades, seed=7, resamples=200)
    assert {name: both[name] for name in OF_TRADES} == {name: alone[name] for name in OF_TRADES}


def test_a_higher_level_gives_wider_intervals():
    returns = normal_returns(1)
    narrow = intervals(returns, 365.0, NO_TRADES, seed=7, level=0.8)
    wide = intervals(returns, 365.0, NO_TRADES, seed=7, level=0.95)
    for name in OF_RETURNS:
        assert wide[name][0] < narrow[name][0] < narrow[name][1] < wide[name][1], name


@pytest.mark.parametrize(("name", "truth"), [("sharpe", 0.1 * math.sqrt(365)), ("volatility", 0.01 * math.sqrt(365))])
def test_intervals_hold_the_truth_about_as_often_as_they_say(name, truth):
    """Of 300 years of independent normal returns; blocks cost a little coverage where there is nothing to preserve."""
    held = 0
    for seed in range(300):
        low, high = intervals(normal_returns(seed), 365.0, NO_TRADES, seed=seed, resamples=200)[name]
        held += low <= truth <= high
    assert 0.87 < held / 300 < 0.98


def test_intervals_of_trades_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for seed in range(300):
        pnl = np.random.default_rng(seed).choice([20.0, -10.0], p=[0.4, 0.6], size=200)
        low, high = intervals(NO_RETURNS, 365.0, trades_of(pnl), seed=seed, resamples=200)["winRate"]
        held += low <= 0.4 <= high
    assert 0.9 < held / 300 < 0.98


def test_blocks_keep_the_dependence_that_shuffling_destroys():
    shocks = normal_returns(11, count=1000, mean=0.0)
    trending = np.convolve(shocks, np.ones(5), mode="valid")
    shuffled = np.random.default_rng(12).permutation(trending)
    (low, high), (low_shuffled, high_shuffled) = (
        intervals(returns, 365.0, NO_TRADES, seed=7)["sharpe"] for returns in (trending, shuffled)
    )
    assert high - low > 1.4 * (high_shuffled - low_shuffled)


def test_too_few_observations_have_no_interval():
    few = MINIMUM_OBSERVATIONS - 1
    found = intervals(normal_returns(1, count=few), 365.0, trades_of(normal_returns(2, count=few)), seed=7)
    assert all(is_absent(interval) for interval in found.values())
    enough = intervals(normal_returns(1, count=few + 1), 365.0, trades_of(normal_returns(2, count=few + 1)), seed=7)
    assert not is_absent(enough["sharpe"])
    assert not is_absent(enough["expectancy"])


def test_an_account_that_never_traded_is_certain_of_nothing_but_its_zero():
    found = intervals(np.zeros(100), 365.0, NO_TRADES, seed=7)
    zero = {"totalReturn", "cagr", "volatility", "maxDrawdown"}
    assert {name for name in found if found[name] == (0.0, 0.0)} == zero
    assert all(is_absent(found[name]) for name in found if name not in zero)


def test_trades_that_all_won_have_no_profit_factor():
    found = intervals(NO_RETURNS, 365.0, trades_of(np.arange(1.0, 51.0)), seed=7)
    assert is_absent(found["profitFactor"])
    assert is_absent(found["averageLoss"])
    assert found["winRate"] == (1.0, 1.0)
    assert found["expectancy"] == found["averageWin"]


def test_a_figure_undefined_in_many_drawn_histories_has_no_interval():
    """With one losing trade of fifty, a third of the drawn histories have none."""
    pnl = np.arange(1.0, 51.0)
    pnl[7] = -5.0
    found = intervals(NO_RETURNS, 365.0, trades_of(pnl), seed=7)
    assert is_absent(found["profitFactor"])
    assert not is_absent(found["winRate"])


def test_an_account_that_lost_everything_has_no_intervals_of_returns():
    returns = np.concatenate((normal_returns(1), [-1.0, math.nan]))
    found = intervals(returns, 365.0, NO_TRADES, seed=7)
    assert all(is_absent(found[name]) for name in OF_RETURNS)
