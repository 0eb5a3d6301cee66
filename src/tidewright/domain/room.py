"""What the loop of an account works with: records that stand where their addresses say (`tidewright.domain.memory`)."""

from typing import Any, TypeAlias

import numpy as np

from tidewright.domain.compiled import inlined
from tidewright.domain.memory import record, whole, write_whole
from tidewright.domain.orders import ORDER
from tidewright.domain.position import POSITION, Position

BOOK = np.dtype(
    [
        ("length", np.int64),  # how many bars there are; then the addresses of their columns
        ("time", np.int64),
        ("open", np.int64),
        ("high", np.int64),
        ("low", np.int64),
        ("close", np.int64),
        ("volume", np.int64),
        ("intent", np.int64),  # a signal strategy's wishes (`tidewright.domain.intents`); 0 for a step strategy
        ("watch", np.int64),  # a step strategy's function (`tidewright.domain.watching`), and what it is given
        ("block", np.int64),
        ("rates", np.int64),  # funding due at each bar's close, 0 if none, and where what was paid is written
        ("paid", np.int64),
        ("rank", np.int64),  # priority of the entry decided at each bar, 0 if all have the same
        ("delisted", np.int64),  # 1 where the symbol ends before the others do
        ("brackets", np.int64),
        ("bracket_count", np.int64),
        ("tick", np.float64),  # numerator and denominator
        ("tick_per", np.float64),
        ("lot", np.float64),
        ("lot_per", np.float64),
        ("min_notional", np.float64),
    ]
)
"""One symbol: its bars, what decides its orders, and what the exchange asks of them."""

FILL = np.dtype(
    [
        ("symbol", np.int64),
        ("bar", np.int64),
        ("time", np.int64),
        ("side", np.int64),
        ("reason", np.int64),
        ("position", np.int64),
        ("price", np.float64),
        ("quantity", np.float64),
        ("fee", np.float64),
        ("held", np.float64),
    ]
)
"""A row of `tidewright.domain.ledger.Fills`."""

REFUSAL = np.dtype(
    [
        ("symbol", np.int64),
        ("bar", np.int64),
        ("time", np.int64),
        ("side", np.int64),
        ("reason", np.int64),
        ("price", np.float64),
        ("quantity", np.float64),
    ]
)
"""A row of `tidewright.domain.ledger.Refusals`."""

ROOM = np.dtype(
    [
        (name, np.int64)
        for name in (
            "symbols",
            "books",  # addresses: of a BOOK, a POSITION and an ORDER for each symbol
            "seats",
            "orders",
            "queue",  # of the symbols whose entries are tried, in order
            "due",  # of the time of each symbol's next event
            "turn",  # of the symbols whose next event it is
            "holders",  # of the symbols that have a position, in their order
            "times",
            "grid",  # of the times, and of the cash at the end of each
            "cash",
            "fills",  # of a FILL each, and how many are written
            "filled",
            "refusals",
            "refused",
            "opened",  # how many positions were opened, and how many are open
            "open",
        )
    ]
)
"""The account."""

Room: TypeAlias = Any
Book: TypeAlias = Any
Order: TypeAlias = Any


@inlined
def book_of(room: Room, symbol: int) -> Book:
    """The record of `BOOK` of a symbol."""
    return record(room.books, symbol, BOOK)


@inlined
def seat_of(room: Room, symbol: int) -> Position:
    """The record of `POSITION` of a symbol."""
    return record(room.seats, symbol, POSITION)


@inlined
def order_of(room: Room, symbol: int) -> Order:
    """The record of `ORDER` of a symbol."""
    return record(room.orders, symbol, ORDER)


@inlined
def write_fill(
    room: Room, symbol: int, seat: Position, side: float, reason: int, price: float, quantity: float, fee: float
) -> None:
    """Write down a fill in the seat's bar, after which the seat holds what it holds now."""
    fill = record(room.fills, room.filled, FILL)
    fill.symbol = symbol
    fill.bar = seat.at
    fill.time = seat.due
    fill.side = int(side)
    fill.reason = reason
    fill.position = seat.number
    fill.price = price
    fill.quantity = quantity
    fill.fee = fee
    fill.held = seat.side * seat.held
    room.filled += 1
    seat.used += quantity


@inlined
def write_refusal(
    room: Room, symbol: int, seat: Position, side: float, reason: int, price: float, quantity: float
) -> None:
    """Write down an order of the seat's bar that is not filled."""
    refusal = record(room.refusals, room.refused, REFUSAL)
    refusal.symbol = symbol
    refusal.bar = seat.at
    refusal.time = seat.due
    refusal.side = int(side)
    refusal.reason = reason
    refusal.price = price
    refusal.quantity = quantity
    room.refused += 1


@inlined
def note_holder(room: Room, symbol: int) -> None:
    """Put a symbol that has a position now where it belongs among those that have one."""
    at = room.open
    while at > 0 and whole(room.holders, at - 1) > symbol:
        write_whole(room.holders, at, whole(room.holders, at - 1))
        at -= 1
    write_whole(room.holders, at, symbol)
    room.open += 1


@inlined
def drop_holder(room: Room, symbol: int) -> None:
    """Take out a symbol that has no position any more."""
    at = 0
    while whole(room.holders, at) != symbol:
        at += 1
    room.open -= 1
    for k in range(at, room.open):
        write_whole(room.holders, k, whole(room.holders, k + 1))
