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


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("close on 4h", 3 + 4 - 1),  # up to three bars of one that began before, then four more
        ("close on 2h", 1 + 2 - 1),
        ("sma(30) on 1d", 23 + 30 * 24 - 1),
        ("close[2] on 4h", 3 + 3 * 4 - 1),
        ("(close on 4h)[2]", 6 + 2),
        ("sma(close on 4h, 10)", 6 + 9),
        ("(sma(10) on 4h) crosses above (sma(30) on 4h)", 3 + 30 * 4 - 1 + 1),
        ("(sma(10) crosses above sma(30)) on 4h", 3 + 31 * 4 - 1),
        ("sma(600) > sma(20) on 1d", 599),
    ],
)
def test_longer_bars_are_waited_for(text, bars):
    assert warmup(bind(parse(text), {}), HOUR) == bars
