from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.runs.backtest import STAGES, run_backtest
from tidewright.runs.refusal import InputRefused

INLINE = """\
    source:
      builtin: MovingAverageCross
    parameters: {fast: 5, slow: 20}
    symbols: [BTC/USDT]
    timeframe: 1h
"""


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
    (symbol,) = found.symbols
    assert symbol.warmup_bars == plan.strategy.warmup
    assert len(found.outcome.bars) == 21 * 24
    assert len(symbol.data.series.bars) == symbol.warmup_bars + 21 * 24
    assert found.outcome.ledger.fills.time.min() >= found.outcome.bars.time[0]


def test_bars_of_a_generator_are_remembered_as_such(make_bars, make_store, planned):
    found = [run_backtest(planned(), make_store(make_bars(), simulated=each)).simulated for each in (True, False)]
    assert found == [True, False]


def test_checks_are_left_out_where_nobody_wants_them(make_bars, make_store, planned):
    found = run_backtest(
        planned(("{lookAhead: true, dataQuality: Block,", "{lookAhead: false, dataQuality: Ignore,")),
        make_store(make_bars()),
    )
    (symbol,) = found.symbols
    assert (symbol.look_ahead, symbol.warmup, symbol.data.quality) == (None, None, ())


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
    assert found.symbols[0].look_ahead.passed
    assert found.outcome.ledger.equity.min() >= 0


def test_a_spot_account_refuses_to_sell_short(make_bars, make_store, planned):
    store = make_store(make_bars())
    with pytest.raises(InputRefused, match=r"spec\.broker\.account: 'Spot': the strategy sells short"):
        run_backtest(planned((INLINE, BOTH_SIDES), store=store), store)
