"""One open position: its stops and targets, and when they end it. The arithmetic that every kernel shares.

A position is a record of `POSITION` (in an array of one per symbol), changed in place.

Levels are kept *signed*: multiplied by the position's side, +1 for long and -1 for short. In signed prices every position gains when the
price rises: its stop lies below, its target above, and one rule serves both sides.
"""

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

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
        ("number", np.int64),  # how many positions were opened before this one
        ("maintenance", np.float64),  # share of its value at which the exchange takes it over
        ("allowance", np.float64),  # what the exchange takes off that, in quote currency
        # What only an account with several symbols or orders keeps.
        ("entries", np.int64),  # fills that opened it or added to it
        ("cost", np.float64),  # the value of all its entries
        ("net", np.float64),  # what its fills brought less what they cost, fees and funding included
        ("leaving", np.int64),  # reason of an exit that the volume has not let through yet; -1 if none
        ("resume", np.int64),  # before this time there is no new position
        ("since", np.int64),  # the bar of its first entry
        ("closed", np.int64),  # how many positions of the symbol were closed
        ("last_return", np.float64),  # net return of the last one
        ("last_bar", np.int64),  # the bar it was closed in
        ("at", np.int64),  # the bar of the symbol's next event
        ("due", np.int64),  # its time
        ("mark", np.float64),  # last known price
        ("seen", np.int64),  # the bar it is of
        ("used", np.float64),  # what the account's fills took of the bar's volume
        ("came", np.int64),  # how the bar's entry was filled
        ("own_stop", np.int64),  # 1 where a step strategy has set the stop
        ("own_target", np.int64),  # 1 where it has set the target
        ("placed", np.int64),  # and the bar in which it did
    ]
)

Position: TypeAlias = Any
"""A record of `POSITION`."""

NEVER = np.iinfo(np.int64).max
"""A time that no bar reaches."""

_SIGNAL, _STOP_LOSS, _TRAILING_STOP = int(Reason.SIGNAL), int(Reason.STOP_LOSS), int(Reason.TRAILING_STOP)
_TAKE_PROFIT, _ROI, _LIQUIDATION = int(Reason.TAKE_PROFIT), int(Reason.ROI), int(Reason.LIQUIDATION)


RUNGS = 16
"""Most steps of the ROI ladder."""

TERMS = np.dtype(
    [
        ("commission", np.float64),
        ("maker_commission", np.float64),
        ("slippage", np.float64),
        ("leverage", np.float64),
        ("margin", np.float64),  # share of a position's value that is set aside for it
        ("maintenance", np.float64),
        ("volume_share", np.float64),
        ("fraction", np.float64),
        ("risk", np.float64),
        ("stop_loss", np.float64),
        ("take_profit", np.float64),
        ("trail_activation", np.float64),
        ("trail_distance", np.float64),
        ("symbol_exposure", np.float64),
        ("total_exposure", np.float64),
        ("open_positions", np.int64),
        ("entries", np.int64),
        ("cooldown", np.int64),
        ("rungs", np.int64),
        ("roi_after", np.int64, (RUNGS,)),
        ("roi_profit", np.float64, (RUNGS,)),
    ]
)
"""Costs, margin, sizing, stops, targets and limits as compiled code takes them; zero means none, and an infinite limit is none."""

Terms: TypeAlias = Any
"""A record of `TERMS`."""


@lru_cache(maxsize=64)
def terms(broker: Broker, risk: Risk) -> Terms:
    """The broker's and the risk's numbers, as compiled code takes them, not to be written to. Raises ValueError for a ladder of more than 16 steps."""
    if len(risk.roi) > RUNGS:
        raise ValueError(f"the ladder has {len(risk.roi)} steps; {RUNGS} are the most")
    found = np.zeros(1, dtype=TERMS).view(np.recarray)[0]
    found.commission = broker.commission
    found.maker_commission = broker.commission if broker.maker_commission is None else broker.maker_commission
    found.slippage = broker.slippage
    found.leverage, found.margin = broker.leverage, 1.0 / broker.leverage
    found.maintenance = broker.maintenance_margin
    found.volume_share = broker.volume_share
    found.fraction, found.risk = risk.sizing.fraction, risk.sizing.risk
    found.stop_loss, found.take_profit = risk.stop_loss, risk.take_profit
    found.trail_activation, found.trail_distance = risk.trail_activation, risk.trail_distance
    found.symbol_exposure, found.total_exposure = risk.max_symbol_exposure, risk.max_total_exposure
    found.open_positions, found.entries = risk.max_open_positions, risk.max_entries
    found.cooldown, found.rungs = risk.cooldown, len(risk.roi)
    found.roi_after[: len(risk.roi)] = [step.after for step in risk.roi]
    found.roi_profit[: len(risk.roi)] = [step.profit for step in risk.roi]
    return found


@inlined
def wanted_quantity(terms: Terms, side: float, entry: float, stop: float, equity: float) -> float:
    """What the sizing says of a position opened at `entry` and stopped out at `stop`."""
    if terms.risk > 0.0:
        return quantity_by_risk(side, terms.risk, equity, entry, stop, terms.commission, terms.slippage)
    return quantity_by_fraction(terms.fraction, equity, entry, terms.commission, terms.margin)


@inlined
def open_position(
    position: Position, terms: Terms, side: float, open_: float, high: float, low: float, cash: float
) -> bool:
    """Open at the bar's open, as large as the sizing says and the account can pay margin and commission for; false if that is nothing."""
    entry = slipped(side, open_, high, low, terms.slippage)
    stop = entry * (1.0 - side * terms.stop_loss)
    wanted = wanted_quantity(terms, side, entry, stop, cash)
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
    position.step_due = time + terms.roi_after[0] if terms.rungs > 0 else NEVER
    position.peak = np.inf
    position.maintenance = terms.maintenance
    set_ruin(position, side * (entry * (1.0 - side * terms.margin)))
    if terms.trail_distance > 0.0:
        position.peak = side * entry
        trail(position, terms)


@inlined
def set_ruin(position: Position, bankrupt: float) -> None:
    """Where a position is taken over whose margin is gone at the signed price `bankrupt`.

    For a long position without leverage that price and its ruin are 0: it cannot be ruined.
    """
    position.bankrupt = bankrupt
    position.ruin = ruin_of(position.side, position.held, bankrupt, position.maintenance, position.allowance)


@inlined
def ruin_of(side: float, held: float, bankrupt: float, maintenance: float, allowance: float) -> float:
    """The signed price at which a position has no more than its maintenance margin left.

    That margin is a share of the position's value, less an allowance where larger positions need a larger share: it is reached at the bankrupt price, less the
    allowance per unit, over ``1 - side * maintenance``.
    """
    return (bankrupt - allowance / held) / (1.0 - side * maintenance)


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
        last = position.step >= terms.rungs
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
    if best - side * best * terms.maker_commission <= position.bankrupt:
        return side * position.bankrupt, _LIQUIDATION
    return side * best, position.target_reason
