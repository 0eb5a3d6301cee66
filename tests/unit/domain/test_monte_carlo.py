"""Paths have the drawdowns and ends that can be counted by hand or are known from theory, and depend on the seed alone."""

import math
from itertools import permutations

import numpy as np
import pytest

from tidewright.domain.bootstrap import MINIMUM_OBSERVATIONS, block_length
from tidewright.domain.ledger import Trades
from tidewright.domain.monte_carlo import (
    BANDS,
    QUANTILES,
    RUIN,
    STEPS,
    account_returns,
    drawn_orders,
    monte_carlo,
    shuffled_orders,
    spread,
    stationary_orders,
)

NOTHING = np.array([])


def generator(seed=1):
    return np.random.Generator(np.random.PCG64(seed))


def at(quantile, values):
    return values[QUANTILES.index(quantile)]


def trades_of(pnl, entry_bar):
    pnl, entry = np.array(pnl, dtype=float), np.array(entry_bar)
    ones, code = np.ones(len(pnl)), np.ones(len(pnl), dtype=np.int8)
    return Trades(entry, entry + 1, entry, entry + 1, code, ones, ones, ones, ones, pnl, pnl, ones, ones, code, entry)


def test_one_path_by_hand():
    """100, 200, 100, 80, 120: a fall of 60 percent, and never less than 20 percent below the start."""
    found = spread(np.array([1.0, -0.5, -0.2, 0.5]), [np.arange(4)[None, :]])
    assert found.actual == pytest.approx(0.6)
    assert found.drawdown == pytest.approx(np.full(len(QUANTILES), 0.6))
    assert found.final == pytest.approx(np.full(len(QUANTILES), 1.2))
    assert (found.loss, found.deeper, found.ruin.tolist()) == (0.0, 0.0, [0.0, 0.0, 0.0])
    assert found.steps.tolist() == [0, 1, 2, 3, 4]
    assert found.bands == pytest.approx(np.array([[1.0, 2.0, 1.0, 0.8, 1.2]] * len(BANDS)))


def test_every_order_of_three_trades_by_hand():
    """Of the six orders of +100, -50 and -20 percent, the gain stands between the losses in two: those fall 50 percent, the others 60."""
    returns = np.array([1.0, -0.5, -0.2])
    found = spread(returns, [np.array(list(permutations(range(3))))])
    assert at(0.25, found.drawdown) == pytest.approx(0.525)  # a quarter of the way from the second value to the third
    assert at(0.50, found.drawdown) == pytest.approx(0.6)
    assert found.final == pytest.approx(np.full(len(QUANTILES), 0.8))
    assert found.loss == 1.0
    assert found.actual == pytest.approx(0.6)
    assert found.deeper == 0.0
    assert found.ruin == pytest.approx([0.5, 0.5, 0.0])  # the lowest is 0.8 in three orders, 0.5 in one, 0.4 in two


def test_all_orders_of_trades_are_equally_likely():
    orders = shuffled_orders(generator(), 3, 60_000)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6
    assert counts == pytest.approx(np.full(6, 10_000), abs=4 * math.sqrt(60_000 * 5 / 36))


def test_drawn_trades_are_binomial():
    """Ten wins and ten losses: the number of wins in twenty draws has the quantiles of the binomial distribution."""
    returns = np.repeat([0.05, -0.04], 10)
    found = spread(returns, [drawn_orders(generator(), 20, 40_000)])
    cumulative = np.cumsum([math.comb(20, k) / 2**20 for k in range(21)])
    wins = [int(np.searchsorted(cumulative, quantile)) for quantile in QUANTILES]
    assert found.final == pytest.approx([1.05**k * 0.96 ** (20 - k) for k in wins])


def test_the_probability_of_ruin_is_that_of_a_random_walk():
    """Doubling or halving with even odds: by the reflection principle, a walk of n steps misses -1 with probability C(n, n/2) / 2**n."""
    returns = np.repeat([1.0, -0.5], 10)
    found = spread(returns, [drawn_orders(generator(), 20, 40_000)])
    at_half = 1.0 - math.comb(20, 10) / 2**20
    assert found.ruin[RUIN.index(0.5)] == pytest.approx(at_half, abs=4 * math.sqrt(at_half * (1 - at_half) / 40_000))
    assert found.ruin[RUIN.index(0.25)] == found.ruin[RUIN.index(0.5)]  # nothing lies between the whole and the half


def test_drawdowns_without_drift_are_those_of_brownian_motion():
    """Its distance below the maximum is a Brownian motion's distance from zero (Lévy), whose largest value has a known distribution.

    A walk of n steps misses the top and the bottom between two steps by 0.5826 of a step each (M. Broadie, P. Glasserman and S. Kou, 1997).
    """

    def probability(depth):
        odd = 2 * np.arange(20) + 1
        return 4 / math.pi * np.sum((-1) ** np.arange(20) / odd * np.exp(-((odd * math.pi / depth) ** 2) / 8))

    returns = np.random.default_rng(5).normal(0.0, 0.0001, 4000)
    returns -= returns.mean()
    found = spread(returns, [drawn_orders(generator(), 4000, 4000)])
    depths = (found.drawdown / returns.std() + 2 * 0.5826) / math.sqrt(4000)
    assert [probability(depth) for depth in depths] == pytest.approx(QUANTILES, abs=0.02)


def test_bands_are_the_quantiles_of_equity_on_the_way():
    returns = np.random.default_rng(6).normal(0.001, 0.02, 30)
    orders = drawn_orders(generator(), 30, 400)
    found = spread(returns, [orders])
    paths = np.concatenate((np.ones((400, 1)), np.cumprod(1 + returns[orders], axis=1)), axis=1)
    assert found.steps.tolist() == list(range(31))
    assert found.bands == pytest.approx(np.quantile(paths, BANDS, axis=0))
    assert found.final == pytest.approx(np.quantile(paths[:, -1], QUANTILES))
    depth = 1 - paths / np.maximum.accumulate(paths, axis=1)
    assert found.drawdown == pytest.approx(np.quantile(depth.max(axis=1), QUANTILES))
    assert found.loss == np.mean(paths[:, -1] < 1)


def test_bands_are_few_however_long_the_history():
    found = spread(np.zeros(9_999), [np.arange(9_999)[None, :]])
    assert found.bands.shape == (len(BANDS), STEPS + 1)
    assert (found.steps[0], found.steps[-1]) == (0, 9_999)


def test_paths_may_come_in_parts():
    returns, orders = np.random.default_rng(7).normal(0, 0.02, 60), drawn_orders(generator(), 60, 90)
    whole, parts = spread(returns, [orders]), spread(returns, iter((orders[:50], orders[50:])))
    assert whole.bands.tolist() == parts.bands.tolist()
    assert whole.drawdown.tolist() == parts.drawdown.tolist()


def test_equity_that_reaches_nothing_stays_there():
    found = spread(np.array([0.5, -1.5, 3.0]), [np.arange(3)[None, :]])
    assert found.final.tolist() == [0.0] * len(QUANTILES)
    assert (found.actual, found.ruin.tolist()) == (1.0, [1.0, 1.0, 1.0])


def test_a_drawdown_that_every_order_has_is_deeper_in_none():
    returns = np.array([0.03, 0.07, -0.1, 0.01, 0.02])  # one loss, always from the highest equity so far
    assert spread(returns, [shuffled_orders(generator(), 5, 500)]).deeper == 0.0


def test_the_luck_of_a_kind_order_shows():
    """Losses that came one by one, each between gains: almost any other order has some of them together."""
    found = spread(np.tile([0.05, -0.04], 50), [shuffled_orders(generator(), 100, 1000)])
    assert found.actual == pytest.approx(0.04)
    assert found.deeper > 0.99


def test_blocks_keep_runs_of_days_that_drawing_one_by_one_tears_apart():
    shocks = np.random.default_rng(8).normal(0.0, 0.001, 1004)
    trending = np.convolve(shocks, np.full(5, 0.5), mode="valid")
    in_blocks = spread(trending, [stationary_orders(generator(), 1000, 500)])
    one_by_one = spread(trending, [drawn_orders(generator(), 1000, 500)])
    assert at(0.5, in_blocks.drawdown) > 1.3 * at(0.5, one_by_one.drawdown)


def test_stationary_orders_run_on_in_blocks_and_around_the_end():
    orders = stationary_orders(generator(), 1000, 100)
    assert (orders.min(), orders.max()) == (0, 999)
    runs_on = (orders[:, 1:] == (orders[:, :-1] + 1) % 1000).mean()
    assert runs_on == pytest.approx(1 - 1 / block_length(1000), abs=0.01)


def test_the_same_seed_gives_the_same_spread_and_another_one_another():
    daily = np.random.default_rng(9).normal(0.001, 0.02, 300)
    first, again, other = (monte_carlo(daily, daily[:50], 200, seed) for seed in (7, 7, 8))
    assert list(first) == ["dailyReturns", "tradesDrawn", "tradesShuffled"]
    for name in first:
        assert first[name].bands.tobytes() == again[name].bands.tobytes()
        assert first[name].drawdown.tolist() != other[name].drawdown.tolist()


def test_ways_do_not_depend_on_one_another():
    daily, by_trade = np.random.default_rng(9).normal(0.001, 0.02, (2, 300))
    both, alone = monte_carlo(daily, by_trade, 100, 7), monte_carlo(NOTHING, by_trade, 100, 7)
    assert list(alone) == ["tradesDrawn", "tradesShuffled"]
    assert both["tradesDrawn"].drawdown.tolist() == alone["tradesDrawn"].drawdown.tolist()


def test_too_few_returns_or_undefined_ones_are_left_out():
    enough = np.full(MINIMUM_OBSERVATIONS, 0.01)
    assert list(monte_carlo(enough, enough[1:], 10, 7)) == ["dailyReturns"]
    assert monte_carlo(np.append(enough, math.nan), NOTHING, 10, 7) == {}


def test_what_a_trade_did_to_the_account_is_measured_at_the_close_before_its_entry():
    equity = np.array([1000.0, 1000.0, 1100.0, 1100.0, 990.0])
    found = account_returns(trades_of([100.0, -110.0], entry_bar=[1, 3]), equity, initial=1000.0)
    assert found == pytest.approx([0.1, -0.1])
    assert 1000 * np.prod(1 + found) == pytest.approx(equity[-1])


def test_a_trade_entered_in_the_first_bar_is_measured_on_the_initial_equity():
    assert account_returns(trades_of([50.0], [0]), np.array([70.0, 70.0]), initial=20.0).tolist() == [2.5]


def test_a_trade_without_equity_to_measure_it_on_has_no_return():
    assert np.isnan(account_returns(trades_of([5.0], [1]), np.array([0.0, 5.0]), initial=100.0)).all()
