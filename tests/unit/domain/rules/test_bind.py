import pytest

from tidewright.domain.rules.bind import bind, constant
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.expression import Constant
from tidewright.domain.rules.parser import parse


def bound(text, **values):
    return bind(parse(text), {name: constant(value) for name, value in values.items()})


def test_parameters_take_their_values():
    assert bound("sma(fast) > width", fast=10, width=2.5) == parse("sma(10) > 2.5").root


def test_columns_are_written_out():
    trend = parse("sma(30)").root
    assert bind(parse("close > trend"), {"trend": trend}) == parse("close > sma(30)").root


def test_columns_and_parameters_are_put_in_on_longer_bars_too():
    values = {"trend": parse("sma(30)").root, "n": constant(5)}
    assert bind(parse("(trend - sma(n)) on 4h"), values) == parse("(sma(30) - sma(5)) on 4h").root


def test_a_constant_is_the_same_on_whatever_bars():
    assert bound("(trend == 0 or close > sma(trend)) on 1d", trend=0) == Constant(True)


def test_a_window_may_be_computed_from_parameters():
    node = bound("sma(2 * fast + min(fast, 3))", fast=10)
    assert node == parse("sma(23)").root
    assert isinstance(node.arguments[1].value, int)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("-2", -2.0),
        ("7 / 2", 3.5),
        ("max(1, 5, 3)", 5.0),
        ("count(true, 1 > 2, 2 > 1)", 2.0),
        ("not 1 < 2", False),
    ],
)
def test_what_depends_on_constants_alone_is_computed_at_once(text, value):
    assert bound(text) == Constant(value)


def test_a_side_that_the_left_one_decides_is_left_out():
    rule = "trend == 0 or close > sma(close, trend)"
    assert bound(rule, trend=0) == Constant(True)
    assert bound(rule, trend=5) == parse("close > sma(close, 5)").root
    assert bound("wanted and close > 1", wanted=False) == Constant(False)
    assert bound("wanted and close > 1", wanted=True) == parse("close > 1").root


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("close > sma(close, 0)", 19, "`n` of `sma(x, n)` must be from 1 to 10,000; it is 0"),
        ("sma(fast)", 4, "`n` of `sma(x, n)` must be from 1 to 10,000; `fast` is 10,001"),
        (
            "close[1 - 3]",
            6,
            "`n` of `previous(x, n)` must be from 0 to 10,000; `1 - 3` is -2, and a rule cannot look ahead",
        ),
        ("bollinger_upper(20, -2)", 20, "`width` of `bollinger_upper(x, n, width)` must be from 0 to 1,000; it is -2"),
        (
            "sma(1000000000 * 1000000000)",
            4,
            "`n` of `sma(x, n)` must be from 1 to 10,000; `1000000000 * 1000000000` is 1e+18",
        ),
    ],
)
def test_a_constant_that_is_out_of_range_is_refused(text, position, message):
    with pytest.raises(RuleError) as caught:
        bound(text, fast=10_001)
    assert (caught.value.message, caught.value.position) == (message, position)


def chain(text, length):
    """Columns c0, c1, ... of which each is `text` with the column before it in place of ``x``."""
    values = {"x": parse("close + open").root}
    for _ in range(length):
        values["x"] = bind(parse(text), values)
    return values["x"]


def test_columns_that_double_with_every_line_are_refused_before_they_fill_the_memory():
    assert chain("x + x", 7).size <= 1_000
    with pytest.raises(RuleError, match="with its columns written out this is 9 operations deep and 1,023 words long"):
        chain("x + x", 60)


def test_columns_that_grow_deeper_with_every_line_are_refused():
    assert chain("abs(x)", 49).depth == 50
    with pytest.raises(RuleError, match="51 operations deep"):
        chain("abs(x)", 50)
