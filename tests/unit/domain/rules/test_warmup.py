import pytest

from tidewright.domain.indicators.warmup import WARMUP
from tidewright.domain.rules.bind import bind
from tidewright.domain.rules.expression import Constant
from tidewright.domain.rules.parser import parse
from tidewright.domain.rules.warmup import warmup


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("close > 100", 0),
        ("true", 0),
        ("obv()", 0),
        ("sma(30)", 29),
        ("sma(1)", 0),
        ("close[3]", 3),
        ("change(close, 3)", 3),
        ("close crosses above 100", 1),
        ("sma(10) crosses above sma(30)", 30),
        ("sma(10) > 1 and sma(30)[2] > 1", 31),
        ("sma(sma(10), 5)", 9 + 4),
        ("highest(sma(10), 5)[2] crosses below 3", 9 + 4 + 2 + 1),
        ("count(close > sma(5), volume > sma(volume, 20))", 19),
        ("bollinger_upper(20, 2.5)", 19),
        ("true_range()", 1),
        ("rsi(14)", WARMUP["rsi"](14)),
        ("average(10, kind)", WARMUP["ema"](10)),
        ("macd(12, 26, 9) crosses above macd_signal(12, 26, 9)", WARMUP["macd"](12, 26, 9) + 1),
        ("stochastic_k(14, 3)", 13 + 2),
        ("stochastic_d(14, 3, 3)", 13 + 2 + 2),
        ("keltner_upper(20, 10, 1.5)", WARMUP["keltner"](20, 10)),
    ],
)
def test_the_longest_way_back_through_the_expression(text, bars):
    assert warmup(bind(parse(text), {"kind": Constant("ema")})) == bars
