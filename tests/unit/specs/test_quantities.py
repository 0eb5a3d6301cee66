import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tidewright.domain.timeframe import TIMEFRAMES
from tidewright.specs import quantities
from tidewright.specs.quantities import Percent, epoch_milliseconds, ratio

PERCENT = TypeAdapter(quantities.Annotated[str, Percent("0.01%", "99%")])


def refusal(kind, value):
    """Why a value is not of a kind."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    (details,) = caught.value.errors()
    return str(details["ctx"]["error"])


@pytest.mark.parametrize(
    ("text", "number"), [("5%", 0.05), ("0.1%", 0.001), ("100%", 1.0), ("-3.5%", -0.035), ("0%", 0)]
)
def test_a_percent_string_is_the_float_nearest_to_its_decimal_value(text, number):
    assert ratio(text) == number


@given(st.decimals(0, 100, places=6))
def test_no_digit_of_a_percent_string_is_lost(value: Decimal):
    assert ratio(f"{value:f}%") == float(value / 100)


@pytest.mark.parametrize("text", ["5%", "0.01%", "99%", "0.010%", "98.999999999999%"])
def test_percent_strings_in_range_are_taken_as_they_are(text):
    assert PERCENT.validate_python(text) == text


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (5, "write 5%"),
        (5.0, "write 5%"),
        (2.5, "write 2.5%"),
        (0, "write 0%"),
        (0.05, "write 5%, or 0.05% if that is what is meant"),
        (1e-7, "write 0.00001%, or 0.0000001% if that is what is meant"),
    ],
)
def test_a_number_is_no_ratio_and_the_refusal_spells_the_one_that_is_meant(value, remedy):
    assert refusal(PERCENT, value) == f"a ratio is written as a percent string; {remedy}"


@pytest.mark.parametrize(
    "value", ["5", "5 %", "%", "5%%", ".5%", "1e2%", "٥%", "5%\n", True, None, math.inf, math.nan, [5]]
)
def test_what_is_no_percent_string_is_refused_with_an_example(value):
    assert refusal(PERCENT, value) == "not a percent string; write a number and a percent sign, such as 5% or 0.1%"


@pytest.mark.parametrize("value", ["0%", "99.1%", "-5%", "999999%"])
def test_a_ratio_out_of_range_is_refused_with_the_range(value):
    assert refusal(PERCENT, value) == "out of range; it must be between 0.01% and 99%"


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        ("1970-01-01", 0),
        ("2024-01-31", 1_706_659_200_000),
        ("2024-01-31T12:00:00Z", 1_706_702_400_000),
        ("2024-01-31T12:00:00.25+02:00", 1_706_695_200_250),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(time, milliseconds):
    assert epoch_milliseconds(TypeAdapter(quantities.Time).validate_python(time)) == milliseconds


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (quantities.Time, "2023-02-30", "not a day that exists (day is out of range for month); write a date such as 2024-01-31"),
        (quantities.Time, "31.01.2024", "not a time; write a date such as 2024-01-31 or an RFC 3339 time such as 2024-01-31T12:00:00Z"),
        (quantities.Time, 2023, "not a time; write a date such as 2024-01-31 or an RFC 3339 time such as 2024-01-31T12:00:00Z"),
        (quantities.Duration, "90", "not a duration; write a whole number and a unit, such as 30m, 4h or 90d"),
        (quantities.Duration, 90, "not a duration; write a whole number and a unit, such as 30m, 4h or 90d"),
        (quantities.Symbol, "btc/usdt", "not a symbol; write base/quote in capitals, such as BTC/USDT"),
        (quantities.Symbol, "../../etc", "not a symbol; write base/quote in capitals, such as BTC/USDT"),
        (quantities.Exchange, "Binance", "not an exchange's name; write lower-case letters, digits and hyphens, such as binance"),
        (quantities.Name, "Ma_Cross", "not a resource's name; write lower-case letters, digits and hyphens, such as ma-cross"),
        (quantities.Name, "a..b", "not a resource's name; write lower-case letters, digits and hyphens, such as ma-cross"),
        (quantities.Time, "2024-01-31T24:00:00Z", "not a time; write a date such as 2024-01-31 or an RFC 3339 time such as 2024-01-31T12:00:00Z"),
        (quantities.Name, "a" * 254, "not a resource's name; write lower-case letters, digits and hyphens, such as ma-cross"),
        (quantities.Name, 123, "put it in quotes"),
        (quantities.Digest, "sha256:abc", "not a digest; write sha256: and 64 hexadecimal digits"),
        (quantities.ModuleName, "a..b", "not a module; write its dotted name, such as strategies.channel"),
        (quantities.Identifier, "1st", "not a name; write letters, digits and underscores, beginning with a letter, such as fast_window"),
    ],
)  # fmt: skip
def test_a_refused_text_says_what_to_write_instead(kind, value, message):
    assert refusal(kind, value) == message


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_every_timeframe_is_taken(timeframe):
    assert TypeAdapter(quantities.Timeframe).validate_python(timeframe) == timeframe


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1H", " (did you mean '1h'?)"),
        ("60m", " (did you mean '1h'?)"),
        ("7d", " (did you mean '1w'?)"),
        ("45m", ""),
        (60, ""),
    ],
)
def test_an_unknown_timeframe_is_refused_with_the_one_of_the_same_length_and_with_all(value, hint):
    assert refusal(quantities.Timeframe, value) == f"not a timeframe{hint}; write one of {', '.join(TIMEFRAMES)}"
