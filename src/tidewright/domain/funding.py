"""Funding of perpetual contracts: when it is due, and what it does to a position."""

import numpy as np

from tidewright.domain.bars import Bars, Floats
from tidewright.domain.compiled import inlined
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import due_times
from tidewright.domain.position import Position, set_ruin


def funding_by_bar(bars: Bars, funding: Funding) -> Floats:
    """The sum of the rates due at each bar's close, shape (n,): those after its open, up to the next bar's open included.

    Funding outside the bars is left out.
    """
    times = due_times(funding)
    ends = np.append(bars.time[1:], bars.time[-1:] + bars.step)
    bar = np.searchsorted(ends, times, side="left")
    inside = np.flatnonzero((bar < len(bars)) & (times > bars.time[:1].min(initial=np.iinfo(np.int64).max)))
    rates = np.zeros(len(bars))
    for index in inside:
        rates[bar[index]] += funding.rate[index]
    return rates


@inlined
def pay_funding(position: Position, close: float, rate: float) -> float:
    """What the position pays, or receives where negative, on its value at `close`; it is taken from its margin, and never more than is left of it."""
    due = position.side * (position.held * close * rate)
    left = position.held * (position.side * close - position.bankrupt)
    payment: float = due if due < left else left
    set_ruin(position, position.bankrupt + payment / position.held)
    return payment
