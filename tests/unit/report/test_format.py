import math

import pytest

from tidewright.report import format as fmt


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, -math.inf, "text", True])
@pytest.mark.parametrize("shown", [fmt.number, fmt.count, fmt.price, fmt.money, fmt.percent, fmt.duration, fmt.date])
def test_what_is_no_finite_number_is_a_dash(shown, nothing):
    assert shown(nothing) == fmt.DASH


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "12.3%"), (-0.5, "−50.0%"), (0.0004, "0.04%"), (15.2, "1,520%"), (0.0, "0.0%"), (-1e-9, "0.00%")],
)
def test_percent_is_finer_where_it_is_small_and_zero_has_no_sign(value, text):
    assert fmt.percent(value) == text


def test_a_sign_is_shown_where_it_is_asked_for():
    assert (fmt.percent(0.02, plus=True), fmt.number(-3, plus=True), fmt.number(0, plus=True)) == (
        "+2.0%",
        "−3.00",
        "0.00",
    )


def test_money_has_thousands_separators_and_its_currency():
    assert fmt.money(1_234_567.891, "USDT") == "1,234,567.89 USDT"
    assert fmt.money(None, "USDT") == fmt.DASH


@pytest.mark.parametrize(
    ("value", "text"), [(43_210.5, "43,210.50"), (0.00012341, "0.0001234"), (1.5, "1.500"), (0, "0.00")]
)
def test_a_price_keeps_the_digits_that_matter(value, text):
    assert fmt.price(value) == text


@pytest.mark.parametrize(
    ("hours", "text"), [(0.75, "45 minutes"), (30, "30.0 hours"), (24 * 312, "312 days"), (1 / 120, "30 seconds")]
)
def test_a_duration_is_in_the_largest_unit_that_fits_twice(hours, text):
    assert fmt.duration(hours * 3_600_000) == text


def test_times_are_utc():
    assert fmt.date(1_502_942_400_000) == "17 Aug 2017"
    assert fmt.moment(1_502_942_400_000) == "2017-08-17 04:00"
    assert fmt.moment("2017-08-17") == "2017-08-17"


@pytest.mark.parametrize(
    ("name", "text"),
    [("FewTrades", "Few trades"), ("ROI", "ROI"), ("StopLoss", "Stop loss"), ("LookAhead", "Look ahead"), ("", "")],
)
def test_names_become_words(name, text):
    assert fmt.words(name) == text
