"""The fill kernel: signals in, fills and equity out.

The order of events within bar *i*, for one symbol held long, short or not at all:

1. At the open, what was decided at the close of *i - 1*: an exit signal closes an open position, an entry signal opens one if there is none
   (so an exit and the other side's entry turn it around). A signal on the last bar finds no bar to fill in.
2. From the open on, also in the entry bar: a stop that the open has passed fills at the open, a target likewise; then, within the
   bar's range, the stop comes before the target, because the order of the two cannot be known and the worse outcome is assumed.
3. At the close, funding that has come due is paid and the position is valued; the bar's best price may raise the trailing stop of the *following* bars,
   and the age of the position at the next open chooses the step of the ROI ladder.

Market and stop orders slip, within the bar's range; targets are limit orders and fill at their price or better. With leverage or short, the exchange
takes a position over before its loss exceeds its margin.

Cash is kept as if everything were bought and sold outright: it falls by what a long position cost, below zero with leverage, and rises by what a short
one brought. Equity is cash plus the signed quantity at the close, whatever the side.
"""

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Bars, Floats, Integers
from tidewright.domain.compiled import compiled, inlined, is_compiled
from tidewright.domain.costs import Broker, Funding, Risk
from tidewright.domain.funding import funding_by_bar, pay_funding
from tidewright.domain.intents import ENTER, ENTER_LONG, EXIT_LONG, EXIT_SHORT, intents
from tidewright.domain.ledger import Codes, Fills, Ledger, Reason
from tidewright.domain.position import (
    NEVER,
    POSITION,
    Position,
    Terms,
    climb_ladder,
    open_position,
    protect,
    protected_exit,
    quiet_range,
    signalled_exit,
    terms,
    trail,
)
from tidewright.domain.strategies.strategy import Signals

ARITHMETIC_REVISION = 1
"""Raised whenever the same inputs may give other fills or another equity; part of every result digest."""

_SIGNAL, _TAKE_PROFIT, _ROI = int(Reason.SIGNAL), int(Reason.TAKE_PROFIT), int(Reason.ROI)
_LIQUIDATION, _DELISTED = int(Reason.LIQUIDATION), int(Reason.DELISTED)

# Columns of the two arrays that fills are written to.
_BAR, _SIDE, _REASON, _NUMBER = range(4)
_PRICE, _QUANTITY, _FEE, _HELD = range(4)


@inlined
def _record(
    events: Integers,
    amounts: Floats,
    at: int,
    bar: int,
    position: Position,
    side: float,
    reason: int,
    price: float,
    fee: float,
    held: float,
) -> None:
    """Write fill `at`: the whole of `position` is bought or sold, after which `held` is left of it."""
    events[at, _BAR] = bar
    events[at, _SIDE] = int(side)
    events[at, _REASON] = reason
    events[at, _NUMBER] = position.number
    amounts[at, _PRICE] = price
    amounts[at, _QUANTITY] = position.held
    amounts[at, _FEE] = fee
    amounts[at, _HELD] = held


@inlined
def _fee(terms: Terms, value: float, reason: int) -> float:
    """Targets are limit orders; a position that is taken over has paid with its margin."""
    if reason == _LIQUIDATION:
        return 0.0
    fee: float = value * (terms.maker_commission if reason in (_TAKE_PROFIT, _ROI) else terms.commission)
    return fee


@inlined
def _close(
    events: Integers, amounts: Floats, at: int, bar: int, position: Position, terms: Terms, price: float, reason: int
) -> float:
    """Close and record the position; returns what that adds to the cash."""
    value: float = position.held * price
    fee = _fee(terms, value, reason)
    side: float = position.side
    _record(events, amounts, at, bar, position, -side, reason, price, fee, 0.0)
    position.side = 0.0
    position.held = 0.0
    position.number += 1
    return side * value - fee


@compiled
def _trade(  # noqa: C901, PLR0912, PLR0915 - one loop, in the order of events within a bar
    time: Integers,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    intent: Codes,
    funding: Floats,
    cash: float,
    terms: Terms,
    guard: bool | None,
    positions: NDArray[np.void],
    events: Integers,
    amounts: Floats,
    equity: Floats,
    paid: Floats,
) -> tuple[int, float, int]:
    """Write fills to `events` and `amounts`, the account's value to `equity`, and the funding paid to `paid`.

    Returns the number of fills, the cash after the last bar, and the number of entries that the account could not pay for.
    """
    position = positions[0]
    fills = 0
    unfilled = 0
    equity[:1] = cash
    perpetual = len(funding) > 0
    side, held, floor, ceiling, due = 0.0, 0.0, 0.0, 0.0, NEVER
    awaited = ENTER
    for i in range(1, len(close)):
        # Most bars change nothing but the position's value: they are told apart with what fits in registers.
        wish = intent[i - 1] & awaited
        if wish == 0:
            if guard is None or side == 0.0:
                equity[i] = cash + held * close[i]
                continue
            # For a short position `floor` and `ceiling` are the other way round: its stop is above, its target below.
            if low[i] > floor and high[i] < ceiling and time[i] < due:
                equity[i] = cash + held * close[i]
                continue

        if side != 0.0 and wish != 0:
            price, reason = signalled_exit(position, terms, open_[i], high[i], low[i])
            cash += _close(events, amounts, fills, i, position, terms, price, reason)
            fills += 1
        if position.held == 0.0 and intent[i - 1] & ENTER != 0:
            side = 1.0 if intent[i - 1] & ENTER_LONG != 0 else -1.0
            if open_position(position, terms, side, open_[i], high[i], low[i], cash):
                if guard is not None:
                    protect(position, terms, time[i])
                value = position.held * position.entry
                fee = value * terms.commission
                cash -= side * value + fee
                _record(events, amounts, fills, i, position, side, _SIGNAL, position.entry, fee, side * position.held)
                fills += 1
            else:
                unfilled += 1
        if guard is not None and position.held > 0.0:
            if time[i] >= position.step_due:
                climb_ladder(position, terms, time[i])
            worst, best = (low[i], high[i]) if position.side > 0.0 else (-high[i], -low[i])
            if worst <= position.stop or worst <= position.ruin or best >= position.target:
                price, reason = protected_exit(position, terms, open_[i], high[i], low[i])
                cash += _close(events, amounts, fills, i, position, terms, price, reason)
                fills += 1
            elif best > position.peak:
                position.peak = best
                trail(position, terms)
            if perpetual and position.held > 0.0 and funding[i] != 0.0:
                paid[i] = pay_funding(position, close[i], funding[i])
                cash -= paid[i]
            floor, ceiling = quiet_range(position)
            due = -1 if perpetual else position.step_due

        side, held = position.side, position.side * position.held
        awaited = ENTER if side == 0.0 else EXIT_LONG if side > 0.0 else EXIT_SHORT
        equity[i] = cash + held * close[i]
    return fills, cash, unfilled


@compiled
def _close_at_end(
    high: Floats,
    low: Floats,
    close: Floats,
    terms: Terms,
    positions: NDArray[np.void],
    events: Integers,
    amounts: Floats,
    fills: int,
) -> float:
    """Close the open position at the last bar's close, like an order that fills at an open of that price; returns what that adds to the cash."""
    position = positions[0]
    last = len(close) - 1
    price, reason = signalled_exit(position, terms, close[last], high[last], low[last])
    reason = _DELISTED if reason == _SIGNAL else reason
    gained: float = _close(events, amounts, fills, last, position, terms, price, reason)
    return gained


class Workspace:
    """The arrays that one simulation writes to; a sweep uses them again and again.

    `equity` has shape (n,); `events` and `amounts` have two rows for every entry signal, of which the first `fills` are written.
    """

    def __init__(self, bars: int, entries: int) -> None:
        self.equity = np.empty(bars)
        self.paid = np.empty(0)
        self._positions = np.zeros(1, dtype=POSITION).view(np.recarray)
        self._make_room(entries)
        self.fills = 0
        self.cash = 0.0
        self.unfilled = 0

    def _make_room(self, entries: int) -> None:
        self.events = np.empty((2 * entries, 4), dtype=np.int64)
        self.amounts = np.empty((2 * entries, 4))

    @property
    def closed(self) -> int:
        """How many positions were opened and closed."""
        return int(self._positions[0].number)

    def trade(self, bars: Bars, signals: Signals, cash: float, terms: Terms, funding: Funding | None = None) -> None:
        """Simulate, and leave the fills, the equity, the funding paid, the final cash and the count of unpaid entries here."""
        rates = np.empty(0) if funding is None else funding_by_bar(bars, funding)
        self.paid = np.zeros(len(rates))
        entries = _entries(signals)
        if 2 * entries > len(self.events):
            self._make_room(entries)
        self._positions[:] = np.zeros(1, dtype=POSITION)
        self.fills, self.cash, self.unfilled = _trade(
            bars.time,
            bars.open,
            bars.high,
            bars.low,
            bars.close,
            intents(signals),
            rates,
            cash,
            terms,
            _guard(terms, signals, rates),
            self._positions,
            self.events,
            self.amounts,
            self.equity,
            self.paid,
        )

    def close_out(self, bars: Bars, terms: Terms) -> None:
        """Close what is still open at the last of `bars`, at its close and with the costs of a market order, as if the symbol were delisted then."""
        if self._positions[0].held > 0.0:
            room = self._positions, self.events, self.amounts
            self.cash += _close_at_end(bars.high, bars.low, bars.close, terms, *room, self.fills)
            self.fills += 1
            self.equity[-1] = self.cash


def _guard(terms: Terms, signals: Signals, rates: Floats) -> bool | None:
    """True where a bar can change more than a position's value, else None: for which the compiler leaves all of that out."""
    watched = terms.stop_loss or terms.take_profit or terms.trail_distance or terms.rungs
    return True if watched or terms.margin < 1.0 or signals.enter_short is not None or len(rates) else None


def _entries(signals: Signals) -> int:
    """Most positions that the signals can open: each takes an entry, for one fill now and one later."""
    short = 0 if signals.enter_short is None else np.count_nonzero(signals.enter_short)
    return int(np.count_nonzero(signals.enter) + short)


def simulate(
    bars: Bars,
    signals: Signals,
    broker: Broker,
    risk: Risk,
    funding: Funding | None = None,
    *,
    close_out: bool = False,
) -> Ledger:
    """Trade `signals` over `bars` for one account, paying and receiving `funding` where it is given; `close_out`: what is open at the end is closed.

    Prices must be finite and positive and times increasing (see `tidewright.domain.quality`); signals have shape (n,).
    The fills and the equity at bar i depend on signals before i and on bars up to and including i alone.
    """
    work = Workspace(len(bars), _entries(signals))
    conditions = terms(broker, risk)
    work.trade(bars, signals, float(broker.cash), conditions, funding)
    if close_out:
        work.close_out(bars, conditions)
    return Ledger(
        initial=float(broker.cash),
        fills=_fills(bars, work.events[: work.fills], work.amounts[: work.fills]),
        equity=work.equity,
        cash=work.cash,
        unfilled=work.unfilled,
        funding=work.paid,
    )


def _fills(bars: Bars, events: Integers, amounts: Floats) -> Fills:
    bar = events[:, _BAR].copy()
    return Fills(
        bar=bar,
        time=bars.time[bar],
        side=events[:, _SIDE].astype(np.int8),
        price=amounts[:, _PRICE].copy(),
        quantity=amounts[:, _QUANTITY].copy(),
        fee=amounts[:, _FEE].copy(),
        reason=events[:, _REASON].astype(np.int8),
        position=events[:, _NUMBER].copy(),
        held=amounts[:, _HELD].copy(),
        symbol=np.zeros(len(bar), dtype=np.int64),
    )


def needs_compiling() -> bool:
    """Whether the first simulation on this machine will wait for the compiler."""
    return not is_compiled(_trade)
