import pytest

from tidewright.domain.rules.check import check
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.function import Type
from tidewright.domain.rules.parser import parse

NAMES = {
    "fast": Type.WHOLE,
    "width": Type.NUMBER,
    "filtered": Type.CONDITION,
    "kind": Type.AVERAGE,
    "colour": Type.CHOICE,
    "score": Type.SERIES,
}


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("10", Type.WHOLE),
        ("2 * fast - 1", Type.WHOLE),
        ("min(fast, 20)", Type.WHOLE),
        ("-fast", Type.WHOLE),
        ("fast / 2", Type.NUMBER),
        ("10.0", Type.NUMBER),
        ("fast + width", Type.NUMBER),
        ("fast * close", Type.SERIES),
        ("abs(score)", Type.SERIES),
        ("count(filtered)", Type.SERIES),
        ("sma(2 * fast)", Type.SERIES),
        ("close[fast]", Type.SERIES),
        ("average(fast, kind)", Type.SERIES),
        ("bollinger_upper(20, width)", Type.SERIES),
        ("true", Type.CONDITION),
        ("filtered and fast > 2", Type.CONDITION),
        ("close crosses above 100", Type.CONDITION),
        ("sma(fast) on 4h", Type.SERIES),
        ("(close > score) on 1d", Type.CONDITION),
    ],
)
def test_what_an_expression_gives(text, given):
    assert check(parse(text), NAMES) is given


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("close > 1 and rsi(14)", 14, "`and` needs conditions on both sides; `rsi(14)` is a number"),
        ("(close > 1) + 2", 1, "`+` needs numbers on both sides; `close > 1` is a condition"),
        ("filtered == filtered", 0, "`==` needs numbers on both sides; `filtered` is a condition"),
        ("not close", 4, "`not` needs a condition after it; `close` is a number"),
        ("1 - -filtered", 5, "`-` needs a number after it; `filtered` is a condition"),
        (
            "sma(volume)",
            4,
            "`n` of `sma(x, n)` must be a whole number or an Int parameter; `volume` is a number that changes from bar to bar",
        ),
        ("sma(fast / 2)", 4, "`n` of `sma(x, n)` must be a whole number or an Int parameter; `fast / 2` is a number"),
        ("sma(2, 5)", 4, "`x` of `sma(x, n)` must be a series such as `close`; `2` is a whole number"),
        ("sma(close > 1, 5)", 4, "`x` of `sma(x, n)` must be a series such as `close`; `close > 1` is a condition"),
        ("close[width]", 6, "`n` of `previous(x, n)` must be a whole number or an Int parameter; `width` is a number"),
        ("count(filtered, close)", 16, "`c` of `count(c, ...)` must be a condition; `close` is a number"),
        (
            "bollinger_upper(20, close)",
            20,
            "`width` of `bollinger_upper(x, n, width)` must be a number or a parameter; `close` is a number that changes from bar to bar",
        ),
        (
            "average(10, colour)",
            12,
            "`kind` of `average(x, n, kind)` must be a Choice parameter of sma, ema or wma; `colour` is a choice, which no rule can use",
        ),
        ("kind > 1", 0, "`>` needs numbers on both sides; `kind` is a choice of average"),
        ("closs > 1", 0, "unknown name 'closs' (did you mean 'close'?)"),
        ("1 < fsat", 4, "unknown name 'fsat' (did you mean 'fast'?)"),
        ("1 < fast on 4h", 4, "`on` needs a series or a condition before it; `fast` is a whole number"),
        ("sma(14 on 4h, 3)", 4, "`on` needs a series or a condition before it; `14` is a whole number"),
        ("sma(fsat) on 4h > 1", 4, "unknown name 'fsat' (did you mean 'fast'?)"),
        ("rsi > 30", 0, "`rsi` is a function; write `rsi(x, n)`"),
    ],
)
def test_an_error_names_what_and_where(text, position, message):
    with pytest.raises(RuleError) as caught:
        check(parse(text), NAMES)
    assert (caught.value.message, caught.value.position) == (message, position)
