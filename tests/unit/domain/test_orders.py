from math import inf, isnan, nan

import pytest

from tidewright.domain.orders import ORDER, Order, asks, buy, hold, in_floats, leave, protect, sell, turn, wrong


def given(order):
    """The fields that say something."""
    return {name: value for name, value in order._asdict().items() if not isnan(value) and value != 0.0}


def test_orders_are_written_by_what_they_do():
    assert given(hold()) == {"size": 1}
    assert given(buy()) == {"side": 1, "size": 1}
    assert given(sell(size=0.5, limit=101, stop=103, target=95)) == {
        "side": -1,
        "size": 0.5,
        "limit": 101,
        "stop": 103,
        "target": 95,
    }
    assert given(buy(trigger=105)) == {"side": 1, "size": 1, "trigger": 105}
    assert given(leave()) == {"size": 1, "leave": 1}
    assert given(protect(stop=95, target=110)) == {"size": 1, "stop": 95, "target": 110}


def test_turning_around_is_leaving_and_another_order():
    assert given(turn(sell(limit=99))) == {"side": -1, "size": 1, "limit": 99, "leave": 1}


@pytest.mark.parametrize("order", [buy(), sell(), leave(), protect(stop=1), protect(target=1), turn(hold())])
def test_orders_ask_for_something(order):
    assert asks(order)


@pytest.mark.parametrize("order", [hold(), protect(), buy()._replace(side=0.0)])
def test_doing_nothing_asks_for_nothing(order):
    assert not asks(order)


@pytest.mark.parametrize("order", [hold(), buy(), sell(limit=1), buy(trigger=1, stop=0.5), leave(), turn(buy())])
def test_these_can_be_understood(order):
    assert not wrong(order)


@pytest.mark.parametrize(
    "order",
    [
        buy(size=0),
        buy(size=-1),
        buy(size=inf),
        buy(size=nan),
        buy(limit=99, trigger=101),
        buy(limit=0),
        sell(trigger=-1),
        protect(stop=0),
        protect(target=-5),
        hold()._replace(side=2.0),
        hold()._replace(side=nan),
        hold()._replace(leave=0.5),
    ],
)
def test_these_cannot(order):
    assert wrong(order)


def test_whole_numbers_are_numbers_too():
    order = in_floats(Order(1, 2, 100, nan, 95, 110, 0))

    assert order == Order(1.0, 2.0, 100.0, order.trigger, 95.0, 110.0, 0.0)
    assert all(type(value) is float for value in order)


def test_a_record_of_an_order_has_its_fields_in_their_order():
    assert [name if name != "multiple" else "size" for name in ORDER.names] == [*Order._fields]
