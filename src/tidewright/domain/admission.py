"""How much of an entry the account, its limits and the exchange let through."""

import numpy as np

from tidewright.domain.compiled import inlined
from tidewright.domain.fills import affordable_quantity
from tidewright.domain.filters import most_notional, rounded_down
from tidewright.domain.ledger import Refusal
from tidewright.domain.memory import whole
from tidewright.domain.position import Position, Terms, wanted_quantity
from tidewright.domain.room import Book, Room, seat_of

_NO_CASH, _LOT, _NOTIONAL = int(Refusal.NO_CASH), int(Refusal.BELOW_LOT), int(Refusal.BELOW_MIN_NOTIONAL)
_SYMBOL, _TOTAL = int(Refusal.SYMBOL_EXPOSURE), int(Refusal.TOTAL_EXPOSURE)
_BRACKET, _VOLUME = int(Refusal.LEVERAGE_BRACKET), int(Refusal.NO_VOLUME)
_MOST_OPEN, _MOST_ENTRIES = int(Refusal.MAX_OPEN_POSITIONS), int(Refusal.MAX_ENTRIES)
_COOLDOWN, _OTHER_SIDE = int(Refusal.COOLDOWN), int(Refusal.OTHER_SIDE)
_LEAVING = int(Refusal.LEAVING)

DUST = 1e-9
"""Share of equity that is not worth a position: what is left of cash or of a limit by rounding."""

ADMITTED = -1
"""The refusal that is none."""


@inlined
def refused_outright(room: Room, seat: Position, terms: Terms, side: float) -> int:
    """Why there is no entry whatever its size, or `ADMITTED`."""
    if seat.leaving >= 0:
        return _LEAVING
    if seat.held > 0.0:
        if side != seat.side:
            return _OTHER_SIDE
        return ADMITTED if seat.entries < terms.entries else _MOST_ENTRIES
    if seat.due < seat.resume:
        return _COOLDOWN
    return ADMITTED if room.open < terms.open_positions else _MOST_OPEN


@inlined
def sums_of(room: Room, cash: float) -> tuple[float, float, float]:
    """Equity at the last known prices, free cash, and the value of all positions whatever their side; summed in the order of the symbols.

    Free is what is not set aside as margin: a position's margin is gone at its bankrupt price, so what it is worth there is what it does not need.
    """
    equity = free = cash
    exposure = 0.0
    for k in range(room.open):
        seat = seat_of(room, whole(room.holders, k))
        equity += seat.side * seat.held * seat.mark
        free += seat.held * seat.bankrupt
        exposure += seat.held * seat.mark
    return equity, free, exposure


@inlined
def admitted_quantity(
    book: Book,
    seat: Position,
    terms: Terms,
    side: float,
    price: float,
    stop: float,
    size: float,
    commission: float,
    equity: float,
    free: float,
    exposure: float,
    volume: float,
) -> tuple[float, int]:
    """The quantity that may be bought or sold at `price` and `ADMITTED`, or what was left of it when it was refused, and why.

    `equity` is the account's when the entry was decided, `free` and `exposure` are those of now (`sums_of`), `volume` what the bar's volume has left for it, `size` a multiple of what the sizing says.
    """
    asked = size * wanted_quantity(terms, side, price, stop, equity)
    quantity = affordable_quantity(asked, free, price, commission, terms.margin)
    cut = _NO_CASH
    if terms.symbol_exposure < np.inf:
        left = terms.symbol_exposure * equity / price - seat.held
        if left < quantity:
            quantity, cut = left, _SYMBOL
    if terms.total_exposure < np.inf:
        left = (terms.total_exposure * equity - exposure) / price
        if left < quantity:
            quantity, cut = left, _TOTAL
    left = most_notional(book.brackets, book.bracket_count, terms.leverage) / price - seat.held
    if left < quantity:
        quantity, cut = left, _BRACKET
    if volume < quantity:
        quantity, cut = volume, _VOLUME
    if not quantity * price > DUST * equity:
        return asked, cut
    lots = rounded_down(quantity, book.lot, book.lot_per)
    if not lots > 0.0:
        return quantity, _LOT
    if lots * price < book.min_notional:
        return lots, _NOTIONAL
    return lots, ADMITTED
