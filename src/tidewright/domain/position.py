"""One open position: its stops and targets, and when they end it. The arithmetic that every kernel shares.

A position is a record of `POSITION` (in an array of one per symbol), changed in place; `Terms` are the broker's and the risk's numbers as compiled code
takes them.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.compiled import inlined
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.fills import (
    affordable_quantity,
    buying_price,
    quantity_by_fraction,
    quantity_by_risk,
    selling_price,
)
from tidewright.domain.ledger import Reason

POSITION = np.dtype(
    [
        ("held", np.float64),  # quantity; zero when flat
        ("entry", np.float64),  # price paid
        ("stop", np.float64),  # leave at or below
        ("goal", np.float64),  # the take-profit's price
        ("target", np.float64),  # leave at or above: the goal, or the ROI ladder's price where that is nearer
        ("peak", np.float64),  # highest price since entry; infinite without a trailing stop, so that nothing exceeds it
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

_STOP_LOSS, _TRAILING_STOP = int(Reason.STOP_LOSS), int(Reason.TRAILING_STOP)
_TAKE_PROFIT, _ROI = int(Reason.TAKE_PROFIT), int(Reason.ROI)


class Terms(NamedTuple):
    """Costs, sizing, stops and targets; zero means none."""

    commission: float
    slippage: float
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
        float(broker.slippage),
        float(risk.sizing.fraction),
        float(risk.sizing.risk),
        float(risk.stop_loss),
        float(risk.take_profit),
        float(risk.trail_activation),
        float(risk.trail_distance),
        *risk.ladder(),
    )


@inlined
def open_position(position: Position, terms: Terms, time: int, open_: float, high: float, cash: float) -> float:
    """Buy at the open; returns the cash spent, fee included, or zero when the account cannot pay for any."""
    entry = buying_price(open_, high, terms.slippage)
    stop = entry * (1.0 - terms.stop_loss) if terms.stop_loss > 0.0 else 0.0
    if terms.risk > 0.0:
        wanted = quantity_by_risk(terms.risk, cash, entry, stop, terms.commission, terms.slippage)
    else:
        wanted = quantity_by_fraction(terms.fraction, cash, entry, terms.commission)
    quantity = affordable_quantity(wanted, cash, entry, terms.commission)
    if not quantity > 0.0:
        return 0.0
    position.held = quantity
    position.entry = entry
    position.entered = time
    position.stop = stop
    position.stop_reason = _STOP_LOSS
    position.goal = entry * (1.0 + terms.take_profit) if terms.take_profit > 0.0 else np.inf
    position.target = position.goal
    position.target_reason = _TAKE_PROFIT
    position.step = 0
    position.step_due = time + terms.roi_after[0] if len(terms.roi_after) > 0 else NEVER
    position.peak = np.inf
    if terms.trail_distance > 0.0:
        position.peak = entry
        trail(position, terms)
    cost = quantity * entry
    return cost + cost * terms.commission


@inlined
def trail(position: Position, terms: Terms) -> None:
    """Raise the stop to the trailing distance below the peak, once the peak has activated it; never lower it."""
    if position.peak >= position.entry * (1.0 + terms.trail_activation):
        stop = position.peak * (1.0 - terms.trail_distance)
        if stop > position.stop:
            position.stop = stop
            position.stop_reason = _TRAILING_STOP


@inlined
def climb_ladder(position: Position, terms: Terms, time: int) -> None:
    """Move to the ROI step that the position's age at `time` calls for; call when ``time >= step_due``."""
    while time >= position.step_due:
        wish = position.entry * (1.0 + terms.roi_profit[position.step])
        nearer = wish < position.goal
        position.target = wish if nearer else position.goal
        position.target_reason = _ROI if nearer else _TAKE_PROFIT
        position.step += 1
        last = position.step >= len(terms.roi_after)
        position.step_due = NEVER if last else position.entered + terms.roi_after[position.step]


@inlined
def protected_exit(position: Position, terms: Terms, open_: float, low: float) -> tuple[float, int]:
    """Price and reason of the exit, in a bar whose range has reached the stop or the target.

    An open beyond the target fills there, whatever came later; otherwise the stop goes first, as the worse of the two.
    """
    if open_ < position.target and low <= position.stop:
        trigger = open_ if open_ < position.stop else position.stop
        return selling_price(trigger, low, terms.slippage), position.stop_reason
    return (open_ if open_ > position.target else position.target), position.target_reason
