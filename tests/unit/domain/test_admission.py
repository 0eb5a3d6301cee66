"""How large an entry may be; what follows from it in a market is in `test_account`."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest

from tidewright.domain.admission import ADMITTED, admitted_quantity, refused_outright, sums_of
from tidewright.domain.costs import Bracket, Broker, Filters, Risk, Sizing
from tidewright.domain.filters import brackets_of
from tidewright.domain.ledger import Refusal
from tidewright.domain.position import POSITION, terms
from tidewright.domain.room import BOOK, ROOM, note_holder

HOUR = 3_600_000


def flat(**also):
    """A seat without a position, or with what is named."""
    seat = np.zeros(1, dtype=POSITION).view(np.recarray)[0]
    seat.leaving, seat.resume = -1, np.iinfo(np.int64).min
    for name, value in also.items():
        seat[name] = value
    return seat


class Account:
    """A thousand in cash, one symbol at 100, and what limits it."""

    def __init__(self, filters=None, broker=None, **risk):
        filters = Filters() if filters is None else filters
        broker = Broker(1_000.0) if broker is None else broker
        self.book = np.zeros(1, dtype=BOOK).view(np.recarray)[0]
        self.brackets, _ = brackets_of([filters], broker)
        self.book.brackets, self.book.bracket_count = self.brackets.ctypes.data, len(self.brackets)
        self.book.lot, self.book.lot_per = filters.lot.as_integer_ratio()
        self.book.min_notional = filters.min_notional
        self.terms = terms(broker, Risk(**risk))

    def admits(self, seat=None, side=1.0, stop=100.0, size=1.0, free=1_000.0, exposure=0.0, volume=inf):
        quantity, why = admitted_quantity(
            self.book,
            flat() if seat is None else seat,
            self.terms,
            side,
            100.0,
            stop,
            size,
            self.terms.commission,
            1_000.0,
            free,
            exposure,
            volume,
        )
        return quantity, "admitted" if why == ADMITTED else Refusal(why)


def test_without_limits_it_is_what_the_sizing_says():
    assert Account(sizing=Sizing(0.5)).admits() == (5, "admitted")
    assert Account(sizing=Sizing(0.5)).admits(size=1.5) == (7.5, "admitted")
    assert Account(sizing=Sizing(0.0, risk=0.01)).admits(stop=95.0) == (2, "admitted")
    assert Account(sizing=Sizing(0.0, risk=0.01)).admits(side=-1.0, stop=104.0) == (2.5, "admitted")


def test_it_is_no_more_than_the_free_cash_pays_for():
    assert Account().admits(free=250.0) == (2.5, "admitted")
    assert Account(broker=Broker(1_000.0, leverage=4.0)).admits(free=250.0) == (10, "admitted")
    assert Account().admits(free=0.0) == (10, Refusal.NO_CASH)
    assert Account().admits(free=1e-8) == (10, Refusal.NO_CASH)


@pytest.mark.parametrize(
    ("limits", "seat", "exposure", "quantity"),
    [
        ({"max_symbol_exposure": 0.3}, flat(), 0.0, 3),
        ({"max_symbol_exposure": 0.3}, flat(held=1.0, side=1.0), 100.0, 2),
        ({"max_total_exposure": 0.8}, flat(), 500.0, 3),
        ({"max_symbol_exposure": 0.3, "max_total_exposure": 0.8}, flat(), 600.0, 2),
    ],
)
def test_exposure_is_measured_on_equity_with_what_there_is_already(limits, seat, exposure, quantity):
    admitted, why = Account(**limits).admits(seat, exposure=exposure)

    assert (admitted, why) == (pytest.approx(quantity), "admitted")


def test_the_limit_that_leaves_nothing_is_the_reason():
    full = flat(held=3.0, side=1.0)

    assert Account(max_symbol_exposure=0.3).admits(full) == (10, Refusal.SYMBOL_EXPOSURE)
    assert Account(max_total_exposure=0.3).admits(exposure=400.0) == (10, Refusal.TOTAL_EXPOSURE)
    assert Account().admits(volume=0.0) == (10, Refusal.NO_VOLUME)


def test_a_bracket_caps_the_whole_position():
    filters = Filters(brackets=(Bracket(400.0, 10.0, 0.01), Bracket(900.0, 2.0, 0.02)))

    assert Account(filters, Broker(1_000.0, leverage=10.0)).admits() == (4, "admitted")
    assert Account(filters, Broker(1_000.0, leverage=2.0)).admits(flat(held=5.0, side=1.0)) == (4, "admitted")
    assert Account(filters, Broker(1_000.0, leverage=20.0)).admits()[1] == Refusal.LEVERAGE_BRACKET


def test_quantities_are_whole_lots_and_worth_the_least_notional():
    assert Account(Filters(lot=Fraction(3))).admits() == (9, "admitted")
    assert Account(Filters(lot=Fraction(11))).admits() == (10, Refusal.BELOW_LOT)
    assert Account(Filters(lot=Fraction(3), min_notional=900.0)).admits() == (9, "admitted")
    assert Account(Filters(lot=Fraction(3), min_notional=901.0)).admits() == (9, Refusal.BELOW_MIN_NOTIONAL)


def test_some_entries_are_refused_whatever_their_size():
    room = np.zeros(1, dtype=ROOM).view(np.recarray)[0]
    conditions = terms(Broker(1_000.0), Risk(max_entries=2, max_open_positions=2, cooldown=HOUR))
    held = {"held": 1.0, "side": 1.0, "entries": 1}

    def why(order=1.0, **seat):
        return refused_outright(room, flat(**seat), conditions, order)

    assert why() == ADMITTED
    assert why(**held) == ADMITTED
    assert why(**held | {"entries": 2}) == Refusal.MAX_ENTRIES
    assert why(-1.0, **held) == Refusal.OTHER_SIDE
    assert why(**held, leaving=0) == Refusal.LEAVING
    assert why(due=2 * HOUR, resume=2 * HOUR + 1) == Refusal.COOLDOWN
    assert why(due=2 * HOUR, resume=2 * HOUR) == ADMITTED
    room.open = 2
    assert why() == Refusal.MAX_OPEN_POSITIONS
    assert why(**held) == ADMITTED


def test_equity_free_cash_and_exposure_are_over_all_positions():
    """10 long at 100 on a half, now at 110; a symbol that is not held; 5 short at 40 on all of it, now at 30."""
    seats, holders = np.zeros(3, dtype=POSITION), np.zeros(4, dtype=np.int64)
    seats["side"], seats["held"] = [1.0, 0.0, -1.0], [10.0, 0.0, 5.0]
    seats["mark"], seats["bankrupt"] = [110.0, 7.0, 30.0], [50.0, 0.0, -80.0]
    room = np.zeros(1, dtype=ROOM).view(np.recarray)[0]
    room.symbols, room.seats, room.holders = 3, seats.ctypes.data, holders.ctypes.data
    for symbol in (2, 0):
        note_holder(room, symbol)
    cash = 2_000.0 - 10 * 100 + 5 * 40

    assert sums_of(room, cash) == (2_000 + 100 + 50, 2_000 - 500 - 200, 1_100 + 150)
