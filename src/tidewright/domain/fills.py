"""The prices and quantities of single fills: the arithmetic that every kernel shares.

`margin` is the share of a position's value that is set aside for it, 1 without leverage. A `side` is +1.0 for a buy or a long position and -1.0 for a sell or a short one.
"""

from tidewright.domain.compiled import inlined


@inlined
def slipped(side: float, price: float, high: float, low: float, slippage: float) -> float:
    """What a market or stop order at `price` fills at: worse by `slippage`, but never outside the bar's range."""
    worse = price * (1.0 + side * slippage)
    if side > 0.0:
        return worse if worse < high else high
    return worse if worse > low else low


@inlined
def affordable_quantity(wanted: float, cash: float, price: float, commission: float, margin: float) -> float:
    """The wanted quantity, or as much of it as `cash` pays margin and commission for; never a unit in the last place too much."""
    most = cash / (price * (margin + commission))
    quantity = wanted if wanted < most else most
    cost = quantity * price
    if cost * margin + cost * commission > cash:
        quantity *= 1.0 - 2.0**-50
    return quantity


@inlined
def quantity_by_fraction(fraction: float, equity: float, price: float, commission: float, margin: float) -> float:
    """The quantity whose margin and commission together take `fraction` of `equity`."""
    return fraction * equity / (price * (margin + commission))


@inlined
def quantity_by_risk(
    side: float, risk: float, equity: float, price: float, stop: float, commission: float, slippage: float
) -> float:
    """The quantity that loses `risk` of `equity`, all costs included, when opened at `price` and stopped out at `stop`."""
    opened = price * (1.0 + side * commission)
    closed = stop * (1.0 - side * slippage) * (1.0 - side * commission)
    return risk * equity / (side * (opened - closed))
