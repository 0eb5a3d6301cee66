import pytest

from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.lexer import LENGTH_LIMIT, tokens


def test_tokens_know_where_they_begin():
    assert [tuple(token) for token in tokens("sma(x,10) <=\n 1e-3")] == [
        ("name", "sma", 0),
        ("symbol", "(", 3),
        ("name", "x", 4),
        ("symbol", ",", 5),
        ("number", "10", 6),
        ("symbol", ")", 8),
        ("symbol", "<=", 10),
        ("number", "1e-3", 14),
        ("end", "", 18),
    ]


def test_a_timeframe_is_what_stands_after_on():
    kinds = [(token.kind, token.text) for token in tokens("x on 4h and on_4h")]
    assert kinds == [
        ("name", "x"),
        ("name", "on"),
        ("timeframe", "4h"),
        ("name", "and"),
        ("name", "on_4h"),
        ("end", ""),
    ]


@pytest.mark.parametrize("number", ["0", "1", "2.5", ".5", "3.", "1e3", "1E+3", "1.5e-3"])
def test_numbers(number):
    assert tokens(number)[0][:2] == ("number", number)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("a && b", 2, "`&&` has no meaning here; write `and`"),
        ("a || b", 2, "`||` has no meaning here; write `or`"),
        ("a = b", 2, "`=` has no meaning here; write `==` to compare"),
        ("a === b", 4, "`=` has no meaning here; write `==` to compare"),
        ("!a", 0, "`!` has no meaning here; write `not`"),
        ("a <> b", 2, "`<>` has no meaning here; write `!=`"),
        ("a => b", 2, "`=>` has no meaning here; write `>=`"),
        ("a ** 2", 2, "`**` has no meaning here; multiply instead, as in `x * x`"),
        ("'close'", 0, "`'` has no meaning here; names stand without quotes"),
        ("a % b", 2, "'%' has no meaning here"),
        ("a.b", 1, "'.' has no meaning here"),
        ("preço", 3, "'ç' has no meaning here"),
        ("1e999", 0, "1e999 is too large a number"),
        ("10x", 2, "a name or a number cannot follow 10 at once"),
        ("sma(3) 4h", 8, "a name or a number cannot follow 4 at once; a timeframe stands after `on`"),
        ("1.2.3", 3, "a name or a number cannot follow 1.2 at once"),
    ],
)
def test_what_is_no_token_is_named_with_its_remedy(text, position, message):
    with pytest.raises(RuleError) as caught:
        tokens(text)
    assert (caught.value.message, caught.value.position) == (message, position)


def test_a_rule_has_a_greatest_length():
    assert len(tokens(" " * LENGTH_LIMIT)) == 1
    with pytest.raises(RuleError, match="at most 2,000 characters and this one has 2,001"):
        tokens(" " * (LENGTH_LIMIT + 1))
