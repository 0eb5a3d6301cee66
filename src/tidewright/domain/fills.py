"""The prices and quantities of single fills: the arithmetic that every kernel shares."""

from tidewright.domain.compiled import inlined


@inlined
def buying_price(price: float, high: float, slippage: float) -> float:
    """What a market buy at `price` pays: slipped upwards, but never above the bar's high."""
    slipped = price * (1.0 + slippage)
    return slipped if slipped < high else high


@inlined
def selling_price(price: float, low: float, slippage: float) -> float:
    """What a market or stop sell at `price` receives: slipped downwards, but never below the bar's low."""
    slipped = price * (1.0 - slippage)
    return slipped if slipped > low else low


@inlined
def affordable_quantity(wanted: float, cash: float, price: float, commission: float) -> float:
    """The wanted quantity, or as much of it as `cash` pays for with commission; never a unit in the last place too much."""
    most = cash / (price * (1.0 + commission))
    quantity = wanted if wanted < most else most
    cost = quantity * price
    if cost + cost * commission > cash:
        quantity *= 1.0 - 2.0**-50
    return quantity


@inlined
def quantity_by_fraction(fraction: float, equity: float, price: float, commission: float) -> float:
    """The quantity whose price and commission together take `fraction` of `equity`."""
    return fraction * equity / (price * (1.0 + commission))


@inlined
def quantity_by_risk(
    risk: float, equity: float, price: float, stop: float, commission: float, slippage: float
) -> float:
    """The quantity that loses `risk` of `equity`, all costs included, when bought at `price` and stopped out at `stop`."""
    loss = price * (1.0 + commission) - stop * (1.0 - slippage) * (1.0 - commission)
    return risk * equity / loss
