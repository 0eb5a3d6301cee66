"""Backtrader's analyzers judge the metrics; where a definition differs, its own is written out here."""

import math
from itertools import pairwise
from statistics import fmean, pstdev, stdev

import numpy as np
import pytest

from backtest_engine.engine import BacktraderEngine
from tidewright.domain.backtest import outcome_of
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.kernel import simulate
from tidewright.domain.strategies.evaluation import Evaluation

BROKER = Broker(10_000.0, commission=0.001, slippage=0.0005)
RISK = Risk(stop_loss=0.03, take_profit=0.05)


@pytest.fixture(scope="module")
def whole_days(hourly):
    """The year 2022, which has no gap: a day without bars is a day for us and none for Backtrader."""
    return hourly.between(1_640_995_200_000, 1_672_531_200_000)


@pytest.fixture(scope="module")
def both(whole_days, cases):
    signals = cases[0].signals(whole_days)
    ledger = simulate(whole_days, signals, BROKER, RISK)
    return outcome_of(whole_days, Evaluation({}, signals), ledger), BacktraderEngine().trade(
        whole_days, signals, BROKER, RISK
    )


def test_there_is_no_gap(whole_days):
    assert np.all(np.diff(whole_days.time) == whole_days.step)


def test_sharpe_is_ours(both):
    outcome, theirs = both

    assert theirs.analyzers["SharpeRatio"]["sharperatio"] == pytest.approx(outcome.metrics.sharpe, rel=1e-9)


def test_the_maximum_drawdown_is_ours_in_percent(both):
    outcome, theirs = both
    deepest = theirs.analyzers["DrawDown"]["max"]

    assert deepest["drawdown"] == pytest.approx(100 * outcome.metrics.max_drawdown, rel=1e-9)
    assert deepest["moneydown"] == pytest.approx(outcome.metrics.max_drawdown_money, rel=1e-9)


def test_trades_are_ours(both):
    outcome, theirs = both
    counted, metrics = theirs.analyzers["TradeAnalyzer"], outcome.metrics

    assert counted["total"]["closed"] == metrics.trades > 100
    assert counted["won"]["total"] / counted["total"]["closed"] == pytest.approx(metrics.win_rate)
    assert counted["won"]["pnl"]["average"] == pytest.approx(metrics.average_win, rel=1e-9)
    assert counted["lost"]["pnl"]["average"] == pytest.approx(metrics.average_loss, rel=1e-9)
    assert counted["pnl"]["net"]["average"] == pytest.approx(metrics.expectancy, rel=1e-9)
    assert counted["won"]["pnl"]["total"] / -counted["lost"]["pnl"]["total"] == pytest.approx(
        metrics.profit_factor, rel=1e-9
    )


def test_their_sqn_is_of_money_and_of_the_whole_population(both):
    outcome, theirs = both
    pnl = outcome.trades.pnl.tolist()

    assert theirs.analyzers["SQN"]["sqn"] == pytest.approx(math.sqrt(len(pnl)) * fmean(pnl) / pstdev(pnl), rel=1e-9)
    assert theirs.analyzers["SQN"]["trades"] == len(pnl)
    assert theirs.analyzers["SQN"]["sqn"] != pytest.approx(outcome.metrics.sqn, rel=0.01)


def test_their_vwr_measures_each_distance_from_the_day_before_instead_of_from_the_start(both):
    outcome, theirs = both
    equity = outcome.ledger.equity
    # A day ends with the first bar of the next, so that the first bar of all is a day of its own.
    marks = [BROKER.cash, *equity[::24].tolist(), float(equity[-1])]
    rate = math.log(equity[-1] / BROKER.cash) / (len(equity) / 24)
    distances = [after / (before * math.exp(rate * n)) - 1 for n, (before, after) in enumerate(pairwise(marks), 1)]
    yearly = 100 * math.expm1(252 * rate)

    # tau and sigma_max are 0.20 and 2.0: the other way round than in its documentation.
    assert theirs.analyzers["VWR"]["vwr"] == pytest.approx(yearly * (1 - (stdev(distances) / 2.0) ** 0.20), rel=1e-9)
    assert theirs.analyzers["VWR"]["vwr"] != pytest.approx(100 * outcome.metrics.vwr, rel=0.01)
