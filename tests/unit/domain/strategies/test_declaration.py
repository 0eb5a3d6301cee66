import numpy as np
import pytest

from tidewright.domain.indicators.momentum import rsi
from tidewright.domain.strategies.declaration import rule_strategy
from tidewright.domain.strategies.rule_strategy import RulesError
from tidewright.domain.strategies.strategy import Parameter

FAST = Parameter("fast", "Int", 10, 2, 200)


def problems(parameters=(), columns=None, enter="true", exit_="false", constraints=()):
    with pytest.raises(RulesError) as caught:
        rule_strategy("mine", parameters, columns or {}, enter, exit_, constraints)
    return [(where, getattr(error, "message", None) or str(error)) for where, error in caught.value.problems]


def test_what_a_user_declares_becomes_a_strategy():
    strategy = rule_strategy(
        "mine",
        [FAST],
        {"fast_ma": "sma(close, fast)"},
        "fast_ma crosses above sma(30)",
        "fast_ma crosses below sma(30)",
    )
    assert strategy.name == "mine"
    assert strategy.parameters == (FAST,)
    assert strategy.warmup({"fast": 10}) == 30


def test_every_problem_is_found_and_says_which_text_it_is_in():
    found = problems(
        parameters=[FAST],
        columns={"a": "smaa(close, fast)", "b": "rsi(fsat)"},
        enter="close >",
        exit_="close",
        constraints=["fast > 1", "fast < close"],
    )
    assert found == [
        ("columns.a", "unknown function 'smaa' (did you mean 'sma'?)"),
        ("columns.b", "unknown name 'fsat' (did you mean 'fast'?)"),
        ("enter", "expected a value before the end"),
        (
            "exit",
            "a condition is needed here, such as `close > sma(20)`; this is a number that changes from bar to bar",
        ),
        ("constraints[1]", "a constraint is about parameters alone; `close` is about bars"),
    ]


def test_the_error_as_text_points_into_each_text():
    with pytest.raises(RulesError) as caught:
        rule_strategy("mine", (), {"a": "smaa(3)"}, "true", "x > 1")
    assert str(caught.value).splitlines() == [
        "columns.a: unknown function 'smaa' (did you mean 'sma'?)",
        "  smaa(3)",
        "  ^",
        "exit: unknown name 'x'",
        "  x > 1",
        "  ^",
    ]


def test_a_text_made_of_a_faulty_column_is_not_blamed_for_it():
    found = problems(columns={"a": "1 +", "b": "a + 1"}, enter="b > 2", exit_="c > 2")
    assert found == [("columns.a", "expected a value before the end"), ("exit", "unknown name 'c'")]


def test_rules_may_look_at_longer_bars_than_the_strategys_own():
    strategy = rule_strategy(
        "mine",
        [FAST],
        {"trend": "sma(fast) on 1d", "rising": "close > trend"},
        "rising and rsi(14) crosses above 30",
        "not rising",
        timeframe="1h",
    )
    assert (strategy.timeframe, strategy.warmup({"fast": 10})) == ("1h", (9 + 2) * 24 - 2)


def test_longer_bars_that_cannot_be_made_are_pointed_at():
    with pytest.raises(RulesError) as caught:
        rule_strategy(
            "mine",
            (),
            {"trend": "sma(50) on 4h", "rising": "close > trend"},
            "rising and rsi(14) on 15m > 50",
            "not (rising on 1d)",
            timeframe="1h",
        )
    assert str(caught.value).splitlines() == [
        "enter: the strategy's own 1h bars make no 15m bars; write one of 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w",
        "  rising and rsi(14) on 15m > 50",
        "                        ^",
        "exit: `rising` is on longer bars already and cannot be `on 1d` too; keep one of them",
        "  not (rising on 1d)",
        "       ^",
    ]


def test_longer_bars_need_the_strategys_own_timeframe():
    with pytest.raises(RulesError, match="1d bars are made of the strategy's own; say of which timeframe these are"):
        rule_strategy("mine", (), {}, "close > sma(50) on 1d", "false")


def test_columns_may_come_in_any_order():
    columns = {"gap": "fast_ma - slow_ma", "slow_ma": "sma(30)", "fast_ma": "sma(fast)"}
    strategy = rule_strategy("mine", [FAST], columns, "gap > 0", "gap < 0")
    assert list(strategy.rules) == ["gap", "slow_ma", "fast_ma"]
    assert strategy.order.index("gap") == 2


def test_a_column_may_have_a_functions_name(bars):
    strategy = rule_strategy("mine", (), {"rsi": "rsi(14)"}, "rsi > 70", "rsi(7) < 30")
    columns = strategy.columns(bars, {})
    signals = strategy.signals(bars, columns, {})
    np.testing.assert_array_equal(signals.enter, columns["rsi"] > 70)
    np.testing.assert_array_equal(signals.exit, rsi(bars.close, 7) < 30)


def test_columns_that_run_in_a_circle_are_refused():
    ((where, message),) = problems(columns={"a": "b + 1", "b": "sma(c, 3)", "c": "a"}, enter="a > 1")
    assert where in ("columns.a", "columns.b", "columns.c")
    assert message.startswith("a column cannot be made of itself: `")
    assert problems(columns={"a": "close + a"}) == [("columns.a", "a column cannot be made of itself: `a` of `a`")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("close", "'close' is a word of the rules language; choose another name"),
        ("and", "'and' is a word of the rules language; choose another name"),
        ("fast-ma", "'fast-ma' is no name; use letters, digits and _, and begin with a letter"),
        ("9th", "'9th' is no name; use letters, digits and _, and begin with a letter"),
        ("fast", "'fast' is declared already; choose another name"),
    ],
)
def test_a_name_must_be_one_and_mean_one_thing(name, message):
    assert problems(parameters=[FAST], columns={name: "close"}) == [(f"columns.{name}", message)]
    assert problems(parameters=[FAST, Parameter(name, "Int", 3)]) == [(f"parameters.{name}", message)]


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (Parameter("n", "Int", 1, 2, 9), "its default cannot be used: n must be at least 2; it is 1"),
        (Parameter("n", "Int", 2.5), "its default cannot be used: n must be a whole number; it is 2.5"),
        (Parameter("n", "Int", 5, 9, 2), "its least value, 9, is above its greatest, 2"),
        (Parameter("n", "Int", 5, step=0), "its step must be greater than 0; it is 0"),
        (Parameter("n", "Choice", "a"), "a Choice needs choices"),
    ],
)
def test_a_parameter_must_be_declared_soundly(parameter, message):
    assert problems(parameters=[parameter]) == [("parameters.n", message)]


def test_defaults_that_no_rule_can_be_used_with_are_refused_together():
    found = problems(parameters=[Parameter("n", "Int", 0)], columns={"a": "sma(n)", "b": "a + 1"}, enter="rsi(n) > b")
    found += problems(parameters=[Parameter("n", "Int", 0)], columns={"a": "sma(n)"}, enter="rsi(n) > 1")
    assert found == [
        ("columns.a", "`n` of `sma(x, n)` must be from 1 to 10,000; `n` is 0"),
        ("columns.a", "`n` of `sma(x, n)` must be from 1 to 10,000; `n` is 0"),
        ("enter", "`n` of `rsi(x, n)` must be from 1 to 10,000; `n` is 0"),
    ]


def test_constraints_may_come_with_their_reasons():
    parameters = [FAST, Parameter("slow", "Int", 30)]
    strategy = rule_strategy("mine", parameters, {}, "true", "false", {"fast < slow": "it is the shorter one"})
    assert strategy.constraints[0].reason == "it is the shorter one"
