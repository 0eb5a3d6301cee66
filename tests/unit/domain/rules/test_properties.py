"""Random expressions: what they mean, that they cannot look ahead, and that their warm-up is enough."""

import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.bars import COLUMNS
from tidewright.domain.rules.bind import bind
from tidewright.domain.rules.check import check
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.evaluate import evaluate
from tidewright.domain.rules.expression import Constant
from tidewright.domain.rules.function import AVERAGE, CONDITION, LAG, VALUE, WIDTH, WINDOW, Type, X
from tidewright.domain.rules.parser import parse
from tidewright.domain.rules.vocabulary import FUNCTIONS, OPERATORS, SERIES
from tidewright.domain.rules.warmup import warmup

# Meaning: an expression is drawn as its text together with an interpreter that looks at one bar at a time, in plain
# Python. `strength` is how tightly the text's outermost operator binds, so that parentheses stand only where they must.

COMPARISONS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a < b or a > b,
}
ARITHMETIC = {
    "+": (5, lambda a, b: a + b),
    "-": (5, lambda a, b: a - b),
    "*": (6, lambda a, b: a * b),
    "/": (6, lambda a, b: a / b if b != 0 else math.nan),
}


class Drawn:
    def __init__(self, text, strength, at):
        self.text, self.strength, self.at = text, strength, at

    def within(self, strength):
        return self.text if self.strength >= strength else f"({self.text})"


def last(x, bars, i, n):
    return [x.at(bars, j) for j in range(i - n + 1, i + 1)] if i >= n - 1 else [math.nan]


def extreme(choose):
    return lambda values: math.nan if any(map(math.isnan, values)) else choose(values)


def operator(symbol, a, b):
    strength, compute = ARITHMETIC[symbol]
    text = f"{a.within(strength)} {symbol} {b.within(strength + 1)}"
    return Drawn(text, strength, lambda bars, i: compute(a.at(bars, i), b.at(bars, i)))


def comparison(symbol, a, b):
    text = f"{a.within(5)} {symbol} {b.within(5)}"
    return Drawn(text, 4, lambda bars, i: COMPARISONS[symbol](a.at(bars, i), b.at(bars, i)))


def crossing(direction, a, b):
    over, under = (a, b) if direction == "above" else (b, a)

    def at(bars, i):
        return i > 0 and over.at(bars, i) > under.at(bars, i) and over.at(bars, i - 1) <= under.at(bars, i - 1)

    return Drawn(f"{a.within(5)} crosses {direction} {b.within(5)}", 4, at)


def earlier(x, n):
    return Drawn(f"{x.within(8)}[{n}]", 8, lambda bars, i: x.at(bars, i - n) if i >= n else math.nan)


def changed(x, n):
    before = earlier(x, n)
    return Drawn(f"change({x.text}, {n})", 9, lambda bars, i: x.at(bars, i) - before.at(bars, i))


def windowed(name, choose, x, n):
    return Drawn(f"{name}({x.text}, {n})", 9, lambda bars, i: extreme(choose)(last(x, bars, i, n)))


def pointwise(name, choose, values):
    text = f"{name}({', '.join(value.text for value in values)})"
    return Drawn(text, 9, lambda bars, i: extreme(choose)([value.at(bars, i) for value in values]))


def counted(conditions):
    text = f"count({', '.join(condition.text for condition in conditions)})"
    return Drawn(text, 9, lambda bars, i: float(sum(condition.at(bars, i) for condition in conditions)))


prices = st.sampled_from(["open", "high", "low", "close", "volume"]).map(
    lambda name: Drawn(name, 9, lambda bars, i: float(getattr(bars, name)[i]))
)
constants = st.sampled_from([0, 1, 3, 100, 0.5, 498.0]).map(
    lambda value: Drawn(str(value), 9, lambda bars, i: float(value))
)
# Means of whole prices over powers of two are exact in whichever order they are added.
means = st.builds(
    lambda x, n: windowed("sma", lambda values: sum(values) / n, x, n), prices, st.sampled_from([1, 2, 4, 8])
)
small = st.integers(1, 6)


def grow_series(numbers):
    return st.one_of(
        st.builds(operator, st.sampled_from(list(ARITHMETIC)), numbers, numbers | constants),
        st.builds(earlier, numbers, st.integers(0, 5)),
        st.builds(changed, numbers, small),
        st.builds(lambda x, n: windowed("highest", max, x, n), numbers, small),
        st.builds(lambda x, n: windowed("lowest", min, x, n), numbers, small),
        st.builds(lambda values: pointwise("min", min, values), st.lists(numbers, min_size=2, max_size=3)),
        st.builds(lambda values: pointwise("max", max, values), st.lists(numbers, min_size=2, max_size=3)),
        st.builds(lambda x: Drawn(f"abs({x.text})", 9, lambda bars, i: abs(x.at(bars, i))), numbers),
        st.builds(lambda x: Drawn(f"-{x.within(7)}", 7, lambda bars, i: -x.at(bars, i)), numbers),
    )


series = st.recursive(prices | means, grow_series, max_leaves=4)
compared = st.one_of(
    st.builds(comparison, st.sampled_from(list(COMPARISONS)), series, series | constants),
    st.builds(crossing, st.sampled_from(["above", "below"]), series, series | constants),
)


def grow_conditions(conditions):
    return st.one_of(
        st.builds(lambda a: Drawn(f"not {a.within(3)}", 3, lambda bars, i: not a.at(bars, i)), conditions),
        st.builds(
            lambda a, b: Drawn(f"{a.within(2)} and {b.within(3)}", 2, lambda bars, i: a.at(bars, i) and b.at(bars, i)),
            conditions,
            conditions,
        ),
        st.builds(
            lambda a, b: Drawn(f"{a.within(1)} or {b.within(2)}", 1, lambda bars, i: a.at(bars, i) or b.at(bars, i)),
            conditions,
            conditions,
        ),
        st.builds(
            lambda drawn, least: comparison(">=", counted(drawn), Drawn(str(least), 9, lambda bars, i: float(least))),
            st.lists(conditions, min_size=1, max_size=3),
            st.integers(1, 2),
        ),
    )


conditions = st.recursive(compared, grow_conditions, max_leaves=4)


@given(drawn=series | conditions)
def test_an_expression_means_what_a_reader_with_one_bar_at_a_time_would_compute(bars, drawn):
    few = bars.part(0, 30)
    result = evaluate(bind(parse(drawn.text), {}), few)
    np.testing.assert_array_equal(result, [drawn.at(few, i) for i in range(len(few))])


# Causality and warm-up: texts over the whole vocabulary, whose values need no second opinion.

EVERY_NAME = sorted(FUNCTIONS)
RECURSIVE = {
    "ema",
    "rsi",
    "macd",
    "macd_signal",
    "macd_histogram",
    "atr",
    "adx",
    "plus_di",
    "minus_di",
    "obv",
    "average",
}
WINDOWED = [name for name in EVERY_NAME if name not in RECURSIVE and not name.startswith("keltner")]
NAMES = {"kind": Type.AVERAGE}
CONSTANT_TEXTS = {
    WINDOW: st.integers(1, 9).map(str),
    LAG: st.integers(0, 9).map(str),
    WIDTH: st.sampled_from(["0", "1", "2.5"]),
    AVERAGE: st.just("kind"),
}


def texts(names, need, depth):
    """Texts that satisfy `need`, of at most `depth` functions within one another."""
    if need in CONSTANT_TEXTS:
        return CONSTANT_TEXTS[need]
    if need is CONDITION:
        symbols = sorted(
            symbol
            for symbol, function in OPERATORS.items()
            if function.arguments["a"] is VALUE and function.result is Type.CONDITION
        )
        side = texts(names, X, depth)
        return st.builds("({} {} {})".format, side, st.sampled_from(symbols), side)
    leaves = st.sampled_from(sorted(SERIES))
    if depth == 0:
        return leaves
    side = texts(names, X, depth - 1)
    arithmetic = st.builds("({} {} {})".format, side, st.sampled_from("+-*/"), side)
    return leaves | arithmetic | st.sampled_from(names).flatmap(lambda name: calls(names, name, depth - 1))


def calls(names, name, depth):
    needs = list(FUNCTIONS[name].arguments.values())
    return st.tuples(*(texts(names, need, depth) for need in needs)).map(lambda given: f"{name}({', '.join(given)})")


def bound(text):
    expression = parse(text)
    check(expression, NAMES)
    return bind(expression, {"kind": Constant("ema")})


def assert_same_bits(actual, expected):
    np.testing.assert_array_equal(actual, expected)
    if expected.dtype == np.float64:
        there = ~np.isnan(expected)
        assert actual[there].tobytes() == expected[there].tobytes()


def anywhere(names):
    """Texts on a strategy's own bars, on longer ones, and on both."""
    own = texts(names, X, 3) | texts(names, CONDITION, 2)
    timeframes = st.sampled_from(["3m", "5m", "15m"])
    longer = st.builds("({} on {})".format, texts(names, X, 2), timeframes)
    conditions = st.builds("({}) on {}".format, texts(names, CONDITION, 1), timeframes)
    both = st.builds("({} + highest({}, 3)) crosses above {}".format, texts(names, X, 1), longer, longer)
    return own | longer | conditions | both


def without(bars, missing):
    """The bars but for those at some places."""
    kept = np.setdiff1d(np.arange(len(bars)), list(missing))
    return replace(bars, **{name: getattr(bars, name)[kept] for name in ("time", *COLUMNS)})


gaps = st.sets(st.integers(0, 399), max_size=60)


@given(text=anywhere(EVERY_NAME), missing=gaps, cut=st.integers(0, 400))
def test_what_comes_later_changes_nothing(bars, text, missing, cut):
    node, there = bound(text), without(bars, missing)
    assert_same_bits(evaluate(node, there.part(0, cut)), evaluate(node, there)[:cut])


@given(text=anywhere(WINDOWED), missing=gaps, start=st.integers(0, 200))
def test_after_its_warm_up_an_expression_of_windows_has_forgotten_what_was_before(bars, text, missing, start):
    node, there = bound(text), without(bars, missing)
    needed = warmup(node, bars.step)
    assert_same_bits(evaluate(node, there.part(start, 400))[needed:], evaluate(node, there)[start + needed :])


@given(text=texts([name for name in WINDOWED if name != "count"], X, 3))
def test_an_expression_of_windows_does_not_ask_for_more_history_than_it_reads(bars, text):
    """Nothing but `count`, which counts a comparison with a missing value as false, has a value before its warm-up."""
    node = bound(text)
    assert np.isnan(evaluate(node, bars)[: warmup(node)]).all()


@given(text=texts(EVERY_NAME, CONDITION, 2))
def test_a_well_formed_text_is_never_refused(text):
    try:
        bound(text)
    except RuleError as error:  # the caret says more than a traceback
        raise AssertionError(error.pointed()) from error
