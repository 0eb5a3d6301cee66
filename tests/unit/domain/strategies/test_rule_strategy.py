from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.indicators.averages import sma
from tidewright.domain.longer import longer
from tidewright.domain.lookahead import prove_causal
from tidewright.domain.rules.memo import Memo
from tidewright.domain.strategies import evaluation
from tidewright.domain.strategies.declaration import rule_strategy
from tidewright.domain.strategies.rule_strategy import RulesError, RuleStrategy
from tidewright.domain.strategies.strategy import Parameter, Strategy, StrategyError
from tidewright.domain.warmup import measure_warmup

FAST = Parameter("fast", "Int", 10, 1, 200)


@pytest.fixture
def cross() -> RuleStrategy:
    columns = {"gap": "fast_ma - slow_ma", "fast_ma": "sma(fast)", "slow_ma": "sma(30)", "rising": "gap > gap[1]"}
    return rule_strategy("cross", [FAST], columns, "gap crosses above 0 and rising", "gap crosses below 0")


def test_it_is_a_strategy(cross):
    assert isinstance(cross, Strategy)


def test_the_declared_columns_are_given_in_their_order(cross, bars):
    columns = cross.columns(bars, {"fast": 10})
    assert list(columns) == ["gap", "fast_ma", "slow_ma", "rising"]
    np.testing.assert_array_equal(columns["gap"], sma(bars.close, 10) - sma(bars.close, 30))
    assert columns["rising"].dtype == np.bool_
    assert all(column.shape == (len(bars),) for column in columns.values())


def test_the_signals_are_those_of_the_columns_that_it_is_given(cross, bars):
    columns = dict(cross.columns(bars, {"fast": 10}))
    columns["gap"] = -columns["gap"]
    columns["rising"] = np.ones(len(bars), dtype=bool)
    signals = cross.signals(bars, columns, {"fast": 10})
    usual = cross.signals(bars, cross.columns(bars, {"fast": 10}), {"fast": 10})
    np.testing.assert_array_equal(signals.enter, usual.exit)


def test_constants_and_price_columns_are_columns_too(bars):
    strategy = rule_strategy(
        "s", [FAST], {"twice": "2 * fast", "price": "close"}, "price > sma(twice)", "price < twice"
    )
    columns = strategy.columns(bars, {"fast": 10})
    np.testing.assert_array_equal(columns["twice"], np.full(len(bars), 20.0))
    np.testing.assert_array_equal(columns["price"], bars.close)
    np.testing.assert_array_equal(strategy.signals(bars, columns, {"fast": 10}).enter, bars.close > sma(bars.close, 20))


def test_a_sweep_with_a_memo_gives_what_single_runs_give_and_computes_each_indicator_once(cross, bars):
    memo = Memo()
    for fast in (5, 10, 20, 5):
        parameters = {"fast": fast}
        swept = cross.evaluate(bars, parameters, memo)
        single = evaluation.evaluate(cross, bars, parameters)
        np.testing.assert_array_equal(swept.signals.enter, single.signals.enter)
        np.testing.assert_array_equal(swept.signals.exit, single.signals.exit)
        assert swept.signals.enter.any()
        for name, column in single.columns.items():
            np.testing.assert_array_equal(swept.columns[name], column)
    assert len(memo) == 4


@pytest.fixture
def daily() -> RuleStrategy:
    return rule_strategy(
        "daily",
        [FAST],
        {"average": "sma(fast)", "trend": "average on 1d", "four": "ema(10) on 4h"},
        "average crosses above four and (average > average[1]) on 1d and close > trend",
        "average crosses below four",
        timeframe="1h",
    )


def test_a_column_named_on_longer_bars_is_computed_from_these(daily, bars):
    days = longer(bars, "1d")
    columns = daily.columns(bars, {"fast": 10})
    np.testing.assert_array_equal(columns["trend"], days.aligned(sma(days.bars.close, 10)))
    np.testing.assert_array_equal(columns["average"], sma(bars.close, 10))


def test_strategies_on_longer_bars_are_causal_and_warm_up_as_declared(daily, bars):
    parameters = {"fast": 10}
    whole = evaluation.evaluate(daily, bars, parameters)
    assert 20 < np.count_nonzero(whole.signals.enter) < 1_000
    assert prove_causal(daily, bars, parameters, whole).passed
    assert measure_warmup(daily, bars, parameters, whole).passed


def test_a_sweep_makes_longer_bars_once(daily, bars):
    memo = Memo()
    daily.evaluate(bars, {"fast": 10}, memo)
    before = len(memo)
    swept = daily.evaluate(bars, {"fast": 20}, memo)
    assert len(memo) - before == 2 + 2  # the average, on both bars; what is on longer bars, twice
    single = evaluation.evaluate(daily, bars, {"fast": 20})
    np.testing.assert_array_equal(swept.signals.enter, single.signals.enter)


def test_bars_of_another_timeframe_are_refused(daily, bars):
    with pytest.raises(StrategyError, match="daily is for bars of 1h; these are of 30m"):
        daily.columns(replace(bars, step=1_800_000), {"fast": 10})


def test_the_warm_up_is_the_longest_of_columns_and_conditions(bars):
    strategy = rule_strategy("s", [FAST], {"shown": "sma(50)"}, "close crosses above sma(fast)", "close < close[2]")
    assert strategy.warmup({"fast": 10}) == 49
    assert strategy.warmup({"fast": 100}) == 100


def test_a_window_that_a_value_makes_impossible_is_an_error_of_the_rule(bars):
    strategy = rule_strategy("s", [FAST], {}, "close > sma(fast - 5)", "true")
    with pytest.raises(RulesError, match="enter: `n` of `sma"):
        strategy.columns(bars, {"fast": 5})
