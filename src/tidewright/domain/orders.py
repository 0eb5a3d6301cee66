"""What a step strategy asks for at the close of a bar.

An order lives for one bar: it fills in the next one or is gone, and is asked for again as long as it is wanted.
"""

from math import nan
from typing import NamedTuple

import numpy as np

from tidewright.domain.compiled import shared


class Order(NamedTuple):
    """`side` is +1 to buy or add to a long position, -1 to sell short or add to a short one, 0 for no entry.

    `size` is a multiple of what the strategy's position size says. An entry with a `limit` fills at that price or better: as maker where the bar comes to it, and
    where the open is there already, at the market. One with a `trigger` fills at the market once the price has reached it; with neither, at the next open. `stop` and `target` are the prices at which the position, open or just entered, is closed; they stay until
    others are given, and take the place of the stop-loss and the take-profit of `risk`; its trailing stop and its ladder go on beside them. NaN: none. Where `leave` is 1 an open position is closed at the next open, before any entry.
    """

    side: float
    size: float
    limit: float
    trigger: float
    stop: float
    target: float
    leave: float


ORDER = np.dtype([("multiple" if name == "size" else name, np.float64) for name in Order._fields])
"""An `Order` as compiled code keeps it; `size` is numpy's own word for how many elements there are."""


@shared
def hold() -> Order:
    """Nothing to do."""
    return Order(0.0, 1.0, nan, nan, nan, nan, 0.0)


@shared
def buy(size: float = 1.0, limit: float = nan, trigger: float = nan, stop: float = nan, target: float = nan) -> Order:
    """Open a long position, or add to it."""
    return Order(1.0, float(size), float(limit), float(trigger), float(stop), float(target), 0.0)


@shared
def sell(size: float = 1.0, limit: float = nan, trigger: float = nan, stop: float = nan, target: float = nan) -> Order:
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


@shared
def in_floats(order: Order) -> Order:
    """The order, whatever numbers it was written in."""
    return Order(
        float(order.side),
        float(order.size),
        float(order.limit),
        float(order.trigger),
        float(order.stop),
        float(order.target),
        float(order.leave),
    )


@shared
def asks(order: Order) -> bool:
    """Whether anything is asked for."""
    return order.side != 0.0 or order.leave != 0.0 or order.stop == order.stop or order.target == order.target


@shared
def wrong(order: Order) -> bool:
    """Whether an order cannot be understood."""
    if order.side not in (-1.0, 0.0, 1.0) or order.leave not in (0.0, 1.0):
        return True
    if order.side != 0.0 and not (order.size > 0.0 and order.size < np.inf):
        return True
    if order.limit == order.limit and order.trigger == order.trigger:
        return True
    return order.limit <= 0.0 or order.trigger <= 0.0 or order.stop <= 0.0 or order.target <= 0.0
