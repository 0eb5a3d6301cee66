from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.runs.backtest import STAGES, run_backtest
from tidewright.runs.plan import plan_backtest
from tidewright.runs.refusal import InputRefused
from tidewright.specs.manifest import Manifest

INLINE = """\
    source:
      builtin: MovingAverageCross
    parameters: {fast: 5, slow: 20}
    symbols: [BTC/USDT]
    timeframe: 1h
"""
BY_NAME = "    name: cross\n"
STRATEGY = """\
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata:
  name: cross
spec:
  source: {builtin: MovingAverageCross}
  parameters: {fast: 5, slow: 20}
  symbols: [BTC/USDT]
  timeframe: 1h
"""


def refused(planned, *edits, **more):
    """File, line and message of every problem."""
    with pytest.raises(InputRefused) as caught:
        planned(*edits, **more)
    return [(problem.file, problem.line, problem.message) for problem in caught.value.problems]


# The plan


def test_a_strategy_by_name_is_the_same_as_in_place(make_bars, make_store, planned):
    store = make_store(make_bars())
    in_place, by_name = planned(store=store), planned((INLINE, BY_NAME), also=STRATEGY, store=store)
    assert in_place.strategy.digest == by_name.strategy.digest
    assert run_backtest(in_place, store).digest == run_backtest(by_name, store).digest


@pytest.mark.parametrize(
    ("also", "message"),
    [
        ("", "no TradingStrategy of this name in the files given; name its file too"),
        (STRATEGY.replace("name: cross", "name: crosss"),
         "no TradingStrategy of this name in the files given (did you mean 'crosss'?); there are crosss; name its file too"),
    ],
)  # fmt: skip
def test_a_strategy_that_is_not_in_the_files(planned, also, message):
    assert refused(planned, (INLINE, BY_NAME), also=also) == [("bt.yaml", 7, message)]


def test_a_strategy_whose_file_is_broken_is_not_called_missing_as_well(planned):
    manifest = Manifest()
    manifest.read("strategy.yaml", STRATEGY.replace("1h", "1H"))
    text = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    manifest.read("bt.yaml", text.split('MANIFEST = """\\\n')[1].split('"""')[0].replace(INLINE, BY_NAME))
    run, document = manifest.resources["BacktestRun", "demo"]
    with pytest.raises(InputRefused) as caught:
        plan_backtest(run, document, manifest)
    assert caught.value.problems == ()


def test_a_problem_of_a_named_strategy_is_located_where_that_is_written(planned):
    problems = refused(planned, (INLINE, BY_NAME), also=STRATEGY.replace("fast: 5", "fast: 1"))
    assert problems == [("strategy.yaml", 7, "fast must be at least 2; it is 1")]


def test_this_version_trades_one_symbol(planned):
    message = "this version trades one symbol on an account; keep one, or write a BacktestRun for each"
    assert refused(planned, ("[BTC/USDT]", "[BTC/USDT, ETH/USDT]")) == [("bt.yaml", 10, message)]


@pytest.mark.parametrize("engine", ["Backtrader", "Both"])
def test_an_engine_that_is_not_installed_is_refused_with_the_one_that_is(planned, engine):
    ((file, line, message),) = refused(planned, ("  seed: 7", f"  engine: {engine}"))
    assert (file, line) == ("bt.yaml", 15)
    assert message.endswith("use engine: Fast")


def test_problems_of_engine_strategy_and_data_are_told_at_once(make_bars, make_store, planned):
    edits = [
        ("  seed: 7", "  engine: Both"),
        ("fast: 5", "fast: 50"),
        ("exchange: binance", "exchange: binance\n    end: 2031-01-01"),
    ]
    assert [line for _, line, _ in refused(planned, *edits, store=make_store(make_bars()))] == [16, 9, 14]


def test_without_a_store_the_data_is_judged_by_the_run(make_bars, make_store, planned):
    plan = planned(("exchange: binance", "exchange: binance\n    end: 2031-01-01"))
    with pytest.raises(InputRefused, match="move end, or import more"):
        run_backtest(plan, make_store(make_bars()))


# The run


def test_the_steps_are_told_in_order(make_bars, make_store, planned):
    told = []
    run_backtest(planned(), make_store(make_bars()), told.append)
    assert told == [stage for stage in STAGES if stage in told]
    assert {"Reading bars", "Trading", "Proving causality"} <= set(told)


def test_the_same_run_twice_has_the_same_digests(make_bars, make_store, planned):
    one, other = (run_backtest(planned(), make_store(make_bars())) for _ in range(2))
    assert (one.digest, one.data_digest, one.intervals) == (other.digest, other.data_digest, other.intervals)


def test_a_change_in_the_last_digit_of_one_price_shows_in_the_digests(make_bars, make_store, planned):
    bars = make_bars()
    before = run_backtest(planned(), make_store(bars))
    held = np.flatnonzero(before.outcome.ledger.holding())[0]
    close = bars.close.copy()
    close[held] = np.nextafter(close[held], 0)
    after = run_backtest(planned(), make_store(replace(bars, close=close)))
    assert before.data_digest != after.data_digest
    assert before.digest != after.digest


def test_the_period_alone_is_traded_and_bars_before_it_warm_up(make_bars, make_store, planned):
    plan = planned(("exchange: binance", "exchange: binance\n    start: 2023-01-11\n    end: 2023-02-01"))
    found = run_backtest(plan, make_store(make_bars()))
    assert found.warmup_bars == plan.strategy.warmup
    assert len(found.outcome.bars) == 21 * 24
    assert len(found.bars) == found.warmup_bars + 21 * 24
    assert found.outcome.ledger.fills.time.min() >= found.outcome.bars.time[0]


def test_bars_of_a_generator_are_remembered_as_such(make_bars, make_store, planned):
    found = [run_backtest(planned(), make_store(make_bars(), simulated=each)).simulated for each in (True, False)]
    assert found == [True, False]


def test_checks_are_left_out_where_nobody_wants_them(make_bars, make_store, planned):
    found = run_backtest(
        planned(("{lookAhead: true, dataQuality: Block,", "{lookAhead: false, dataQuality: Ignore,")),
        make_store(make_bars()),
    )
    assert (found.look_ahead, found.warmup, found.quality) == (None, None, ())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('boom')", "Mine raised ValueError: boom"),
        ("return tidewright.Signals(bars.close[1:] > 0, bars.close < 0)", "return one value for every bar"),
        ("return tidewright.Signals(bars.close, bars.close < 0)", "return an array of True and False"),
        ("return None", "Mine: signals returned"),
        ("bars.close[0] = 1", "Mine raised ValueError: assignment destination is read-only"),
    ],
)
def test_a_strategy_that_fails_is_told_apart_from_refused_input(
    make_bars, make_store, planned, tmp_path, body, message
):
    code = f"import tidewright\n\n\nclass Mine(tidewright.SignalStrategy):\n    def warmup(self, parameters):\n        return 0\n\n    def signals(self, bars, columns, parameters):\n        {body}\n"
    (tmp_path / "failing.py").write_text(code)
    edits = [("builtin: MovingAverageCross", "classRef: {module: failing, class: Mine}"), ("{fast: 5, slow: 20}", "{}")]
    store = make_store(make_bars())
    plan = planned(*edits, store=store, import_from=[tmp_path])
    with pytest.raises(StrategyFailed, match=message):
        run_backtest(plan, store)


# Short positions and margin

BOTH_SIDES = """\
    source:
      rules:
        columns: {fast: "sma(close, 5)", slow: "sma(close, 20)"}
        enter: fast crosses above slow
        exit: fast crosses below slow
        enterShort: fast crosses below slow
        exitShort: fast crosses above slow
    symbols: [BTC/USDT]
    timeframe: 1h
"""
MARGIN = ("  seed: 7\n", "  seed: 7\n  broker: {account: Margin, leverage: 2}\n")


def test_a_margin_account_trades_both_sides(make_bars, make_store, planned):
    store = make_store(make_bars())
    found = run_backtest(planned((INLINE, BOTH_SIDES), MARGIN, store=store), store)
    assert set(found.outcome.trades.direction.tolist()) == {-1, 1}
    assert found.look_ahead.passed
    assert found.outcome.ledger.equity.min() >= 0


def test_a_spot_account_refuses_to_sell_short(make_bars, make_store, planned):
    store = make_store(make_bars())
    with pytest.raises(InputRefused, match=r"spec\.broker\.account: 'Spot': the strategy sells short"):
        run_backtest(planned((INLINE, BOTH_SIDES), store=store), store)


def test_another_engine_judges_spot_accounts_alone(make_bars, make_store, planned):
    wanted = ("  seed: 7\n", "  seed: 7\n  engine: Both\n  broker: {account: Margin}\n")
    messages = [message for _, _, message in refused(planned, wanted, store=make_store(make_bars()))]
    assert "the other engine judges spot accounts alone; use engine: Fast" in messages
