"""What a step strategy asks for at the close of a bar.

An order lives for one bar: it fills in the next one or is gone, and is asked for again as long as it is wanted.
"""

from math import nan
from typing import NamedTuple

import numpy as np

from tidewright.domain.compiled import shared


class Order(NamedTuple):
    """`side` is +1 to buy or add to a long position, -1 to sell short or add to a short one, 0 for no entry.

    `size` is a multiple of what the strategy's position size says. An entry with a `limit` fills at that price or better, one with a `trigger` at the market once
    the price has reached it; with neither, at the next open. `stop` and `target` are the prices at which the position, open or just entered, is closed; they stay until
    others are given, and take the place of those of `risk`. NaN: none. Where `leave` is 1 an open position is closed at the next open, before any entry.
    """

    side: float
    size: float
    limit: float
    trigger: float
    stop: float
    target: float
    leave: float


ORDER = np.dtype([(name, np.float64) for name in Order._fields])
"""An `Order` as compiled code keeps it."""


@shared
def hold() -> Order:
    """Nothing to do."""
    return Order(0.0, 1.0, nan, nan, nan, nan, 0.0)


@shared
def buy(
    size: float = 1.0, limit: float = nan, trigger: float = nan, stop: float = nan, target: float = nan
) -> Order:
    """Open a long position, or add to it."""
    return Order(1.0, float(size), float(limit), float(trigger), float(stop), float(target), 0.0)


@shared
def sell(
    size: float = 1.0, limit: float = nan, trigger: float = nan, stop: float = nan, target: float = nan
) -> Order:
    """Open a short position, or add to it."""
    return Order(-1.0, float(size), float(limit), float(trigger), float(stop), float(target), 0.0)


@shared
def leave() -> Order:
    """Close the position at the next open."""
    return Order(0.0, 1.0, nan, nan, nan, nan, 1.0)


@shared
def protect(stop: float = nan, target: float = nan) -> Order:
    """Move the open position's stop, its target, or both."""
    return Order(0.0, 1.0, nan, nan, float(stop), float(target), 0.0)


@shared
def turn(order: Order) -> Order:
    """Close the position at the next open and do what `order` says: ``turn(sell())`` goes from long to short."""
    return Order(order.side, order.size, order.limit, order.trigger, order.stop, order.target, 1.0)
