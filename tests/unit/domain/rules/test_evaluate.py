import numpy as np
import pytest

from tidewright.domain.bars import Bars
from tidewright.domain.indicators.averages import sma
from tidewright.domain.indicators.momentum import macd, rsi, stochastic
from tidewright.domain.indicators.volatility import atr, bollinger, keltner
from tidewright.domain.longer import longer
from tidewright.domain.rules.bind import bind
from tidewright.domain.rules.evaluate import evaluate
from tidewright.domain.rules.expression import Constant
from tidewright.domain.rules.memo import Memo
from tidewright.domain.rules.parser import parse

NAN = np.nan


def bars_of(close, volume=None):
    close = np.array(close, dtype=np.float64)
    volume = np.zeros(len(close)) if volume is None else np.array(volume, dtype=np.float64)
    return Bars(np.arange(len(close)), close, close, close, close, volume, step=1)


def value(text, bars, **options):
    return evaluate(bind(parse(text), {"kind": Constant("ema")}), bars, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("close + 1", [2, 3, 2, 1, 3]),
        ("close[2]", [NAN, NAN, 1, 2, 1]),
        ("close[0]", [1, 2, 1, 0, 2]),
        ("close[9]", [NAN] * 5),
        ("change(close, 1)", [NAN, 1, -1, -1, 2]),
        ("1 / close", [1, 0.5, 1, NAN, 0.5]),
        ("min(close, 1, 5)", [1, 1, 1, 0, 1]),
        ("max(close, close[1])", [NAN, 2, 2, 1, 2]),
        ("highest(2)", [NAN, 2, 2, 1, 2]),
        ("lowest(close, 2)", [NAN, 1, 1, 0, 0]),
        ("count(close > 0, close > 1)", [1, 2, 1, 0, 2]),
        ("abs(1 - close)", [0, 1, 0, 1, 1]),
        ("2 * 3", [6, 6, 6, 6, 6]),
        ("highest(count(true), 2)", [NAN, 1, 1, 1, 1]),
    ],
)
def test_numbers(text, expected):
    result = value(text, bars_of([1, 2, 1, 0, 2]))
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("close > 1", [0, 1, 0, 0, 1]),
        ("close crosses above 1", [0, 1, 0, 0, 1]),
        ("close crosses below 1", [0, 0, 0, 1, 0]),
        ("1 crosses above close", [0, 0, 0, 1, 0]),
        ("close crosses above close[1]", [0, 0, 0, 0, 1]),
        ("2 crosses above 1", [0, 0, 0, 0, 0]),
        ("false", [0, 0, 0, 0, 0]),
        ("close > 1 or close < 1 and not false", [0, 1, 0, 1, 1]),
    ],
)
def test_conditions(text, expected):
    result = value(text, bars_of([1, 2, 1, 0, 2]))
    assert result.dtype == np.bool_
    np.testing.assert_array_equal(result, np.array(expected, dtype=bool))


@pytest.mark.parametrize("comparison", ["<", "<=", ">", ">=", "==", "!=", "crosses above", "crosses below"])
def test_a_comparison_with_a_missing_value_is_false(comparison):
    bars = bars_of([1, 2, 3])
    assert not value(f"close[5] {comparison} close", bars).any()
    assert not value(f"close {comparison} close[5]", bars).any()


def test_a_crossing_needs_the_bar_before():
    assert not value("close crosses above 0", bars_of([1, 2, 3])).any()
    assert not value("close[1] crosses above 0", bars_of([1, 2, 3])).any()


def test_a_crossing_starts_from_a_touch_and_does_not_end_in_one():
    np.testing.assert_array_equal(
        value("close crosses above 1", bars_of([0, 1, 2, 1, 2])), [False, False, True, False, True]
    )


@pytest.mark.parametrize(
    "text", ["close", "sma(3)", "close crosses above 1", "close[1] > 2", "1 > 0", "obv()", "change(close, 2)"]
)
@pytest.mark.parametrize("n", [0, 1])
def test_the_shortest_histories(text, n):
    assert value(text, bars_of([1.0] * n)).shape == (n,)


def test_the_indicators_outputs_reach_the_right_names(bars):
    fast, signal, histogram = macd(bars.close, 5, 9, 4)
    lower, middle, upper = bollinger(bars.close, 10, 1.5)
    _, _, keltner_upper = keltner(bars.high, bars.low, bars.close, 8, 5, 2.0)
    k, d = stochastic(bars.high, bars.low, bars.close, 9, 3, 4)
    for text, expected in {
        "macd(5, 9, 4)": fast,
        "macd_signal(5, 9, 4)": signal,
        "macd_histogram(5, 9, 4)": histogram,
        "bollinger_lower(10, 1.5)": lower,
        "bollinger_middle(10, 1.5)": middle,
        "bollinger_upper(10, 1.5)": upper,
        "keltner_upper(8, 5, 2)": keltner_upper,
        "stochastic_k(9, 3)": k,
        "stochastic_d(9, 3, 4)": d,
    }.items():
        np.testing.assert_array_equal(value(text, bars), expected)
    np.testing.assert_array_equal(value("average(7, kind)", bars), value("ema(7)", bars))


def test_a_memo_computes_each_indicator_once_and_only_indicators(bars):
    memo = Memo()
    first = value("sma(30) crosses above sma(10) + 1", bars, memo=memo)
    assert len(memo) == 2
    np.testing.assert_array_equal(value("sma(close, 30) crosses above sma(10) + 1", bars, memo=memo), first)
    assert value("sma(30)", bars, memo=memo) is value("sma(30)", bars, memo=memo)
    value("macd(12, 26, 9) > macd_signal(12, 26, 9)", bars, memo=memo)
    assert len(memo) == 3


def test_on_longer_bars_every_word_is_about_these(bars):
    five = longer(bars, "5m")
    for text, expected in {
        "close on 5m": five.bars.close,
        "hl2 on 5m": (five.bars.high + five.bars.low) / 2.0,
        "close[1] on 5m": np.append(np.nan, five.bars.close[:-1]),
        "sma(volume, 3) on 5m": sma(five.bars.volume, 3),
        "atr(4) on 5m": atr(five.bars.high, five.bars.low, five.bars.close, 4),
        "(rsi(3) > 50) on 5m": rsi(five.bars.close, 3) > 50,
    }.items():
        np.testing.assert_array_equal(value(text, bars), five.aligned(expected))


def test_several_timeframes_stand_beside_each_other(bars):
    three, fifteen = longer(bars, "3m"), longer(bars, "15m")
    expected = bars.close + three.aligned(three.bars.close) > fifteen.aligned(fifteen.bars.close)
    np.testing.assert_array_equal(value("close + close on 3m > close on 15m", bars), expected)


def test_a_crossing_of_longer_series_is_one_event_and_one_on_longer_bars_lasts_as_long_as_they(bars):
    events = value("(sma(2) on 5m) crosses above (sma(5) on 5m)", bars)
    lasting = value("(sma(2) crosses above sma(5)) on 5m", bars)
    np.testing.assert_array_equal(np.flatnonzero(events) % 5, 4)  # at the close of five minutes
    assert np.count_nonzero(events) > 5
    np.testing.assert_array_equal(np.flatnonzero(lasting), np.add.outer(np.flatnonzero(events), range(5)).ravel())


def test_columns_of_the_own_bars_are_not_taken_for_those_of_longer_ones(bars):
    own = {parse("sma(3)").root: sma(bars.close, 3)}
    np.testing.assert_array_equal(value("sma(3) on 5m", bars, known=own), value("sma(3) on 5m", bars))


def test_a_memo_tells_timeframes_apart_and_makes_longer_bars_once(bars):
    memo = Memo()
    for _ in range(2):
        for text in ("sma(3)", "sma(3) on 5m", "sma(3) on 15m", "(sma(3) + 1) on 5m"):
            np.testing.assert_array_equal(value(text, bars, memo=memo), value(text, bars))
    assert value("sma(3) on 5m", bars, memo=memo) is value("sma(3) on 5m", bars, memo=memo)
    assert len(memo) == 3 + 2 + 3  # averages; longer bars; aligned values


def test_what_is_known_is_not_computed_again(bars):
    zeros = np.zeros(len(bars))
    np.testing.assert_array_equal(value("rsi(14) + 1", bars, known={parse("rsi(14)").root: zeros}), zeros + 1)
