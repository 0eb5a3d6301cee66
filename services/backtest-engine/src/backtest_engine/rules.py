"""How large a position is and where it ends, as a function of what has been seen so far: no state but the position's own history."""

import math
from dataclasses import dataclass

from tidewright.domain.costs import Broker, Risk
from tidewright.domain.ledger import Reason

Exit = tuple[float, Reason]
"""A price, and why the position ends there."""


@dataclass(slots=True)
class Holding:
    """A position: what was paid, the time of the bar it was opened in (milliseconds), and the highest price up to the last close."""

    entry: float
    opened: int
    peak: float


def entry_price(open_: float, high: float, broker: Broker) -> float:
    """What Backtrader will charge a market order to buy: the open, or the open slipped upwards and then held within the bar."""
    return min(open_ * (1 + broker.slippage), high) if broker.slippage else open_


def stop(held: Holding, risk: Risk) -> Exit | None:
    """The stop order of the coming bar: the trailing stop where it is active and above the stop-loss, else the stop-loss."""
    fixed = held.entry * (1 - risk.stop_loss) if risk.stop_loss else 0.0
    trailing = 0.0
    if risk.trail_distance and held.peak >= held.entry * (1 + risk.trail_activation):
        trailing = held.peak * (1 - risk.trail_distance)
    if trailing > fixed:
        return trailing, Reason.TRAILING_STOP
    return (fixed, Reason.STOP_LOSS) if fixed > 0 else None


def target(held: Holding, risk: Risk, now: int) -> Exit | None:
    """The limit order of a bar that opens `now`: the take-profit, or the ROI ladder's last step that is due where that is nearer."""
    goals: list[Exit] = []
    if risk.take_profit:
        goals.append((held.entry * (1 + risk.take_profit), Reason.TAKE_PROFIT))
    due = [step.profit for step in risk.roi if held.opened + step.after <= now]
    if due:
        goals.append((held.entry * (1 + due[-1]), Reason.ROI))
    return min(goals, key=lambda goal: goal[0]) if goals else None


def size(cash: float, price: float, broker: Broker, risk: Risk) -> float:
    """The quantity to buy at `price`, at most what `cash` pays for, commission included; 0 for nothing."""
    unit = price * (1 + broker.commission)
    if risk.sizing.risk:
        stopped = price * (1 - risk.stop_loss) if risk.stop_loss else 0.0
        proceeds = stopped * (1 - broker.slippage) * (1 - broker.commission)
        wanted = risk.sizing.risk * cash / (unit - proceeds)
    else:
        wanted = risk.sizing.fraction * cash / unit
    quantity = min(wanted, cash / unit)
    # Backtrader's own sum, in its order: it refuses an order that is short of a unit in the last place.
    while quantity > 0 and cash - quantity * price - quantity * broker.commission * price < 0:
        quantity = math.nextafter(quantity, 0)
    return max(quantity, 0.0)
