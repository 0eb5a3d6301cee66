import json
from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.ledger import Reason
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.provenance import record_digest
from tidewright.runs.backtest import run_backtest
from tidewright.runs.record import document_of, equity_table, fills_table, package_version, refusals_table, trades_table
from tidewright.specs.backtest_run import BacktestRunSpec

NEVER = [
    ("builtin: MovingAverageCross", "rules: {columns: {mean: sma(20)}, enter: close < 0, exit: close < mean}"),
    ("{fast: 5, slow: 20}", "{}"),
]
PERIOD = ("exchange: binance", "exchange: binance\n    start: 2023-01-11\n    end: 2023-02-01")


@pytest.fixture
def found(make_bars, make_store, planned):
    def found(*edits, bars=None):
        return run_backtest(planned(*edits), make_store(bars or make_bars()))

    return found


def numbers(value):
    """Every number in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, float) else []


def test_a_record_is_plain_json(found):
    record = document_of(found())
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_a_record_has_the_keys_of_the_resources_status(found):
    record = document_of(found(), manifest="bt.yaml")
    assert {"kind", "name", "result", "provenance", "artifacts"} <= record.keys()
    assert (record["kind"], record["name"], record["provenance"]["manifest"]) == ("BacktestRun", "demo", "bt.yaml")
    assert record["result"].keys() == {"finalEquity", *(metric.name for metric in METRICS)}


def test_figures_are_unrounded(found):
    made = found()
    assert document_of(made)["result"]["finalEquity"] == float(made.outcome.ledger.equity[-1])


def test_what_is_undefined_is_null_and_what_is_none_is_zero(found):
    result = document_of(found(*NEVER))["result"]
    assert (result["trades"], result["totalReturn"], result["fees"]) == (0, 0.0, 0.0)
    assert result["winRate"] is result["profitFactor"] is result["sharpe"] is None


def test_a_strategy_that_never_trades_still_gives_a_whole_record(found):
    record = document_of(found(*NEVER))
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["checks"]["lookAhead"]["passed"]


def test_the_spec_is_the_one_that_was_run_and_can_be_run_again(found):
    spec = document_of(found(PERIOD))["spec"]
    assert spec["strategy"]["parameters"] == {"fast": 5, "slow": 20, "kind": "sma"}
    assert spec["data"] == {"exchange": "binance", "start": "2023-01-11T00:00:00Z", "end": "2023-02-01T00:00:00Z"}
    assert BacktestRunSpec.model_validate(spec).record() == spec


def test_an_open_period_is_closed_by_the_bars_there_were(found):
    data = document_of(found())["spec"]["data"]
    assert (data["start"], data["end"]) == ("2023-01-01T00:00:00Z", "2023-03-25T08:00:00Z")


def test_provenance_says_what_the_result_was_made_of(found):
    made = found(PERIOD)
    record = document_of(made)
    provenance = record["provenance"]
    assert provenance["digest"] == made.digest
    assert provenance["data"]["digest"] == made.data_digest
    assert provenance["data"]["bars"] == 504
    assert provenance["data"]["warmupBars"] == made.symbols[0].warmup_bars > 0
    assert provenance["strategy"] == {"name": "MovingAverageCross", "digest": made.plan.strategy.digest}
    assert provenance["spec"] == {"digest": record_digest(record["spec"])}
    assert provenance["engine"]["version"] == package_version()
    assert provenance["seed"] == 7


def test_the_tables_hold_the_period_bar_by_bar_and_trade_by_trade(found):
    made = found(PERIOD)
    equity, trades, fills = equity_table(made), trades_table(made), fills_table(made)
    assert {len(column) for column in equity.values()} == {504}
    assert {"column:fast_average", "column:slow_average"} <= equity.keys()
    assert {len(column) for column in trades.values()} == {document_of(made)["result"]["trades"]}
    assert {len(column) for column in fills.values()} == {len(made.outcome.ledger.fills)}
    assert set(fills["reason"]) <= {reason.title for reason in Reason}


def test_the_tables_of_a_strategy_that_never_trades_have_columns_and_no_rows(found):
    made = found(*NEVER)
    assert {len(column) for column in trades_table(made).values()} == {0}
    assert {len(column) for column in fills_table(made).values()} == {0}


def test_other_histories_are_part_of_the_record_where_they_are_asked_for(found):
    assert document_of(found())["monteCarlo"] is None
    made = found(("maxGap: 1d", "maxGap: 1d, monteCarlo: 200"))
    record = document_of(made)["monteCarlo"]
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["paths"] == 200
    assert list(record["ways"]) == list(made.monte_carlo) == ["dailyReturns", "tradesDrawn", "tradesShuffled"]
    for way in record["ways"].values():
        assert [level[0] for level in way["bands"]["equity"]] == [10_000.0] * 5
        assert len(way["finalEquity"]) == len(way["maxDrawdown"]) == len(way["quantiles"])
        assert [ruin["loss"] for ruin in way["ruin"]] == [0.25, 0.5, 0.75]


def test_the_trades_in_another_order_end_where_the_account_was_after_the_last_of_them(found):
    made = found(("maxGap: 1d", "maxGap: 1d, monteCarlo: 50"))
    trades, equity = made.outcome.trades, made.outcome.ledger.equity
    after_the_last = equity[trades.exit_bar[-1]]
    assert document_of(made)["monteCarlo"]["ways"]["tradesShuffled"]["finalEquity"] == pytest.approx(
        [after_the_last] * 7
    )


def test_there_are_no_other_histories_of_what_never_traded_but_the_same_flat_one(found):
    record = document_of(found(*NEVER, ("maxGap: 1d", "maxGap: 1d, monteCarlo: 50")))["monteCarlo"]
    assert list(record["ways"]) == ["dailyReturns"]
    assert record["ways"]["dailyReturns"]["finalEquity"] == [10_000.0] * 7


def test_findings_of_the_data_are_part_of_the_record(found, make_bars):
    checks = document_of(found(bars=replace(make_bars(), volume=np.zeros(2_000))))["checks"]["dataQuality"]
    assert checks["passed"]
    assert [(f["rule"], f["severity"], f["count"]) for f in checks["findings"]] == [("ZeroVolume", "Warning", 2_000)]


def test_a_look_into_the_future_is_part_of_the_record(found, make_bars, tmp_path, make_store, planned):
    (tmp_path / "prophet.py").write_text(
        "import numpy as np, tidewright\n"
        "class Prophet(tidewright.SignalStrategy):\n"
        "    def warmup(self, parameters): return 0\n"
        "    def signals(self, bars, columns, parameters):\n"
        "        rises = np.append(bars.close[1:] > bars.close[:-1], False)\n"
        "        return tidewright.Signals(rises, ~rises)\n"
    )
    edits = [
        ("builtin: MovingAverageCross", "classRef: {module: prophet, class: Prophet}"),
        ("{fast: 5, slow: 20}", "{}"),
    ]
    record = document_of(run_backtest(planned(*edits, import_from=[tmp_path]), make_store(make_bars())))
    proof = record["checks"]["lookAhead"]
    assert not proof["passed"]
    assert proof["violation"]["column"] in {"enter", "exit"}
    assert record["warnings"][0]["reason"] == "LookAhead"


class TestSeveralSymbols:
    """Two symbols, of which one is the other turned upside down, and the second is listed later."""

    TWO = (
        "symbols: [BTC/USDT]",
        "symbols: [BTC/USDT, ETH/USDT]\n    risk: {maxOpenPositions: 2, positionSize: {fraction: 60%}}",
    )

    @pytest.fixture
    def made(self, make_bars, make_store, planned):
        btc = make_bars()
        eth = make_bars(market=btc.market._replace(symbol="ETH/USDT"))
        eth = replace(eth, open=1e4 / eth.open, high=1e4 / eth.low, low=1e4 / eth.high, close=1e4 / eth.close).part(
            500, 2_000
        )
        return run_backtest(planned(self.TWO), make_store(btc, eth))

    def test_the_record_says_what_each_did_for_the_account(self, made):
        record = document_of(made)
        assert json.loads(json.dumps(record, allow_nan=False)) == record
        assert [one["symbol"] for one in record["symbols"]] == ["BTC/USDT", "ETH/USDT"]
        gained = sum(one["gain"] for one in record["symbols"])
        assert gained == pytest.approx(record["result"]["finalEquity"] - 10_000)
        assert sum(one["contribution"] for one in record["symbols"]) == pytest.approx(record["result"]["totalReturn"])
        assert sum(one["fees"] for one in record["symbols"]) == pytest.approx(record["result"]["fees"])
        assert sum(one["trades"] for one in record["symbols"]) == record["result"]["trades"] > 50
        assert sum(one["refused"] for one in record["symbols"]) == sum(record["refused"].values())
        (one, across), (back, other) = record["correlation"]
        assert (one, other, across) == (1.0, 1.0, back)
        assert across < -0.9

    def test_provenance_is_by_symbol(self, made):
        data = document_of(made)["provenance"]["data"]
        assert data["symbol"] == "BTC/USDT, ETH/USDT"
        assert data["bars"] == sum(one["bars"] for one in data["symbols"].values())
        assert data["symbols"]["ETH/USDT"]["start"] > data["start"] == data["symbols"]["BTC/USDT"]["start"]
        assert data["digest"] not in {one["digest"] for one in data["symbols"].values()}

    def test_the_tables_have_the_symbols_beside_each_other(self, made):
        equity, trades, fills = equity_table(made), trades_table(made), fills_table(made)
        names = ("BTC/USDT", "ETH/USDT")
        assert set(equity) == {
            "time",
            "equity",
            "benchmark",
            *(f"{what}:{name}" for what in ("holding", "close", "gain") for name in names),
        }
        assert np.isnan(equity["close:ETH/USDT"]).sum() == 500
        np.testing.assert_allclose(
            10_000 + equity["gain:BTC/USDT"] + equity["gain:ETH/USDT"], equity["equity"], rtol=1e-12
        )
        assert set(trades["symbol"]) == set(fills["symbol"]) == set(names)


def test_an_order_that_one_symbol_was_refused_is_in_the_record_and_the_table(found):
    often = ("symbols: [BTC/USDT]", "symbols: [BTC/USDT]\n    risk: {cooldown: 2d}")
    made = found(often)
    record, refused = document_of(made), refusals_table(made)
    assert record["refused"] == {"Cooldown": len(refused["reason"])}
    assert set(refused["reason"]) == {"Cooldown"}
    assert "symbols" not in record
    assert document_of(found())["refused"] == {}
