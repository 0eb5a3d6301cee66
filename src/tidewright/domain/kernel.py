"""The fill kernel: signals in, fills and equity out.

The order of events within bar *i*, for one symbol held long or not at all:

1. At the open, what was decided at the close of *i - 1*: an exit signal closes an open position, an entry signal opens one if there was none.
   A signal on the last bar finds no bar to fill in.
2. From the open on, also in the entry bar: a stop that the open has passed fills at the open, a target likewise; then, within the
   bar's range, the stop comes before the target, because the order of the two cannot be known and the worse outcome is assumed.
3. At the close, the position is valued; the bar's high may raise the trailing stop of the *following* bars, and the age of
   the position at the next open chooses the step of the ROI ladder.

Market and stop orders slip, within the bar's range; targets are limit orders and fill at their price or better.
"""

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Bars, Booleans, Floats, Integers
from tidewright.domain.compiled import compiled, inlined, is_compiled
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.fills import selling_price
from tidewright.domain.ledger import Fills, Ledger, Reason
from tidewright.domain.position import (
    NEVER,
    POSITION,
    Terms,
    climb_ladder,
    open_position,
    protected_exit,
    terms,
    trail,
)
from tidewright.domain.strategies.strategy import Signals

ARITHMETIC_REVISION = 1
"""Raised whenever the same inputs may give other fills or another equity; part of every result digest."""

_SIGNAL = int(Reason.SIGNAL)

# Columns of the two arrays that fills are written to.
_BAR, _SIDE, _REASON, _NUMBER = range(4)
_PRICE, _QUANTITY, _FEE, _HELD = range(4)


@inlined
def _record(
    events: Integers,
    amounts: Floats,
    at: int,
    bar: int,
    side: int,
    reason: int,
    number: int,
    price: float,
    quantity: float,
    fee: float,
    held: float,
) -> None:
    events[at, _BAR] = bar
    events[at, _SIDE] = side
    events[at, _REASON] = reason
    events[at, _NUMBER] = number
    amounts[at, _PRICE] = price
    amounts[at, _QUANTITY] = quantity
    amounts[at, _FEE] = fee
    amounts[at, _HELD] = held


@compiled
def _trade(  # noqa: C901, PLR0912 - one loop, in the order of events within a bar
    time: Integers,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    enter: Booleans,
    leave: Booleans,
    cash: float,
    terms: Terms,
    positions: NDArray[np.void],
    events: Integers,
    amounts: Floats,
    equity: Floats,
) -> tuple[int, float, int]:
    """Write fills to `events` and `amounts` and the account's value to `equity`.

    Returns the number of fills, the cash after the last bar, and the number of entries that the account could not pay for.
    """
    position = positions[0]
    fills = 0
    unfilled = 0
    equity[:1] = cash
    held, stop, target, peak, due = 0.0, 0.0, np.inf, np.inf, NEVER
    unprotected = (
        terms.stop_loss == 0.0
        and terms.take_profit == 0.0
        and terms.trail_distance == 0.0
        and len(terms.roi_after) == 0
    )
    for i in range(1, len(close)):
        # Most bars change nothing but the position's value: they are told apart with what fits in registers.
        if held == 0.0:
            if not enter[i - 1]:
                equity[i] = cash
                continue
        elif not leave[i - 1] and (
            unprotected or (low[i] > stop and high[i] < target and high[i] <= peak and time[i] < due)
        ):
            equity[i] = cash + held * close[i]
            continue
        price = 0.0
        reason = _SIGNAL
        if position.held > 0.0:
            if leave[i - 1]:
                price = selling_price(open_[i], low[i], terms.slippage)
        elif enter[i - 1] and not leave[i - 1]:
            spent = open_position(position, terms, time[i], open_[i], high[i], cash)
            if spent > 0.0:
                cash -= spent
                quantity, entry = position.held, position.entry
                fee = quantity * entry * terms.commission
                _record(events, amounts, fills, i, 1, _SIGNAL, position.number, entry, quantity, fee, quantity)
                fills += 1
            else:
                unfilled += 1
        if position.held > 0.0:
            if price == 0.0:
                if time[i] >= position.step_due:
                    climb_ladder(position, terms, time[i])
                if low[i] <= position.stop or high[i] >= position.target:
                    price, reason = protected_exit(position, terms, open_[i], low[i])
            if price > 0.0:
                quantity = position.held
                fee = quantity * price * terms.commission
                cash += quantity * price - fee
                _record(events, amounts, fills, i, -1, reason, position.number, price, quantity, fee, 0.0)
                fills += 1
                position.held = 0.0
                position.number += 1
            elif high[i] > position.peak:
                position.peak = high[i]
                trail(position, terms)
        held, stop, target, peak, due = (
            position.held,
            position.stop,
            position.target,
            position.peak,
            position.step_due,
        )
        equity[i] = cash + held * close[i]
    return fills, cash, unfilled


class Workspace:
    """The arrays that one simulation writes to; a sweep uses them again and again.

    `equity` has shape (n,); `events` and `amounts` have two rows for every entry signal, of which the first `fills` are written.
    """

    def __init__(self, bars: int, entries: int) -> None:
        self.equity = np.empty(bars)
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

    def trade(self, bars: Bars, signals: Signals, cash: float, terms: Terms) -> None:
        """Simulate, and leave the fills, the equity, the final cash and the count of unpaid entries here."""
        entries = int(np.count_nonzero(signals.enter))  # every position takes one of them, for one buy and one sell
        if 2 * entries > len(self.events):
            self._make_room(entries)
        self._positions[:] = np.zeros(1, dtype=POSITION)
        self.fills, self.cash, self.unfilled = _trade(
            bars.time,
            bars.open,
            bars.high,
            bars.low,
            bars.close,
            signals.enter,
            signals.exit,
            cash,
            terms,
            self._positions,
            self.events,
            self.amounts,
            self.equity,
        )


def simulate(bars: Bars, signals: Signals, broker: Broker, risk: Risk) -> Ledger:
    """Trade `signals` over `bars` for one account.

    Prices must be finite and positive and times increasing (see `tidewright.domain.quality`); signals have shape (n,).
    The fills and the equity at bar i depend on signals before i and on bars up to and including i alone.
    """
    work = Workspace(len(bars), int(np.count_nonzero(signals.enter)))
    work.trade(bars, signals, float(broker.cash), terms(broker, risk))
    return Ledger(
        initial=float(broker.cash),
        fills=_fills(bars, work.events[: work.fills], work.amounts[: work.fills]),
        equity=work.equity,
        cash=work.cash,
        unfilled=work.unfilled,
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
    )


def needs_compiling() -> bool:
    """Whether the first simulation on this machine will wait for the compiler."""
    return not is_compiled(_trade)
