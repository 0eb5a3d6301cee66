"""Runs are ranked by what they did over the time that they share; over the whole of a run that is what its record says."""

import json
import math

import numpy as np
import pytest

from tidewright.domain.metrics.table import METRICS
from tidewright.domain.timeframe import DAY
from tidewright.runs.backtest import run_backtest
from tidewright.runs.contenders import Contender
from tidewright.runs.leaderboard import FIGURES, document_of, rank
from tidewright.runs.record import document_of as record_of
from tidewright.runs.record import equity_table, trades_table
from tidewright.runs.refusal import InputRefused

LATER = ("exchange: binance", "exchange: binance\n    start: 2023-01-21")
SLOW = ("{fast: 5, slow: 20}", "{fast: 10, slow: 50}")
FREE = ("  seed: 7", "  broker: {commission: 0%}\n  seed: 7")


@pytest.fixture
def contender(make_bars, make_store, planned):
    def contender(name, *edits):
        found = run_backtest(planned(*edits), make_store(make_bars()))
        return Contender(name, f"{name}/result.json", record_of(found), equity_table(found), trades_table(found))

    return contender


def made(name, returns, cash=100.0):
    """A run of daily bars whose account had these returns."""
    equity = cash * np.cumprod(1 + np.asarray(returns, dtype=float))
    record = {
        "spec": {"strategy": {"symbols": ["BTC/USDT"]}, "broker": {"cash": cash}},
        "warnings": [],
        "provenance": {"digest": name, "data": {"symbol": "BTC/USDT", "timeframe": "1d", "simulated": False}},
    }
    return Contender(name, name, record, {"time": DAY * np.arange(len(equity)), "equity": equity}, {})


def names(board):
    return [standing.contender.name for standing in board.standings]


def test_over_the_whole_of_a_run_its_figures_are_those_of_its_record(contender):
    board = rank([contender("a"), contender("b", SLOW)])
    for standing in board.standings:
        recorded = standing.contender.record["result"]
        for name in FIGURES:
            figure = standing.figures[name]
            assert (None if math.isnan(figure) else figure) == recorded[name], name


def test_runs_over_different_periods_are_measured_on_what_they_share(contender):
    whole, later = contender("whole"), contender("later", LATER)
    board = rank([whole, later])
    figures = {standing.contender.name: standing.figures for standing in board.standings}
    assert figures["later"]["sharpe"] == later.record["result"]["sharpe"]
    assert figures["whole"]["sharpe"] != whole.record["result"]["sharpe"]
    assert figures["whole"]["trades"] < whole.record["result"]["trades"]
    ends = np.searchsorted(whole.account.close_time, board.moments[[0, -1]], side="right") - 1
    before, after = whole.equity["equity"][ends]
    assert figures["whole"]["totalReturn"] == pytest.approx(after / before - 1, rel=1e-12)
    (message,) = (message for reason, message in board.warnings if reason == "Period")
    assert "from 2023-01-21 to 2023-03-25T08:00:00Z" in message
    assert "longer: whole: 2023-01-01 to" in message


def test_the_best_come_first_and_the_undefined_last():
    steady, wild, still = (
        made("steady", [0.01, 0.011] * 40),
        made("wild", [0.10, -0.05] * 40),
        made("still", [0.0] * 80),
    )
    assert names(rank([still, wild, steady])) == ["steady", "wild", "still"]
    assert names(rank([still, wild, steady], by="totalReturn")) == ["wild", "steady", "still"]


def test_where_less_is_better_the_least_comes_first():
    assert names(rank([made("deep", [0.1, -0.5, 0.1]), made("shallow", [0.1, -0.1, 0.1])], by="maxDrawdown")) == [
        "shallow",
        "deep",
    ]


def test_sharpe_ratios_are_held_against_the_best_or_the_first():
    runs = [made("poor", [0.01, -0.009] * 40), made("good", [0.01, -0.001] * 40)]
    best, first = rank(runs), rank(runs, baseline="first")
    assert (best.baseline, first.baseline) == ("good", "poor")
    assert [standing.ahead.difference for standing in best.standings] == pytest.approx(
        [0.0, -first.standings[0].ahead.difference]
    )
    assert first.standings[1].ahead == (0.0, 0.0, 0.0, 1.0)


def test_worth_and_correlations_are_in_the_order_of_the_ranking():
    up, down = [0.02, -0.01] * 40, [-0.02, 0.01] * 40
    board = rank([made("down", down), made("up", up), made("double", 2 * np.array(up))], by="totalReturn")
    assert names(board) == ["double", "up", "down"]
    assert board.worth[:, 0].tolist() == [100.0] * 3
    assert board.worth[:, -1] == pytest.approx([100 * np.prod(1 + f * np.array(up)) for f in (2, 1, -1)])
    assert board.correlations == pytest.approx(np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]]))


def test_what_was_charged_is_told_where_it_differs(contender):
    board = rank([contender("a"), contender("free", FREE)])
    assert [d.field for d in board.differences if d.group == "Account and costs"] == ["commission"]
    assert "Costs" in [reason for reason, _ in board.warnings]


def test_a_short_stretch_has_no_intervals_and_says_so():
    board = rank([made("a", [0.01, -0.01, 0.02]), made("b", [0.02, -0.01, 0.01])])
    assert math.isnan(board.standings[1].ahead.p_value)
    assert [reason for reason, _ in board.warnings] == ["ShortPeriod"]


def test_incomparable_runs_are_refused():
    other = made("b", [0.01] * 3)
    other.record["spec"]["strategy"]["symbols"] = ["ETH/BTC"]
    with pytest.raises(InputRefused, match="different currencies"):
        rank([made("a", [0.01] * 3), other])


def test_the_document_is_plain_json_in_the_order_of_the_ranking(contender):
    document = document_of(rank([contender("slow", SLOW), contender("fast")], by="trades"))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [(run["rank"], run["name"]) for run in document["runs"]] == [(1, "fast"), (2, "slow")]
    for run in document["runs"]:
        assert list(run["figures"]) == list(FIGURES)
        assert isinstance(run["figures"]["trades"], int)


def test_what_is_undefined_is_null():
    document = document_of(rank([made("a", [0.01, -0.02] * 20), made("flat", [0.0] * 40)]))
    flat = document["runs"][1]
    assert flat["figures"]["sharpe"] is None
    assert flat["sharpeDifference"] == {"difference": None, "interval": [None, None], "pValue": None}
    assert document["correlations"][0][1] is None


def test_figures_are_those_of_the_table_of_metrics():
    assert set(FIGURES) <= {metric.name for metric in METRICS if metric.unit != "money"}


def test_an_account_of_several_symbols_is_ranked_beside_one_of_one(make_bars, make_store, planned, contender):
    btc = make_bars()
    eth = make_bars(market=btc.market._replace(symbol="ETH/USDT"))
    two = (
        "symbols: [BTC/USDT]",
        "symbols: [BTC/USDT, ETH/USDT]\n    risk: {maxOpenPositions: 2, positionSize: {fraction: 40%}}",
    )
    found = run_backtest(planned(two), make_store(btc, eth))
    both = Contender("both", "both", record_of(found), equity_table(found), trades_table(found))
    board = rank([both, contender("alone")])
    for standing in board.standings:
        recorded = standing.contender.record["result"]
        for name in FIGURES:
            figure = standing.figures[name]
            assert (None if math.isnan(figure) else figure) == recorded[name], name
    assert {row.field for row in board.differences if row.group == "Data"} == {"symbol", "bars", "digest"}
    assert "Market" in dict(board.warnings)
