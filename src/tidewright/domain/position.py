"""One open position: its stops and targets, and when they end it. The arithmetic that every kernel shares.

A position is a record of `POSITION` (in an array of one per symbol), changed in place; `Terms` are the broker's and the risk's numbers as compiled code
takes them.

Levels are kept *signed*: multiplied by the position's side, +1 for long and -1 for short. In signed prices every position gains when the
price rises: its stop lies below, its target above, and one rule serves both sides.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.compiled import inlined
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.fills import affordable_quantity, quantity_by_fraction, quantity_by_risk, slipped
from tidewright.domain.ledger import Reason

POSITION = np.dtype(
    [
        ("side", np.float64),  # +1 long, -1 short, 0 flat
        ("held", np.float64),  # quantity, positive; zero when flat
        ("entry", np.float64),  # price of the entry
        ("stop", np.float64),  # signed: leave at or below
        ("goal", np.float64),  # signed: the take-profit's price
        ("target", np.float64),  # signed: leave at or above; the goal, or the ROI ladder's price where that is nearer
        (
            "peak",
            np.float64,
        ),  # signed: best price since entry; infinite without a trailing stop, so that nothing exceeds it
        ("ruin", np.float64),  # signed: at or below, the exchange takes the position over
        ("bankrupt", np.float64),  # signed: where the margin is gone, the price at which the exchange takes it over
        ("entered", np.int64),  # the entry bar's open time
        ("step", np.int64),  # next step of the ROI ladder
        ("step_due", np.int64),  # when that step begins
        ("stop_reason", np.int64),
        ("target_reason", np.int64),
        ("number", np.int64),  # how many positions were closed before this one
    ]
)

Position: TypeAlias = Any
"""A record of `POSITION`."""

NEVER = np.iinfo(np.int64).max
"""A time that no bar reaches."""

_SIGNAL, _STOP_LOSS, _TRAILING_STOP = int(Reason.SIGNAL), int(Reason.STOP_LOSS), int(Reason.TRAILING_STOP)
_TAKE_PROFIT, _ROI, _LIQUIDATION = int(Reason.TAKE_PROFIT), int(Reason.ROI), int(Reason.LIQUIDATION)


class Terms(NamedTuple):
    """Costs, margin, sizing, stops and targets; zero means none."""

    commission: float
    maker_commission: float
    slippage: float
    margin: float
    maintenance: float
    fraction: float
    risk: float
    stop_loss: float
    take_profit: float
    trail_activation: float
    trail_distance: float
    roi_after: Integers
    roi_profit: Floats


def terms(broker: Broker, risk: Risk) -> Terms:
    """The broker's and the risk's numbers, as compiled code takes them."""
    return Terms(
        float(broker.commission),
        float(broker.commission if broker.maker_commission is None else broker.maker_commission),
        float(broker.slippage),
        1.0 / float(broker.leverage),
        float(broker.maintenance_margin),
        float(risk.sizing.fraction),
        float(risk.sizing.risk),
        float(risk.stop_loss),
        float(risk.take_profit),
        float(risk.trail_activation),
        float(risk.trail_distance),
        *risk.ladder(),
    )


@inlined
def open_position(
    position: Position, terms: Terms, side: float, open_: float, high: float, low: float, cash: float
) -> bool:
    """Open at the bar's open, as large as the sizing says and the account can pay margin and commission for; false if that is nothing."""
    entry = slipped(side, open_, high, low, terms.slippage)
    stop = entry * (1.0 - side * terms.stop_loss)
    if terms.risk > 0.0:
        wanted = quantity_by_risk(side, terms.risk, cash, entry, stop, terms.commission, terms.slippage)
    else:
        wanted = quantity_by_fraction(terms.fraction, cash, entry, terms.commission, terms.margin)
    quantity = affordable_quantity(wanted, cash, entry, terms.commission, terms.margin)
    if not quantity > 0.0:
        return False
    position.side = side
    position.held = quantity
    position.entry = entry
    return True


@inlined
def protect(position: Position, terms: Terms, time: int) -> None:
    """Set the stops and targets of a position that was opened in the bar that opens at `time`."""
    side, entry = position.side, position.entry
    position.entered = time
    position.stop = side * (entry * (1.0 - side * terms.stop_loss)) if terms.stop_loss > 0.0 else -np.inf
    position.stop_reason = _STOP_LOSS
    position.goal = side * (entry * (1.0 + side * terms.take_profit)) if terms.take_profit > 0.0 else np.inf
    position.target = position.goal
    position.target_reason = _TAKE_PROFIT
    position.step = 0
    position.step_due = time + terms.roi_after[0] if len(terms.roi_after) > 0 else NEVER
    position.peak = np.inf
    set_ruin(position, terms, side * (entry * (1.0 - side * terms.margin)))
    if terms.trail_distance > 0.0:
        position.peak = side * entry
        trail(position, terms)


@inlined
def set_ruin(position: Position, terms: Terms, bankrupt: float) -> None:
    """Where a position is taken over whose margin is gone at the signed price `bankrupt`.

    The maintenance margin is a share of the position's value, so it is reached at that price over ``1 - side * maintenance``. For a long position
    without leverage both are 0: it cannot be ruined.
    """
    position.bankrupt = bankrupt
    position.ruin = bankrupt / (1.0 - position.side * terms.maintenance)


@inlined
def trail(position: Position, terms: Terms) -> None:
    """Raise the stop to the trailing distance below the peak, once the peak has activated it; never lower it."""
    if position.peak >= position.side * (position.entry * (1.0 + position.side * terms.trail_activation)):
        stop = position.peak * (1.0 - position.side * terms.trail_distance)
        if stop > position.stop:
            position.stop = stop
            position.stop_reason = _TRAILING_STOP


@inlined
def quiet_range(position: Position) -> tuple[float, float]:
    """Between which prices, both exclusive, a bar leaves the position as it is: no stop, no ruin, no target, no new peak."""
    worst = max(position.stop, position.ruin)
    best = min(position.target, position.peak)
    return (worst, best) if position.side > 0.0 else (-best, -worst)


@inlined
def climb_ladder(position: Position, terms: Terms, time: int) -> None:
    """Move to the ROI step that the position's age at `time` calls for; call when ``time >= step_due``."""
    while time >= position.step_due:
        wish = position.side * (position.entry * (1.0 + position.side * terms.roi_profit[position.step]))
        nearer = wish < position.goal
        position.target = wish if nearer else position.goal
        position.target_reason = _ROI if nearer else _TAKE_PROFIT
        position.step += 1
        last = position.step >= len(terms.roi_after)
        position.step_due = NEVER if last else position.entered + terms.roi_after[position.step]


@inlined
def signalled_exit(position: Position, terms: Terms, open_: float, high: float, low: float) -> tuple[float, int]:
    """Price and reason of an exit at the open that a signal asked for; an open at which the margin does not cover loss and commission
    finds the position taken over.
    """
    price = slipped(-position.side, open_, high, low, terms.slippage)
    if position.side * open_ <= position.ruin or position.side * price - price * terms.commission <= position.bankrupt:
        return position.side * position.bankrupt, _LIQUIDATION
    return price, _SIGNAL


@inlined
def protected_exit(position: Position, terms: Terms, open_: float, high: float, low: float) -> tuple[float, int]:
    """Price and reason of the exit, in a bar whose range has reached the stop, the ruin or the target.

    An open beyond the target fills there, whatever came later; otherwise, and where the open is beyond both (a trailing stop above a step of the
    ladder), the stop goes first, as the worse of the two. A position that reaches its
    ruin before its stop, or whose stop would fill for less than the margin covers with the commission, is taken over at the price where the margin is gone, which
    need not lie within the bar's range: the loss ends there.
    """
    side = position.side
    first = side * open_
    worst = side * low if side > 0.0 else side * high
    stop = max(position.stop, position.ruin)
    if worst <= stop and (first < position.target or first <= stop):
        if position.stop > position.ruin:
            trigger = first if first < position.stop else position.stop
            price = slipped(-side, side * trigger, high, low, terms.slippage)
            if side * price - price * terms.commission > position.bankrupt:
                return price, position.stop_reason
        return side * position.bankrupt, _LIQUIDATION
    best = first if first > position.target else position.target
    return side * best, position.target_reason
