import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.expression import Apply, Node, On, Series
from tidewright.domain.rules.parser import parse
from tidewright.domain.timeframe import TIMEFRAMES


def shape(node: Node) -> str:
    """The tree in prefix notation: ``(+ a (* b c))``."""
    if isinstance(node, Apply):
        return f"({' '.join([node.function.replace(' ', '-'), *map(shape, node.arguments)])})"
    if isinstance(node, On):
        return f"(on {node.timeframe} {shape(node.operand)})"
    return str(getattr(node, "name", None) or getattr(node, "value", None))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", "(+ a (* b c))"),
        ("(a + b) * c", "(* (+ a b) c)"),
        ("a - b - c", "(- (- a b) c)"),
        ("a / b * c", "(* (/ a b) c)"),
        ("-a * b", "(* (negative a) b)"),
        ("a - -b", "(- a (negative b))"),
        ("-a[1]", "(negative (previous a 1))"),
        ("a[1][2]", "(previous (previous a 1) 2)"),
        ("(a + b)[n + 1]", "(previous (+ a b) (+ n 1))"),
        ("a + b > c - d", "(> (+ a b) (- c d))"),
        ("a < b and c >= d or e != f", "(or (and (< a b) (>= c d)) (!= e f))"),
        ("p or q and r", "(or p (and q r))"),
        ("not p and q", "(and (not p) q)"),
        ("not a < b", "(not (< a b))"),
        ("not not p", "(not (not p))"),
        ("a crosses above b", "(crosses-above a b)"),
        ("a + 1 crosses below b and p", "(and (crosses-below (+ a 1) b) p)"),
        ("true or false", "(or True False)"),
        ("sma(volume, 10)", "(sma volume 10)"),
        ("sma(10)", "(sma close 10)"),
        ("rsi(14)", "(rsi close 14)"),
        ("macd(12, 26, 9)", "(macd close 12 26 9)"),
        ("average(n, kind)", "(average close n kind)"),
        ("atr(14)", "(atr 14)"),
        ("obv()", "(obv)"),
        ("max(a, b, c)", "(max a b c)"),
        ("count(p)", "(count p)"),
        ("sma(ema(5), 3)", "(sma (ema close 5) 3)"),
        ("Fast_1 > 2.5", "(> Fast_1 2.5)"),
        ("rsi(14) on 1d > 50", "(> (on 1d (rsi close 14)) 50)"),
        ("a > b * c on 4h + d", "(> a (+ (* b (on 4h c)) d))"),
        ("-a on 4h", "(negative (on 4h a))"),
        ("a[1] on 4h", "(on 4h (previous a 1))"),
        ("(a on 4h)[1]", "(previous (on 4h a) 1)"),
        ("(a > b) on 1w and p", "(and (on 1w (> a b)) p)"),
        ("a crosses above b on 4h", "(crosses-above a (on 4h b))"),
        ("sma(a on 4h, 3)", "(sma (on 4h a) 3)"),
        ("a on 4h on 1d", "(on 1d (on 4h a))"),
    ],
)
def test_what_a_text_means(text, tree):
    assert shape(parse(text).root) == tree


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "the rule is empty"),
        ("  ", 0, "the rule is empty"),
        ("a +", 3, "expected a value before the end"),
        ("a > and b", 4, "expected a value before `and`"),
        ("a b", 2, "expected an operator before `b`"),
        ("a AND b", 2, "expected an operator before `AND` (did you mean 'and'?)"),
        ("a cross above b", 2, "expected an operator before `cross` (did you mean 'crosses'?)"),
        ("a crosses b", 10, "write `crosses above` or `crosses below`"),
        ("a < b < c", 6, "comparisons do not chain; join two of them by `and`, as in `0 < x and x < 1`"),
        ("a < b crosses above c", 6, "comparisons do not chain; join two of them by `and`, as in `0 < x and x < 1`"),
        ("(a + b", 0, "`)` is missing for this `(`"),
        ("sma(a, 3", 3, "`)` is missing for this `(`"),
        ("a[1", 1, "`]` is missing for this `[`"),
        ("a)", 1, "`)` without a `(` before it"),
        ("(a]", 2, "`]` without a `[` before it"),
        ("(a b)", 3, "expected an operator or `)` before `b`"),
        ("sma(a 3)", 6, "expected an operator, `,` or `)` before `3`"),
        ("sma(a,)", 6, "expected a value before `)`"),
        ("smaa(3)", 0, "unknown function 'smaa' (did you mean 'sma'?)"),
        ("1 < close(1)", 4, "`close` is a series, not a function; write `close`, or `close[1]` for the bar before"),
        ("sma()", 0, "`sma(x, n)` takes 2 arguments (`x` may be left out: it is then `close`), not 0"),
        ("1 + sma(1, 2, 3)", 4, "`sma(x, n)` takes 2 arguments (`x` may be left out: it is then `close`), not 3"),
        ("atr()", 0, "`atr(n)` takes 1 argument, not 0"),
        ("obv(1)", 0, "`obv()` takes no arguments, not 1"),
        ("max(a)", 0, "`max(a, b, ...)` takes 2 or more arguments, not 1"),
        ("count()", 0, "`count(c, ...)` takes 1 or more arguments, not 0"),
        ("a on", 4, "`on` needs a timeframe after it, such as `4h`"),
        ("(a on ) > 1", 6, "`on` needs a timeframe after it, such as `4h`"),
        ("a on 4H > 1", 5, f"unknown timeframe '4H' (did you mean '4h'?); write one of {', '.join(TIMEFRAMES)}"),
        ("a on 60m", 5, f"unknown timeframe '60m' (did you mean '1h'?); write one of {', '.join(TIMEFRAMES)}"),
        ("a on 1.5h", 5, f"unknown timeframe '1.5h'; write one of {', '.join(TIMEFRAMES)}"),
        ("a on daily", 5, f"unknown timeframe 'daily'; write one of {', '.join(TIMEFRAMES)}"),
        ("on > 1", 0, "expected a value before `on`"),
        (
            "1 < a on 4h[1]",
            11,
            (
                "`[` cannot follow a timeframe; `(a on 4h)[1]` is what was known one of the strategy's own bars earlier, "
                "and `[1]` before `on` means one 4h bar earlier"
            ),
        ),
    ],
)
def test_an_error_names_what_and_where(text, position, message):
    with pytest.raises(RuleError) as caught:
        parse(text)
    assert (caught.value.message, caught.value.position) == (message, position)


@pytest.mark.parametrize(
    "nested",
    [
        lambda depth: "(" * depth + "a" + ")" * depth,
        lambda depth: "-" * depth + "a",
        lambda depth: "not " * depth + "a",
        lambda depth: " + ".join(["a"] * (depth + 1)),
        lambda depth: "abs(" * depth + "a" + ")" * depth,
        lambda depth: "a" + "[1]" * depth,
        lambda depth: "a" + " on 4h" * depth,
    ],
)
def test_nesting_has_a_greatest_depth(nested):
    assert parse(nested(49)).root.depth <= 50
    with pytest.raises(RuleError, match="more than 50 operations are nested"):
        parse(nested(51))


def test_equal_expressions_are_one_key_wherever_they_stand():
    first, second = parse("close > sma(30)").root, parse("  close   > sma( close,30 )").root
    assert first == second
    assert hash(first) == hash(second)
    assert first != parse("close > sma(31)").root
    assert parse("sma(3) on 4h").root == parse(" (sma(3)) on  4h").root != parse("sma(3) on 1d").root


def test_a_node_knows_the_text_that_it_was_read_from():
    expression = parse("1 < (hl2 + close) * 2")
    product = expression.root.arguments[1]
    assert expression.source(product) == "(hl2 + close) * 2"
    daily = parse("1 < (sma(3) + 1) on 1d")
    assert daily.source(daily.root.arguments[1]) == "(sma(3) + 1) on 1d"
    assert expression.source(Series("close", product.arguments[0].start, product.arguments[0].end)) == "hl2 + close"


WORDS = [
    "close",
    "sma",
    "(",
    ")",
    "[",
    "]",
    ",",
    "1",
    "2.5",
    "and",
    "or",
    "not",
    "crosses",
    "above",
    "-",
    "<",
    "==",
    "x",
    "=",
    "é",
]


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
def test_any_text_is_either_an_expression_or_a_rule_error_within_the_text(text):
    error = refusal(text)
    if error is not None:
        assert 0 <= error.position <= len(text)
        assert error.pointed().endswith("^")


def refusal(text: str) -> RuleError | None:
    try:
        parse(text)
    except RuleError as error:
        return error
    return None
