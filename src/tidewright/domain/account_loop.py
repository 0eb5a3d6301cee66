"""The loop of an account with any symbols and any orders: the order of events of `tidewright.domain.kernel`, for all symbols of a time at once.

At one time, first every exit that was asked for at the last close fills at the open; then every entry at the open, in order of priority, sized on what the account was worth
at the last close; then entries that wait for a price within the bar; then stops and targets, so that no entry is paid for with cash that an exit of the same bar may
have brought too late; then, at the close, funding.

Within a bar only the first and the last price have their place, so of two orders of events the worse is taken. A position is not added to where its stop or its target lies on the way to
the addition, nor where a limit and the target lie on both sides of the open. After an entry within the bar its worst price still counts, and so does its best after a trigger; after
a limit the best may have gone before, and the close alone counts.

Between two events a symbol's position stays as it is, whatever the others do. So each symbol looks ahead by itself for its next bar in which anything can
happen, and the loop goes from event to event, the earliest time first.
"""

import numpy as np

from tidewright.domain.admission import ADMITTED, admitted_quantity, refused_outright, sums_of
from tidewright.domain.compiled import compiled, inlined
from tidewright.domain.fills import slipped
from tidewright.domain.filters import bracket_at_ruin, on_lot, rounded_down, signed_down, signed_up
from tidewright.domain.funding import pay_funding
from tidewright.domain.intents import ENTER, ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from tidewright.domain.ledger import Reason, Refusal
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
from tidewright.domain.room import (
    Book,
    Order,
    Room,
    book_of,
    drop_holder,
    note_holder,
    order_of,
    seat_of,
    write_fill,
    write_refusal,
)
from tidewright.domain.watching import BLOCK, show

_SIGNAL, _STOP_LOSS, _TAKE_PROFIT = int(Reason.SIGNAL), int(Reason.STOP_LOSS), int(Reason.TAKE_PROFIT)
_ROI, _LIQUIDATION, _DELISTED = int(Reason.ROI), int(Reason.LIQUIDATION), int(Reason.DELISTED)
_LEAVING, _NO_STOP = int(Refusal.LEAVING), int(Refusal.NO_STOP)

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
        now, turns = _next_turn(room)
        slot = _write_cash(room, slot, now, cash)
        if now == NEVER:
            return cash, -1
        waiting = 0
        for k in range(turns):
            j = whole(room.turn, k)
            cash += _at_the_open(room, terms, j)
            if _wants_in(room, terms, j):
                _queue_up(room, j, waiting)
                waiting += 1
        if waiting > 0:
            _look_around(room, now)
            cash = _try_entries(room, terms, waiting, cash)
        for k in range(turns):
            j = whole(room.turn, k)
            cash += _within_the_bar(room, terms, j)
            if not _move_on(room, terms, j, seat_of(room, j).at):
                return cash, j


@inlined
def _next_turn(room: Room) -> tuple[int, int]:
    """The time of the next event of any symbol, `NEVER` if there is none, and how many symbols have one then; they are written to `turn` in their order."""
    now, turns = NEVER, 0
    for j in range(room.symbols):
        now = min(now, whole(room.due, j))
    for j in range(room.symbols):
        # Written whether or not it is its turn: which symbol is next cannot be foretold, and a wrong guess costs the processor more than a write.
        write_whole(room.turn, turns, j)
        turns += int(whole(room.due, j) == now)
    return now, turns


@inlined
def _write_cash(room: Room, slot: int, now: int, cash: float) -> int:
    """Write the cash down for the times before `now` from `slot` on, in which nothing happened; returns the slot of `now`."""
    while slot < room.times and whole(room.grid, slot) < now:
        write_real(room.cash, slot, cash)
        slot += 1
    return slot


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
        return _leave(room, book, seat, terms, symbol, price, reason, terms.commission, _volume(book, seat, terms))
    if book.watch != 0 and order.side == 0.0:
        _set_levels(seat, terms, order)
        _round_levels(seat, book)
    return 0.0


@inlined
def _volume(book: Book, seat: Position, terms: Terms) -> float:
    """What the account may still take of the volume of the seat's bar."""
    if terms.volume_share == np.inf:
        return np.inf
    left: float = terms.volume_share * real(book.volume, seat.at) - seat.used
    return left


@inlined
def _wants_in(room: Room, terms: Terms, symbol: int) -> bool:
    """Whether there is an entry to be tried. An entry signal of a position that is full, or of the other side without an exit, is none."""
    seat, order = seat_of(room, symbol), order_of(room, symbol)
    side = order.side
    if side == 0.0:
        return False
    if book_of(room, symbol).watch == 0 and seat.held > 0.0 and order.leave == 0.0:
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
        if not (rank > theirs or (np.isnan(theirs) and not np.isnan(rank))):
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
    for k in range(room.open):
        j = whole(room.holders, k)
        seat = seat_of(room, j)
        if seat.due != now:
            book = book_of(room, j)
            seen = seat.seen
            while seen + 1 < book.length and whole(book.time, seen + 1) < now:
                seen += 1
            seat.seen = seen
            seat.mark = real(book.close, seen)


@inlined
def _try_entries(room: Room, terms: Terms, waiting: int, cash: float) -> float:
    """Try the entries in the queue, all of them at the open and then in the course of the bar; returns the cash after them."""
    equity, free, exposure = sums_of(room, cash)
    for within in range(2):
        for k in range(waiting):
            spent = _try_entry(room, terms, whole(room.queue, k), within, equity, free, exposure)
            if spent != 0.0:
                cash -= spent
                _, free, exposure = sums_of(room, cash)
    return cash


@inlined
def _try_entry(
    room: Room, terms: Terms, symbol: int, within: int, equity: float, free: float, exposure: float
) -> float:
    """Fill the entry that waits, if its price is there; returns what that takes from the cash."""
    book, seat, order = book_of(room, symbol), seat_of(room, symbol), order_of(room, symbol)
    if seat.came != _WAITING:
        return 0.0
    side = order.side
    came, reached, price = _entry_price(book, seat, terms, order, within)
    if came == _WAITING:
        return 0.0
    seat.came = _AT_OPEN
    price = side * signed_up(side, price, book.tick, book.tick_per)
    why = refused_outright(room, seat, terms, side)
    if why == ADMITTED and seat.held > 0.0 and _leaves_before(book, seat, terms, came, reached):
        why = _LEAVING
    stop = order.stop if order.stop == order.stop else price * (1.0 - side * terms.stop_loss)
    if why == ADMITTED and terms.risk > 0.0 and side * stop >= side * price:
        why = _NO_STOP
    if why != ADMITTED:
        write_refusal(room, symbol, seat, side, why, price, 0.0)
        return 0.0
    rate = terms.maker_commission if came == _LIMITED else terms.commission
    quantity, why = admitted_quantity(
        book, seat, terms, side, price, stop, order.multiple, rate, equity, free, exposure, _volume(book, seat, terms)
    )
    if why != ADMITTED:
        write_refusal(room, symbol, seat, side, why, price, quantity)
        return 0.0
    seat.came = came
    return _enter(room, book, seat, order, terms, symbol, price, quantity, rate)


@inlined
def _entry_price(book: Book, seat: Position, terms: Terms, order: Order, within: int) -> tuple[int, float, float]:
    """How an entry comes about at the open or, with `within`, in the course of the bar; the signed price at which it does, and the signed price that it fills at."""
    side, i = order.side, seat.at
    open_, high, low = real(book.open, i), real(book.high, i), real(book.low, i)
    first, lowest, highest = side * open_, (low if side > 0.0 else -high), (high if side > 0.0 else -low)
    if order.limit == order.limit:
        limit = signed_down(side, side * order.limit, book.tick, book.tick_per)
        if within == 0:
            market = side * slipped(side, open_, high, low, terms.slippage)
            return (_AT_OPEN, first, min(market, limit)) if first <= limit else (_WAITING, 0.0, 0.0)
        return (_LIMITED, limit, limit) if lowest <= limit else (_WAITING, 0.0, 0.0)
    if order.trigger == order.trigger:
        trigger = signed_up(side, side * order.trigger, book.tick, book.tick_per)
        if (first if within == 0 else highest) < trigger:
            return _WAITING, 0.0, 0.0
        reached = first if within == 0 else trigger
        came = _AT_OPEN if within == 0 else _TRIGGERED
        return came, reached, side * slipped(side, side * reached, high, low, terms.slippage)
    if within == 0:
        return _AT_OPEN, first, side * slipped(side, open_, high, low, terms.slippage)
    return _WAITING, 0.0, 0.0


@inlined
def _leaves_before(book: Book, seat: Position, terms: Terms, came: int, reached: float) -> bool:
    """Whether the position's stop or target comes before the signed price `reached` at which it would be added to, or may and would be the worse."""
    if seat.due >= seat.step_due:
        climb_ladder(seat, terms, seat.due)
        _round_levels(seat, book)
    if reached <= seat.stop or reached <= seat.ruin or reached >= seat.target:
        return True
    best = real(book.high, seat.at) if seat.side > 0.0 else -real(book.low, seat.at)
    passed: bool = came == _LIMITED and best >= seat.target
    return passed


@inlined
def _enter(
    room: Room,
    book: Book,
    seat: Position,
    order: Order,
    terms: Terms,
    symbol: int,
    price: float,
    quantity: float,
    rate: float,
) -> float:
    """Open the position or add to it, at the commission `rate`; returns what that takes from the cash."""
    side = order.side
    value = quantity * price
    fee = value * rate
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
        seat.own_stop = 0
        seat.own_target = 0
        room.opened += 1
        note_holder(room, symbol)
        protect(seat, terms, seat.due)
    else:
        held = on_lot(seat.held + quantity, book.lot, book.lot_per)
        seat.entry = (seat.held * seat.entry + value) / held
        bankrupt = (seat.held * seat.bankrupt + quantity * bankrupt) / held
        seat.held = held
        seat.entries += 1
        seat.cost += value
        seat.net -= side * value + fee
        _follow_average(seat, terms)
    _set_ruin(book, seat, bankrupt)
    _set_levels(seat, terms, order)
    _round_levels(seat, book)
    seat.mark = price
    write_fill(room, symbol, seat, side, _SIGNAL, price, quantity, fee)
    spent: float = side * value + fee
    return spent


@inlined
def _set_ruin(book: Book, seat: Position, bankrupt: float) -> None:
    """Where the position is taken over whose margin is gone at the signed price `bankrupt`."""
    bracket = bracket_at_ruin(book.brackets, book.bracket_count, seat.side, seat.held, bankrupt)
    seat.maintenance = bracket.maintenance
    seat.allowance = bracket.allowance
    set_ruin(seat, bankrupt)


@inlined
def _leave(
    room: Room,
    book: Book,
    seat: Position,
    terms: Terms,
    symbol: int,
    price: float,
    reason: int,
    rate: float,
    volume: float,
) -> float:
    """Close the position at `price` and the commission `rate`, or as much of it as the volume lets through; returns what that adds to the cash."""
    side, quantity, fee = seat.side, seat.held, 0.0
    if reason != _LIQUIDATION:
        price = side * signed_down(side, side * price, book.tick, book.tick_per)
        if side * price - price * rate <= seat.bankrupt:
            # Up to its tick, or as a market order, it costs more than is left of the margin.
            price, reason = side * seat.bankrupt, _LIQUIDATION
    if reason != _LIQUIDATION:
        if volume < quantity:
            quantity = rounded_down(volume, book.lot, book.lot_per) if volume > 0.0 else 0.0
            seat.leaving = reason
            if not quantity > 0.0:
                return 0.0
        fee = quantity * price * rate
    value = quantity * price
    all_of_it = quantity == seat.held
    seat.held = 0.0 if all_of_it else on_lot(seat.held - quantity, book.lot, book.lot_per)
    seat.net += side * value - fee
    if all_of_it:
        seat.side = 0.0
    else:
        _set_ruin(book, seat, seat.bankrupt)
    write_fill(room, symbol, seat, -side, reason, price, quantity, fee)
    if all_of_it:
        seat.last_return = seat.net / seat.cost
        seat.last_bar = seat.at
        seat.closed += 1
        seat.leaving = -1
        seat.resume = seat.due + terms.cooldown
        drop_holder(room, symbol)
    gained: float = side * value - fee
    return gained


@inlined
def _within_the_bar(room: Room, terms: Terms, symbol: int) -> float:
    """Stops and targets within the bar, funding at its close, and the end of a delisted symbol; returns what they add to the cash."""
    book, seat = book_of(room, symbol), seat_of(room, symbol)
    if seat.held == 0.0:
        return 0.0
    i, gained = seat.at, _by_price(room, book, seat, terms, symbol)
    high, low, close = real(book.high, i), real(book.low, i), real(book.close, i)
    if book.rates != 0 and seat.held > 0.0 and real(book.rates, i) != 0.0:
        due = pay_funding(seat, close, real(book.rates, i))
        write_real(book.paid, i, due)
        if book.bracket_count > 1:
            _set_ruin(book, seat, seat.bankrupt)
        seat.net -= due
        gained -= due
    if i == book.length - 1 and book.delisted != 0 and seat.held > 0.0:
        price, reason = signalled_exit(seat, terms, close, high, low)
        reason = _DELISTED if reason == _SIGNAL else reason
        gained += _leave(room, book, seat, terms, symbol, price, reason, terms.commission, np.inf)
    return gained


@inlined
def _by_price(room: Room, book: Book, seat: Position, terms: Terms, symbol: int) -> float:
    """What the bar's prices do to the position: its stop, its target, its ruin, or a new peak; returns what that adds to the cash."""
    i = seat.at
    open_, high, low, close = real(book.open, i), real(book.high, i), real(book.low, i), real(book.close, i)
    worst, best = (low, high) if seat.side > 0.0 else (-high, -low)
    reached = best
    if seat.came >= _TRIGGERED:
        open_ = seat.mark
        reached = max(seat.side * open_, best if seat.came == _TRIGGERED else seat.side * close)
    peak = reached if seat.since == i else best
    if seat.due >= seat.step_due:
        climb_ladder(seat, terms, seat.due)
        _round_levels(seat, book)
    if seat.leaving >= 0:
        if worst > seat.ruin:
            return 0.0
        return _leave(room, book, seat, terms, symbol, seat.side * seat.bankrupt, _LIQUIDATION, 0.0, np.inf)
    if worst <= seat.stop or worst <= seat.ruin or reached >= seat.target:
        price, reason = protected_exit(seat, terms, open_, high, low)
        rate = terms.commission
        if reason in (_TAKE_PROFIT, _ROI):
            if seat.placed == i and seat.side * price > seat.target:
                # The price was there before the target was: what fills at once is a market order.
                price = slipped(-seat.side, open_, high, low, terms.slippage)
                price = seat.side * max(seat.side * price, seat.target)
            else:
                rate = terms.maker_commission
        return _leave(room, book, seat, terms, symbol, price, reason, rate, _volume(book, seat, terms))
    if peak > seat.peak:
        seat.peak = peak
        trail(seat, terms)
        _round_levels(seat, book)
    return 0.0


@inlined
def _round_levels(seat: Position, book: Book) -> None:
    """Stop and targets on the exchange's ticks."""
    if book.tick > 0.0:
        seat.stop = signed_down(seat.side, seat.stop, book.tick, book.tick_per)
        seat.goal = signed_up(seat.side, seat.goal, book.tick, book.tick_per)
        seat.target = signed_up(seat.side, seat.target, book.tick, book.tick_per)


@inlined
def _set_levels(seat: Position, terms: Terms, order: Order) -> None:
    """Take over the stop and the target that an order names."""
    if order.stop == order.stop:
        seat.stop = seat.side * order.stop
        seat.stop_reason = _STOP_LOSS
        seat.own_stop = 1
    if order.target == order.target:
        seat.goal = seat.side * order.target
        seat.own_target = 1
        seat.placed = seat.at
        _aim_again(seat, terms)


@inlined
def _aim_again(seat: Position, terms: Terms) -> None:
    """Derive the target anew from the goal and, when it is next looked at, the ladder."""
    seat.target = seat.goal
    seat.target_reason = _TAKE_PROFIT
    if terms.rungs > 0 and seat.step > 0:
        seat.step -= 1
        seat.step_due = seat.entered + terms.roi_after[seat.step]


@inlined
def _follow_average(seat: Position, terms: Terms) -> None:
    """Move what is measured from the entry price after it has changed. The ladder keeps its age, and the trailing stop stays where it is until there is a new peak."""
    side, entry = seat.side, seat.entry
    if terms.stop_loss > 0.0 and seat.own_stop == 0:
        stop = side * (entry * (1.0 - side * terms.stop_loss))
        if seat.stop_reason == _STOP_LOSS or stop > seat.stop:
            seat.stop = stop
            seat.stop_reason = _STOP_LOSS
    if terms.take_profit > 0.0 and seat.own_target == 0:
        seat.goal = side * (entry * (1.0 + side * terms.take_profit))
    _aim_again(seat, terms)


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
        show(seat, block, _stirs(book, seat))
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
def _stirs(book: Book, seat: Position) -> int:
    """From when on a bar changes the position whatever its prices are: the next step of the ladder, or a delisted symbol's last bar."""
    due: int = seat.step_due
    return min(due, whole(book.time, book.length - 1)) if book.delisted != 0 else due


@inlined
def _next_signal(book: Book, seat: Position, terms: Terms, bar: int) -> int:
    """The first bar after `bar` in which a signal, the range or funding can change anything; the number of bars if there is none."""
    n: int = book.length
    intent = book.intent
    if seat.held == 0.0:
        return _next_entry(intent, bar, n)
    if seat.leaving >= 0:
        return bar + 1
    awaited = EXIT_LONG if seat.side > 0.0 else EXIT_SHORT
    if seat.entries < terms.entries:
        awaited |= ENTER_LONG if seat.side > 0.0 else ENTER_SHORT
    floor, ceiling = quiet_range(seat)
    high, low, time, rates, due = book.high, book.low, book.time, book.rates, _stirs(book, seat)
    for i in range(bar + 1, n):
        if code(intent, i - 1) & awaited != 0:
            return i
        if not (real(low, i) > floor and real(high, i) < ceiling and whole(time, i) < due):
            return i
        if rates != 0 and real(rates, i) != 0.0:
            return i
    return n


@inlined
def _next_entry(intent: int, bar: int, bars: int) -> int:
    """The first bar after `bar` that an entry signal was given for; the number of bars if there is none."""
    for i in range(bar + 1, bars):
        if code(intent, i - 1) & ENTER != 0:
            return i
    return bars
