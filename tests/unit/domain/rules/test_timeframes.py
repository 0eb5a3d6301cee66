import pytest

from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.parser import parse
from tidewright.domain.rules.timeframes import check_timeframes, is_on_longer

COLUMNS = {"trend"}


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("close > 1", None),
        ("close > 1", "1w"),
        ("close > ema(50) on 4h and (rsi(14) on 1d) > 50", "1h"),
        ("trend > close on 1d", "1h"),
        ("close on 3d > 1", "12h"),
        ("close on 1w > 1", "1d"),
    ],
)
def test_longer_bars_that_the_own_ones_make(text, own):
    check_timeframes(parse(text), own, COLUMNS)


@pytest.mark.parametrize(
    ("text", "own", "position", "message"),
    [
        ("close on 30m > 1", "1h", 9, "the strategy's own 1h bars make no 30m bars; write one of 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w"),
        ("1 < close on 4h", "4h", 13, "the strategy's own 4h bars make no 4h bars; write one of 8h, 12h, 1d, 3d, 1w"),
        ("close on 12h > 1", "8h", 9, "the strategy's own 8h bars make no 12h bars; write one of 1d, 3d, 1w"),
        ("close on 1w > 1", "3d", 9, "the strategy's own 3d bars make no 1w bars; there are no longer ones that they make"),
        ("close on 4h > 1", None, 9, "4h bars are made of the strategy's own; say of which timeframe these are"),
        ("close on 4h on 1d > 1", "1h", 0, "`close on 4h` is on longer bars already and cannot be `on 1d` too; keep one of them"),
        (
            "sma(close on 4h, 3) on 1d > 1",
            "1h",
            0,
            "`sma(close on 4h, 3)` is on longer bars already and cannot be `on 1d` too; keep one of them",
        ),
        ("1 < trend on 1d", "1h", 4, "`trend` is on longer bars already and cannot be `on 1d` too; keep one of them"),
    ],
)  # fmt: skip
def test_an_error_names_what_and_where(text, own, position, message):
    with pytest.raises(RuleError) as caught:
        check_timeframes(parse(text), own, COLUMNS)
    assert (caught.value.message, caught.value.position) == (message, position)


@pytest.mark.parametrize(
    ("text", "longer"), [("close > fast", False), ("1 + sma(close on 4h, 3)", True), ("fast > trend[1]", True)]
)
def test_what_looks_at_longer_bars(text, longer):
    assert is_on_longer(parse(text).root, COLUMNS) is longer
