"""The loop of an account with any symbols and any orders: the order of events of `tidewright.domain.kernel`, for all symbols of a time at once.

At one time, first every exit that was asked for at the last close fills at the open; then every entry at the open, in order of priority, sized on what the account was worth
at the last close; then entries that wait for a price within the bar; then stops and targets, so that no entry is paid for with cash that an exit of the same bar may
have brought too late; then, at the close, funding.

Between two events a symbol's position stays as it is, whatever the others do. So each symbol looks ahead by itself for its next bar in which anything can
happen, and the loop goes from event to event, the earliest time first.
"""

import numpy as np

from tidewright.domain.admission import ADMITTED, admitted_quantity, refused_outright, sums_of
from tidewright.domain.compiled import compiled, inlined
from tidewright.domain.fills import slipped
from tidewright.domain.filters import bracket_of, rounded_down, signed_down, signed_up
from tidewright.domain.funding import pay_funding
from tidewright.domain.intents import ENTER, ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from tidewright.domain.ledger import Reason
from tidewright.domain.memory import call, code, fetch, real, record, whole, write_real, write_whole
from tidewright.domain.position import (
    NEVER,
    Position,
    Terms,
    climb_ladder,
    protect,
    protected_exit,
    quiet_range,
    set_ruin,
    signalled_exit,
    trail,
)
from tidewright.domain.room import Book, Order, Room, book_of, order_of, seat_of, write_fill, write_refusal
from tidewright.domain.watching import BLOCK, show

_SIGNAL, _STOP_LOSS, _TAKE_PROFIT = int(Reason.SIGNAL), int(Reason.STOP_LOSS), int(Reason.TAKE_PROFIT)
_ROI, _LIQUIDATION, _DELISTED = int(Reason.ROI), int(Reason.LIQUIDATION), int(Reason.DELISTED)

_WAITING, _AT_OPEN, _TRIGGERED, _LIMITED = range(4)
"""How far an entry has come in a bar: not tried, or tried and filled at the open, by its trigger or at its limit."""


@compiled
def trade_symbols(rooms: np.ndarray, all_terms: np.ndarray, cash: float) -> tuple[float, int]:
    """Trade all symbols to the end; returns the cash then, and the symbol whose strategy failed, or -1."""
    room, terms = rooms[0], all_terms[0]
    m, slot = room.symbols, 0
    for j in range(m):
        if not _move_on(room, terms, j, 0):
            return cash, j
    while True:
        now = NEVER
        for j in range(m):
            now = min(now, whole(room.due, j))
        while slot < room.times and whole(room.grid, slot) < now:
            write_real(room.cash, slot, cash)
            slot += 1
        if now == NEVER:
            return cash, -1
        waiting = 0
        for j in range(m):
            if whole(room.due, j) == now:
                cash += _at_the_open(room, terms, j)
                if _wants_in(room, terms, j):
                    _queue_up(room, j, waiting)
                    waiting += 1
        if waiting > 0:
            _look_around(room, now)
            equity, free, exposure = sums_of(room, cash)
            for within in range(2):
                for k in range(waiting):
                    spent = _try_entry(room, terms, whole(room.queue, k), within, equity, free, exposure)
                    if spent != 0.0:
                        cash -= spent
                        _, free, exposure = sums_of(room, cash)
        for j in range(m):
            if whole(room.due, j) == now:
                cash += _within_the_bar(room, terms, j)
                if not _move_on(room, terms, j, seat_of(room, j).at):
                    return cash, j


@inlined
def _at_the_open(room: Room, terms: Terms, symbol: int) -> float:
    """What was asked for at the last close: the exit, if there is one, or new levels for the position; returns what that adds to the cash."""
    book, seat, order = book_of(room, symbol), seat_of(room, symbol), order_of(room, symbol)
    i = seat.at
    seat.mark = real(book.close, i - 1)
    seat.seen = i
    seat.used = 0.0
    seat.came = _WAITING
    if book.watch == 0:
        intent = code(book.intent, i - 1)
        order.leave = 1.0 if intent & (EXIT_LONG if seat.side > 0.0 else EXIT_SHORT) != 0 else 0.0
        order.side = 1.0 if intent & ENTER_LONG != 0 else -1.0 if intent & ENTER_SHORT != 0 else 0.0
    if seat.held == 0.0:
        return 0.0
    if order.leave != 0.0 or seat.leaving >= 0:
        price, reason = signalled_exit(seat, terms, real(book.open, i), real(book.high, i), real(book.low, i))
        if reason == _SIGNAL and seat.leaving >= 0:
            reason = seat.leaving
        volume = terms.volume_share * real(book.volume, i)
        return _leave(room, book, seat, terms, symbol, price, reason, volume)
    if book.watch != 0 and order.side == 0.0:
        _set_levels(seat, order)
        _round_levels(seat, book)
    return 0.0


@inlined
def _wants_in(room: Room, terms: Terms, symbol: int) -> bool:
    """Whether there is an entry to be tried. An entry signal of a position that is full, or of the other side, is none."""
    seat, side = seat_of(room, symbol), order_of(room, symbol).side
    if side == 0.0 or seat.leaving >= 0:
        return False
    if book_of(room, symbol).watch == 0 and seat.held > 0.0:
        full: bool = side != seat.side or seat.entries >= terms.entries
        return not full
    return True


@inlined
def _queue_up(room: Room, symbol: int, waiting: int) -> None:
    """Put the symbol where its rank belongs among those that wait already."""
    rank = _rank(room, symbol)
    at = waiting
    while at > 0:
        other = whole(room.queue, at - 1)
        theirs = _rank(room, other)
        if not (rank > theirs or (theirs != theirs and rank == rank)):
            break
        write_whole(room.queue, at, other)
        at -= 1
    write_whole(room.queue, at, symbol)


@inlined
def _rank(room: Room, symbol: int) -> float:
    book = book_of(room, symbol)
    if book.rank == 0:
        return 0.0
    return real(book.rank, seat_of(room, symbol).at - 1)


@inlined
def _look_around(room: Room, now: int) -> None:
    """The last known prices of the positions whose symbols have no event now."""
    for j in range(room.symbols):
        seat = seat_of(room, j)
        if seat.held > 0.0 and seat.due != now:
            book = book_of(room, j)
            seen = seat.seen
            while seen + 1 < book.length and whole(book.time, seen + 1) < now:
                seen += 1
            seat.seen = seen
            seat.mark = real(book.close, seen)


@inlined
def _try_entry(room: Room, terms: Terms, symbol: int, within: int, equity: float, free: float, exposure: float) -> float:
    """Fill the entry that waits, if its price is there; returns what that takes from the cash."""
    book, seat, order = book_of(room, symbol), seat_of(room, symbol), order_of(room, symbol)
    if seat.came != _WAITING:
        return 0.0
    i = seat.at
    came, price = _entry_price(order, real(book.open, i), real(book.high, i), real(book.low, i), terms.slippage, within)
    if came == _WAITING:
        return 0.0
    seat.came = _AT_OPEN
    price = order.side * signed_up(order.side, order.side * price, book.tick, book.tick_per)
    why = refused_outright(room, seat, terms, order.side)
    if why != ADMITTED:
        write_refusal(room, symbol, seat, order.side, why, price, 0.0)
        return 0.0
    volume = terms.volume_share * real(book.volume, i) - seat.used
    stop = order.stop if order.stop == order.stop else price * (1.0 - order.side * terms.stop_loss)
    quantity, why = admitted_quantity(
        book, seat, terms, order.side, price, stop, order.size, equity, free, exposure, volume
    )
    if why != ADMITTED:
        write_refusal(room, symbol, seat, order.side, why, price, quantity)
        return 0.0
    seat.came = came
    return _enter(room, book, seat, order, terms, symbol, price, quantity)


@inlined
def _entry_price(
    order: Order, open_: float, high: float, low: float, slippage: float, within: int
) -> tuple[int, float]:
    """How an entry comes about at the open or, with `within`, in the course of the bar, and at which price."""
    side = order.side
    if order.limit == order.limit:
        if within == 0:
            return (_AT_OPEN, open_) if side * open_ <= side * order.limit else (_WAITING, 0.0)
        best = low if side > 0.0 else -high
        return (_LIMITED, order.limit) if best <= side * order.limit else (_WAITING, 0.0)
    if order.trigger == order.trigger:
        if within == 0:
            passed = side * open_ >= side * order.trigger
            return (_AT_OPEN, slipped(side, open_, high, low, slippage)) if passed else (_WAITING, 0.0)
        best = high if side > 0.0 else -low
        passed = best >= side * order.trigger
        return (_TRIGGERED, slipped(side, order.trigger, high, low, slippage)) if passed else (_WAITING, 0.0)
    return (_AT_OPEN, slipped(side, open_, high, low, slippage)) if within == 0 else (_WAITING, 0.0)


@inlined
def _enter(
    room: Room, book: Book, seat: Position, order: Order, terms: Terms, symbol: int, price: float, quantity: float
) -> float:
    """Open the position or add to it; returns what that takes from the cash."""
    side = order.side
    value = quantity * price
    fee = value * (terms.maker_commission if order.limit == order.limit else terms.commission)
    bankrupt = side * (price * (1.0 - side * terms.margin))
    if seat.held == 0.0:
        seat.side = side
        seat.held = quantity
        seat.entry = price
        seat.number = room.opened
        seat.entries = 1
        seat.cost = value
        seat.net = -side * value - fee
        seat.since = seat.at
        seat.allowance = 0.0
        room.opened += 1
        room.open += 1
        protect(seat, terms, seat.due)
    else:
        held = seat.held + quantity
        seat.entry = (seat.held * seat.entry + value) / held
        bankrupt = (seat.held * seat.bankrupt + quantity * bankrupt) / held
        seat.held = held
        seat.entries += 1
        seat.cost += value
        seat.net -= side * value + fee
        _follow_average(seat, terms)
    bracket = bracket_of(book.brackets, book.bracket_count, seat.held * price)
    seat.maintenance = bracket.maintenance
    seat.allowance = bracket.allowance
    set_ruin(seat, bankrupt)
    _set_levels(seat, order)
    _round_levels(seat, book)
    seat.mark = price
    write_fill(room, symbol, seat, side, _SIGNAL, price, quantity, fee)
    spent: float = side * value + fee
    return spent


@inlined
def _leave(
    room: Room, book: Book, seat: Position, terms: Terms, symbol: int, price: float, reason: int, volume: float
) -> float:
    """Close the position at `price`, or as much of it as the volume lets through; returns what that adds to the cash."""
    side, quantity, fee = seat.side, seat.held, 0.0
    if reason != _LIQUIDATION:
        price = side * signed_down(side, side * price, book.tick, book.tick_per)
        if volume < quantity:
            quantity = rounded_down(volume, book.lot, book.lot_per) if volume > 0.0 else 0.0
            seat.leaving = reason
            if not quantity > 0.0:
                return 0.0
        fee = quantity * price * (terms.maker_commission if reason in (_TAKE_PROFIT, _ROI) else terms.commission)
    value = quantity * price
    all_of_it = quantity == seat.held
    seat.held = 0.0 if all_of_it else seat.held - quantity
    seat.net += side * value - fee
    write_fill(room, symbol, seat, -side, reason, price, quantity, fee)
    if all_of_it:
        seat.last_return = seat.net / seat.cost
        seat.last_bar = seat.at
        seat.closed += 1
        seat.side = 0.0
        seat.leaving = -1
        seat.resume = seat.due + terms.cooldown if terms.cooldown > 0 else seat.due
        room.open -= 1
    gained: float = side * value - fee
    return gained


@inlined
def _within_the_bar(room: Room, terms: Terms, symbol: int) -> float:
    """Stops and targets within the bar and funding at its close; returns what they add to the cash."""
    book, seat = book_of(room, symbol), seat_of(room, symbol)
    if seat.held == 0.0:
        return 0.0
    i = seat.at
    open_, high, low, close = real(book.open, i), real(book.high, i), real(book.low, i), real(book.close, i)
    if seat.came >= _TRIGGERED and seat.entries == 1:
        open_ = seat.entry
        if seat.came == _LIMITED:
            # The best price may have come before the entry; the close came after it.
            high = max(open_, close) if seat.side > 0.0 else high
            low = min(open_, close) if seat.side < 0.0 else low
    if seat.due >= seat.step_due:
        climb_ladder(seat, terms, seat.due)
        _round_levels(seat, book)
    volume = terms.volume_share * real(book.volume, i) - seat.used
    worst, best = (low, high) if seat.side > 0.0 else (-high, -low)
    gained = 0.0
    if seat.leaving >= 0:
        if worst <= seat.ruin:
            gained = _leave(room, book, seat, terms, symbol, seat.side * seat.bankrupt, _LIQUIDATION, volume)
    elif worst <= seat.stop or worst <= seat.ruin or best >= seat.target:
        price, reason = protected_exit(seat, terms, open_, high, low)
        gained = _leave(room, book, seat, terms, symbol, price, reason, volume)
    elif best > seat.peak:
        seat.peak = best
        trail(seat, terms)
        _round_levels(seat, book)
    if book.rates != 0 and seat.held > 0.0 and real(book.rates, i) != 0.0:
        due = pay_funding(seat, close, real(book.rates, i))
        write_real(book.paid, i, due)
        seat.net -= due
        gained -= due
    if i == book.length - 1 and book.delisted != 0 and seat.held > 0.0:
        price, reason = signalled_exit(seat, terms, close, real(book.high, i), real(book.low, i))
        reason = _DELISTED if reason == _SIGNAL else reason
        gained += _leave(room, book, seat, terms, symbol, price, reason, np.inf)
    return gained


@inlined
def _round_levels(seat: Position, book: Book) -> None:
    """Stop and targets on the exchange's ticks."""
    if book.tick > 0.0:
        seat.stop = signed_down(seat.side, seat.stop, book.tick, book.tick_per)
        seat.goal = signed_up(seat.side, seat.goal, book.tick, book.tick_per)
        seat.target = signed_up(seat.side, seat.target, book.tick, book.tick_per)


@inlined
def _set_levels(seat: Position, order: Order) -> None:
    """Take over the stop and the target that an order names."""
    if order.stop == order.stop:
        seat.stop = seat.side * order.stop
        seat.stop_reason = _STOP_LOSS
    if order.target == order.target:
        seat.goal = seat.side * order.target
        seat.target = seat.goal
        seat.target_reason = _TAKE_PROFIT


@inlined
def _follow_average(seat: Position, terms: Terms) -> None:
    """Move what is measured from the entry price after it has changed; the trailing stop keeps its peak, the ladder its age."""
    side, entry = seat.side, seat.entry
    if terms.stop_loss > 0.0:
        seat.stop = side * (entry * (1.0 - side * terms.stop_loss))
        seat.stop_reason = _STOP_LOSS
    if terms.take_profit > 0.0:
        seat.goal = side * (entry * (1.0 + side * terms.take_profit))
        seat.target = seat.goal
        seat.target_reason = _TAKE_PROFIT
    if terms.rungs > 0 and seat.step > 0:
        seat.step -= 1
        seat.step_due = seat.entered + terms.roi_after[seat.step]
    if terms.trail_distance > 0.0:
        trail(seat, terms)


@inlined
def _move_on(room: Room, terms: Terms, symbol: int, bar: int) -> bool:
    """On to the symbol's next event after `bar`; false where its strategy failed, with the bar, negative less one, as the next."""
    book, seat = book_of(room, symbol), seat_of(room, symbol)
    if book.length == 0:
        write_whole(room.due, symbol, NEVER)
        return True
    if book.watch == 0:
        event = _next_signal(book, seat, terms, bar)
    else:
        block = record(book.block, 0, BLOCK)
        block.first = bar
        show(seat, block)
        event = call(book.watch, book.block)
        if event <= bar:
            seat.at = event if event < 0 else -1 - bar
            return False
    seat.at = event
    # Other symbols come first: until then the memory has time to find the bar, and those that are looked through after it.
    fetch(book.open, event)
    fetch(book.close, event)
    fetch(book.volume, event)
    for ahead in range(0, 32, 8):
        fetch(book.time, event + ahead)
        fetch(book.high, event + ahead)
        fetch(book.low, event + ahead)
    seat.due = whole(book.time, event) if event < book.length else NEVER
    write_whole(room.due, symbol, seat.due)
    return True


@inlined
def _next_signal(book: Book, seat: Position, terms: Terms, bar: int) -> int:
    """The first bar after `bar` in which a signal, the range or funding can change anything; the number of bars if there is none."""
    n: int = book.length
    intent = book.intent
    if seat.held == 0.0:
        for i in range(bar + 1, n):
            if code(intent, i - 1) & ENTER != 0:
                return i
        return n
    if seat.leaving >= 0:
        return bar + 1
    awaited = EXIT_LONG if seat.side > 0.0 else EXIT_SHORT
    if seat.entries < terms.entries:
        awaited |= ENTER_LONG if seat.side > 0.0 else ENTER_SHORT
    floor, ceiling = quiet_range(seat)
    high, low, time, rates, due = book.high, book.low, book.time, book.rates, seat.step_due
    for i in range(bar + 1, n):
        if code(intent, i - 1) & awaited != 0:
            return i
        if not (real(low, i) > floor and real(high, i) < ceiling and whole(time, i) < due):
            return i
        if rates != 0 and real(rates, i) != 0.0:
            return i
    return n
