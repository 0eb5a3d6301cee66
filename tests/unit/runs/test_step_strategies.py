"""Backtests of strategies that are asked bar by bar, from a user's file to the record."""

import pytest

from tidewright.domain.bars import Market
from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.runs.backtest import needs_compiling, run_backtest
from tidewright.runs.record import document_of, equity_table
from tidewright.runs.refusal import InputRefused
from tidewright.runs.warnings import warnings_of

CODE = """\
import tidewright
from tidewright import buy, hold, leave, protect, sell, turn
from tidewright.indicators import sma


class Mine(tidewright.StepStrategy):
    parameters = (tidewright.Parameter("n", "Int", 20),)
    state = {"resume": 0.0}

    def warmup(self, parameters):
        return parameters["n"]

    def columns(self, bars, parameters):
        return {"mean": sma(bars.close, parameters["n"])}

    @staticmethod
    def on_bar(state, position, view):
        if position.side == 0:
            return buy(stop=view.close * 0.97) if view.close > view.mean and view.bar > state.resume else hold()
        if view.close < view.mean:
            state.resume = view.bar + 5
            return leave()
        return protect(stop=max(position.stop, view.close * 0.97))
"""
SOURCE = [("builtin: MovingAverageCross", "classRef: {module: mine, class: Mine}"), ("{fast: 5, slow: 20}", "{}")]
MARGIN = ("  seed: 7\n", "  seed: 7\n  broker: {account: Margin, leverage: 2}\n")


@pytest.fixture
def plan(tmp_path, planned):
    """The plan of a backtest of the code, once each ``old, new`` pair has been replaced in it."""

    def plan(*edits, code=CODE, changes=()):
        for old, new in changes:
            assert old in code
            code = code.replace(old, new)
        (tmp_path / "mine.py").write_text(code)
        return planned(*SOURCE, *edits, import_from=[tmp_path])

    return plan


@pytest.fixture
def store(make_bars, make_store):
    return make_store(make_bars(), make_bars(market=Market("binance", "ETH/USDT", "1h"), seed=6))


def reasons(found):
    return dict(warnings_of(found))


def test_a_step_strategy_is_traded_proved_and_drawn(plan, store):
    found = run_backtest(plan(("maxGap: 1d", "maxGap: 1d, monteCarlo: 100")), store)
    record = document_of(found)

    assert record["result"]["trades"] > 20
    assert record["provenance"]["strategy"]["name"] == "Mine"
    assert record["checks"]["lookAhead"]["passed"]
    assert record["checks"]["lookAhead"]["prefixes"] > 100
    assert record["checks"]["warmup"]["passed"]
    assert [column["column"] for column in record["checks"]["warmup"]["columns"]] == ["mean"]
    assert record["monteCarlo"]["paths"] == 100
    assert "column:mean" in equity_table(found)
    assert not {"StepNotCompiled", "LookAhead", "NeverTraded"} & reasons(found).keys()


def test_a_method_gives_the_same_fills_and_no_warning(plan, store):
    method = [("    @staticmethod\n", ""), ("on_bar(state,", "on_bar(self, state,")]
    compiled, plain = run_backtest(plan(), store), run_backtest(plan(changes=method), store)

    assert plain.digest == compiled.digest
    assert "StepNotCompiled" not in reasons(plain)


def test_what_could_not_be_compiled_is_a_warning_with_the_reason(plan, store):
    words = [
        ("        if position.side == 0:", '        words = {"a": f"{view.close:.2f}"}\n        if position.side == 0:')
    ]
    compiled, uncompiled = run_backtest(plan(), store), run_backtest(plan(changes=words), store)

    assert uncompiled.digest == compiled.digest
    assert reasons(uncompiled)["StepNotCompiled"].startswith("on_bar could not be compiled (")
    assert "take @staticmethod away" in reasons(uncompiled)["StepNotCompiled"]


def test_progress_through_the_proofs_is_told(plan, store):
    told = []
    run_backtest(plan(("[BTC/USDT]", "[BTC/USDT, ETH/USDT]")), store, proving=told.append)
    assert told == sorted(told)
    assert told[0] == 0.0
    assert any(0.5 <= done < 0.6 for done in told)


def test_a_memory_for_each_of_several_symbols(plan, store):
    edits = [
        ("[BTC/USDT]", "[BTC/USDT, ETH/USDT]"),
        ("timeframe: 1h", "timeframe: 1h\n    risk: {maxOpenPositions: 2, positionSize: {fraction: 40%}}"),
    ]
    found = run_backtest(plan(*edits), store)
    alone = run_backtest(plan(edits[1]), store)
    ours = found.outcome.ledger.fills.of(0)

    assert len(found.symbols) == 2
    assert all(one.look_ahead.passed for one in found.symbols)
    assert ours.time.tolist() == alone.outcome.ledger.fills.time.tolist()


# Short positions

BOTH_SIDES = [
    (
        "        return protect(stop=max(position.stop, view.close * 0.97))",
        "        return hold()",
    ),
    ("            return leave()", "            return turn(sell())"),
]


def test_a_margin_account_trades_both_sides(plan, store):
    found = run_backtest(plan(MARGIN, changes=BOTH_SIDES), store)
    assert set(found.outcome.trades.direction.tolist()) == {-1, 1}


def test_a_spot_account_refuses_a_short_position(plan, store):
    with pytest.raises(InputRefused) as caught:
        run_backtest(plan(("  seed: 7\n", "  seed: 7\n  broker: {account: Spot}\n"), changes=BOTH_SIDES), store)
    assert str(caught.value) == (
        "bt.yaml:16: spec.broker.account: 'Spot': the strategy sells short, which a spot account cannot; "
        "set account: Margin, or let it leave() instead of sell()"
    )


# Refused and failed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([('{"resume": 0.0}', "[1]")], "its state is [1]; write a dict from names to numbers"),
        (
            [('{"resume": 0.0}', '{"resume": "x"}')],
            "its state has 'resume': 'x'; names and numbers alone can be remembered",
        ),
        ([("def columns", "def signals(self): ...\n    def columns")], "has both on_bar and signals; "),
        (
            [("def on_bar", "def other"), ("state =", "on_bar = 3\n    state =")],
            "is no strategy: it has no method on_bar",
        ),
    ],
)
def test_a_class_that_is_no_step_strategy_is_told_why(plan, changes, message):
    with pytest.raises(InputRefused) as caught:
        plan(changes=changes)
    assert message in caught.value.problems[0].message
    assert caught.value.problems[0].path[-1] == "class"


def test_another_engine_cannot_be_asked(plan):
    with pytest.raises(InputRefused) as caught:
        plan(("  seed: 7", "  seed: 7\n  engine: Both"))
    assert "the other engine judges strategies of signals alone; use engine: Fast" in str(caught.value)


def test_a_mistake_is_the_strategys_failure(plan, store):
    with pytest.raises(StrategyFailed, match=r"Mine: on_bar raised AttributeError: view has no field 'maen'"):
        run_backtest(plan(changes=[("view.close > view.mean", "view.close > view.maen")]), store)


def test_orders_whose_prices_never_come_are_no_trades(plan, store):
    changes = [("buy(stop=view.close * 0.97)", "buy(limit=view.close * 0.01)")]
    told = reasons(run_backtest(plan(changes=changes), store))
    assert told["NeverTraded"] == (
        "The strategy never traded: it never asked for an entry, or no price came to its limits and triggers."
    )


def test_once_it_has_run_nothing_needs_compiling(plan, store):
    ready = plan()
    run_backtest(ready, store)
    assert not needs_compiling(ready)
