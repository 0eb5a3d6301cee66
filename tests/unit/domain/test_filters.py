from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.costs import NO_FILTERS, Bracket, Broker, Filters
from tidewright.domain.filters import (
    bracket_at_ruin,
    brackets_of,
    most_notional,
    on_lot,
    rounded_down,
    rounded_up,
    signed_down,
    signed_up,
)

units = st.sampled_from([Fraction(1, 10), Fraction(1, 100_000), Fraction(5), Fraction(1, 4), Fraction(1, 3)])
numbers = st.integers(1, 10**9).map(lambda ticks: ticks / 10_000) | st.floats(1e-3, 1e5)

BTCUSDT = (
    Bracket(50_000.0, 125.0, 0.004),
    Bracket(250_000.0, 100.0, 0.005),
    Bracket(1_000_000.0, 50.0, 0.01),
)
"""Binance's first three brackets of the BTCUSDT perpetual; it publishes their maintenance amounts as 0, 50 and 1,300."""


def on(function, value, unit):
    return function(value, *map(float, unit.as_integer_ratio()))


@pytest.mark.parametrize(
    ("value", "unit", "below", "above"),
    [
        (0.3, Fraction(1, 10), 0.3, 0.3),
        (0.35, Fraction(1, 10), 0.3, 0.4),
        (0.1 + 0.2, Fraction(1, 10), 0.3, 0.4),
        (0.29, Fraction(1, 100), 0.29, 0.29),  # 0.29 * 100 is a little less than 29
        (0.8999999999999999, Fraction(1, 10), 0.8, 0.9),  # 0.8999999999999999 * 10 is 9
        (1.234567, Fraction(1, 100_000), 1.23456, 1.23457),
        (43_210.98, Fraction(5), 43_210.0, 43_215.0),
        (7.0, Fraction(1, 4), 7.0, 7.0),
        (7.1, Fraction(1, 4), 7.0, 7.25),
        (0.04, Fraction(1, 10), 0.0, 0.1),
    ],
)
def test_a_value_lies_between_two_ticks_or_on_one(value, unit, below, above):
    assert on(rounded_down, value, unit) == below
    assert on(rounded_up, value, unit) == above


@given(value=numbers, unit=units)
def test_a_rounded_value_is_the_float_nearest_to_the_decimal_that_an_exchange_writes(value, unit):
    below, above = on(rounded_down, value, unit), on(rounded_up, value, unit)

    assert below <= value <= above
    assert below == float(round(Fraction(below) / unit) * unit)
    assert above == float(round(Fraction(above) / unit) * unit)
    assert round((Fraction(above) - Fraction(below)) / unit) == (0 if below == above else 1)


@given(count=st.integers(1, 10**7), unit=units)
def test_what_is_on_a_tick_stays_there(count, unit):
    value = float(count * unit)

    assert on(rounded_down, value, unit) == on(rounded_up, value, unit) == on(on_lot, value, unit) == value


@given(first=st.integers(1, 10**6), second=st.integers(1, 10**6), unit=units)
def test_sums_and_differences_of_lots_are_lots(first, second, unit):
    one, other = float(first * unit), float(second * unit)

    assert on(on_lot, one + other, unit) == float((first + second) * unit)
    assert on(on_lot, max(one, other) - min(one, other), unit) == float(abs(first - second) * unit)


def test_without_a_filter_every_value_is_as_it_is():
    for function in (rounded_down, rounded_up, on_lot):
        assert on(function, 0.123456789, Fraction(0)) == 0.123456789
    assert signed_down(1.0, 0.123456789, 0.0, 1.0) == signed_up(1.0, 0.123456789, 0.0, 1.0) == 0.123456789


def test_signed_prices_round_against_who_leaves_below_and_who_enters_above():
    assert signed_down(1.0, 100.6, 1.0, 2.0) == 100.5
    assert signed_up(1.0, 100.6, 1.0, 2.0) == 101.0
    assert signed_down(-1.0, -100.6, 1.0, 2.0) == -101.0
    assert signed_up(-1.0, -100.6, 1.0, 2.0) == -100.5


def test_a_level_that_no_price_reaches_stays_out_of_reach():
    for level in (-inf, inf, -3.0, 0.0):
        assert signed_down(1.0, level, 1.0, 2.0) == signed_up(1.0, level, 1.0, 2.0) == level


def test_the_maintenance_amounts_of_brackets_are_those_that_binance_publishes():
    table, first = brackets_of([Filters(brackets=BTCUSDT), NO_FILTERS], Broker(1_000.0, maintenance_margin=0.02))

    assert first.tolist() == [0, 3, 4]
    assert table["allowance"].tolist() == pytest.approx([0, 50, 1_300, 0])
    assert table["maintenance"].tolist() == [0.004, 0.005, 0.01, 0.02]
    assert table["notional"].tolist() == [50_000, 250_000, 1_000_000, inf]


def test_the_leverage_says_how_much_a_position_may_be_worth():
    table, _ = brackets_of([Filters(brackets=BTCUSDT)], Broker(1_000.0))

    assert [most_notional(table.ctypes.data, 3, leverage) for leverage in (125.0, 101.0, 100.0, 50.0, 1.0)] == [
        50_000,
        50_000,
        250_000,
        1_000_000,
        1_000_000,
    ]
    assert most_notional(table.ctypes.data, 3, 126.0) == 0


@given(
    side=st.sampled_from([1.0, -1.0]),
    notional=st.floats(1_000.0, 1_000_000.0),
    leverage=st.sampled_from([2.0, 5.0, 20.0, 50.0]),
)
def test_the_bracket_at_ruin_is_the_one_that_the_position_is_in_there(side, notional, leverage):
    """At that price the margin left is just the maintenance margin of the value that the position has there."""
    table, _ = brackets_of([Filters(brackets=BTCUSDT)], Broker(1_000.0))
    held = notional / 100.0
    bankrupt = side * 100.0 * (1.0 - side / leverage)
    bracket = bracket_at_ruin(table.ctypes.data, 3, side, held, bankrupt)
    ruin = (bankrupt - bracket.allowance / held) / (1.0 - side * bracket.maintenance)
    worth = held * abs(ruin)

    amounts = np.array([0.0, 50.0, 1_300.0])
    within = next((k for k, each in enumerate(BTCUSDT) if worth <= each.notional), 2)
    assert held * (ruin - bankrupt) == pytest.approx(
        worth * BTCUSDT[within].maintenance_margin - amounts[within], abs=1e-6 * worth
    )
    assert bankrupt < ruin < side * 100.0
