"""Closed positions, read off the ledger's fills."""

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Bars, Floats, Integers
from tidewright.domain.compiled import compiled
from tidewright.domain.ledger import Fills, Trades

# Columns of the array of amounts, one row a trade.
_QUANTITY, _ENTRY, _EXIT, _FEES, _PNL, _RETURN, _ADVERSE, _FAVOURABLE = range(8)


def trades_of(bars: Bars, fills: Fills) -> Trades:
    """The positions of `fills`, all of one symbol, that were closed, with what the price did meanwhile (see `Trades`)."""
    most = int(np.count_nonzero(fills.held == 0.0))
    spans = np.empty((most, 4), dtype=np.int64)
    amounts = np.empty((most, 8))
    count = _pair(
        bars.open,
        bars.high,
        bars.low,
        fills.bar,
        fills.side,
        fills.price,
        fills.quantity,
        fills.fee,
        fills.reason,
        fills.position,
        fills.held,
        spans,
        amounts,
    )
    entry_bar, exit_bar, direction, reason = (spans[:count, column].copy() for column in range(4))
    quantity, entry, exit_, fees, pnl, net_return, adverse, favourable = (
        amounts[:count, column].copy() for column in range(8)
    )
    return Trades(
        entry_bar=entry_bar,
        exit_bar=exit_bar,
        entry_time=bars.time[entry_bar],
        exit_time=bars.time[exit_bar],
        direction=direction.astype(np.int8),
        quantity=quantity,
        entry_price=entry,
        exit_price=exit_,
        fees=fees,
        pnl=pnl,
        net_return=net_return,
        adverse=adverse,
        favourable=favourable,
        reason=reason.astype(np.int8),
        symbol=np.full(count, fills.symbol[0] if len(fills) else 0, dtype=np.int64),
    )


@compiled
def _pair(
    open_: Floats,
    high: Floats,
    low: Floats,
    bar: Integers,
    side: NDArray[np.int8],
    price: Floats,
    quantity: Floats,
    fee: Floats,
    reason: NDArray[np.int8],
    position: Integers,
    held: Floats,
    spans: Integers,
    amounts: Floats,
) -> int:
    """Write one row a closed position; returns how many there are."""
    count = 0
    first = 0
    bought = sold = paid = received = fees = 0.0
    for k in range(len(bar)):
        if position[k] != position[first]:
            first = k
        if k == first:
            bought = sold = paid = received = fees = 0.0
        if side[k] > 0:
            bought += quantity[k]
            paid += quantity[k] * price[k]
        else:
            sold += quantity[k]
            received += quantity[k] * price[k]
        fees += fee[k]
        if held[k] == 0.0:
            direction = int(side[first])
            size = bought if direction > 0 else sold
            entry = paid / bought if direction > 0 else received / sold
            leave = received / sold if direction > 0 else paid / bought
            highest = max(price[first], price[k])
            lowest = min(price[first], price[k])
            if bar[k] > bar[first]:
                # Of the exit bar only the open is sure to have happened before the exit.
                highest = max(highest, open_[bar[k]])
                lowest = min(lowest, open_[bar[k]])
            for i in range(bar[first], bar[k]):
                highest = max(highest, high[i])
                lowest = min(lowest, low[i])
            # The average entry price may differ from the fill's own by a rounding.
            up, down = max(highest / entry - 1.0, 0.0), min(lowest / entry - 1.0, 0.0)
            spans[count, 0], spans[count, 1], spans[count, 2], spans[count, 3] = (
                bar[first],
                bar[k],
                direction,
                reason[k],
            )
            amounts[count, _QUANTITY] = size
            amounts[count, _ENTRY] = entry
            amounts[count, _EXIT] = leave
            amounts[count, _FEES] = fees
            amounts[count, _PNL] = received - paid - fees
            amounts[count, _RETURN] = (received - paid - fees) / (size * entry)
            amounts[count, _ADVERSE] = down if direction > 0 else -up
            amounts[count, _FAVOURABLE] = up if direction > 0 else -down
            count += 1
    return count
