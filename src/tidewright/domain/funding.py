"""Funding of perpetual contracts: when it is due, and what it does to a position."""

import numpy as np

from tidewright.domain.bars import Bars, Floats
from tidewright.domain.compiled import inlined
from tidewright.domain.costs import Funding
from tidewright.domain.position import Position, Terms, set_ruin


def funding_by_bar(bars: Bars, funding: Funding) -> Floats:
    """The sum of the rates due at each bar's close, shape (n,): those after its open, up to the next bar's open included.

    Published times carry some milliseconds of jitter: they are rounded to the second. Funding outside the bars is left out.
    """
    due = (funding.time + 500) // 1000 * 1000
    ends = np.append(bars.time[1:], bars.time[-1:] + bars.step)
    bar = np.searchsorted(ends, due, side="left")
    inside = np.flatnonzero((bar < len(bars)) & (due > bars.time[:1].min(initial=np.iinfo(np.int64).max)))
    rates = np.zeros(len(bars))
    for index in inside:
        rates[bar[index]] += funding.rate[index]
    return rates


@inlined
def pay_funding(position: Position, terms: Terms, close: float, rate: float) -> float:
    """What the position pays, or receives where negative, on its value at `close`; it is taken from its margin, and never more than is left of it."""
    due = position.side * (position.held * close * rate)
    left = position.held * (position.side * close - position.bankrupt)
    payment: float = due if due < left else left
    set_ruin(position, terms, position.bankrupt + payment / position.held)
    return payment
