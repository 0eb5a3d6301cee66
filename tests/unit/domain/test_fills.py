import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.fills import (
    affordable_quantity,
    quantity_by_fraction,
    quantity_by_risk,
    slipped,
)

prices = st.floats(1e-8, 1e7)
cash = st.floats(1e-3, 1e12)
shares = st.floats(0, 0.1)


def test_a_buyer_pays_more_and_a_seller_receives_less():
    assert slipped(+1.0, 100.0, 110.0, 90.0, 0.01) == 101
    assert slipped(-1.0, 100.0, 110.0, 90.0, 0.01) == 99


def test_nobody_pays_more_than_the_high_or_receives_less_than_the_low():
    assert slipped(+1.0, 100.0, 100.5, 99.5, 0.01) == 100.5
    assert slipped(-1.0, 100.0, 100.5, 99.5, 0.01) == 99.5


@given(price=prices, cash=cash, commission=shares, margin=st.sampled_from([1.0, 0.5, 1 / 3, 0.01]))
def test_what_is_affordable_is_all_of_the_cash_and_never_a_rounding_more(price, cash, commission, margin):
    quantity = affordable_quantity(float("inf"), cash, price, commission, margin)
    cost = quantity * price
    spent = cost * margin + cost * commission

    assert spent <= cash
    assert spent == pytest.approx(cash, rel=1e-14)


def test_less_than_affordable_is_as_wanted():
    assert affordable_quantity(3.0, 1_000.0, 100.0, 0.001, 1.0) == 3


@given(fraction=st.floats(1e-4, 1), equity=cash, price=prices, commission=shares)
def test_a_fraction_of_equity_pays_for_the_quantity_and_its_commission(fraction, equity, price, commission):
    quantity = quantity_by_fraction(fraction, equity, price, commission, 1.0)

    assert quantity * price * (1 + commission) == pytest.approx(fraction * equity, rel=1e-12)


@given(
    risk=st.floats(1e-4, 1), equity=cash, price=prices, loss=st.floats(1e-3, 0.99), commission=shares, slippage=shares
)
def test_from_entry_to_stop_the_risked_share_is_lost_with_all_costs(risk, equity, price, loss, commission, slippage):
    stop = price * (1 - loss)
    quantity = quantity_by_risk(1.0, risk, equity, price, stop, commission, slippage)
    paid = quantity * price + quantity * price * commission
    sold_at = stop * (1 - slippage)
    received = quantity * sold_at - quantity * sold_at * commission

    assert paid - received == pytest.approx(risk * equity, rel=1e-9)
