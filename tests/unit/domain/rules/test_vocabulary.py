import numpy as np
import pytest

from tidewright.domain.rules.bind import bind
from tidewright.domain.rules.evaluate import evaluate
from tidewright.domain.rules.expression import Constant
from tidewright.domain.rules.function import AVERAGE, CONDITION, LAG, VALUE, WIDTH, WINDOW, X
from tidewright.domain.rules.parser import parse
from tidewright.domain.rules.vocabulary import AVERAGES, FUNCTIONS, OPERATORS, RESERVED, SERIES, WORDS
from tidewright.domain.rules.warmup import warmup

EXAMPLE = {X: "close", WINDOW: "5", LAG: "5", WIDTH: "2", CONDITION: "close > open", VALUE: "close", AVERAGE: "kind"}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_function_gives_one_value_for_every_bar_once_it_is_warm(function, bars):
    text = f"{function.name}({', '.join(EXAMPLE[need] for need in function.arguments.values())})"
    node = bind(parse(text), {"kind": Constant("wma")})
    values = evaluate(node, bars)
    assert values.shape == (len(bars),)
    assert values.dtype == np.float64
    assert np.isfinite(values[warmup(node) :]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("open", 2.0),
        ("high", 9.0),
        ("low", 1.0),
        ("close", 5.0),
        ("volume", 7.0),
        ("hl2", 5.0),
        ("hlc3", 5.0),
        ("ohlc4", 4.25),
    ],
)
def test_series(name, value, bars):
    columns = {"open": 2.0, "high": 9.0, "low": 1.0, "close": 5.0, "volume": 7.0}
    flat = type(bars)(np.arange(3), **{column: np.full(3, price) for column, price in columns.items()}, step=1)
    np.testing.assert_array_equal(SERIES[name](flat), [value] * 3)


def test_no_word_has_two_meanings():
    assert len(WORDS) == len(FUNCTIONS) + len(OPERATORS) + 2
    assert not RESERVED & FUNCTIONS.keys()


def test_signatures():
    assert FUNCTIONS["sma"].signature == "sma(x, n)"
    assert FUNCTIONS["obv"].signature == "obv()"
    assert FUNCTIONS["max"].signature == "max(a, b, ...)"


@pytest.mark.parametrize("kind", AVERAGES)
def test_average_is_the_average_that_is_chosen(kind, bars):
    chosen = bind(parse("average(7, kind)"), {"kind": Constant(kind)})
    named = parse(f"{kind}(7)").root
    np.testing.assert_array_equal(evaluate(chosen, bars), evaluate(named, bars))
    assert warmup(chosen) == warmup(named)
