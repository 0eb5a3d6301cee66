"""What an exchange is asked for over its API, and how its answers become bars."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tidewright.adapters.exchange.http import Rejected
from tidewright.domain.bars import Bars, Market
from tidewright.domain.quality import Severity, assess
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Stretch


class UnknownSymbol(LookupError):
    """An exchange does not trade a symbol, or not any more."""


class BarSource(Protocol):
    """Bars of one market, asked for a stretch at a time. Everything raises Unavailable, Rejected and UnknownSymbol."""

    name: str
    longest: int
    """The longest stretch of one request, in milliseconds."""

    proves_absence: bool
    """Whether an answer without a bar means that the exchange has none."""

    async def now(self) -> int:
        """The exchange's own clock, in milliseconds since the epoch."""
        ...

    async def first(self, start: int) -> int | None:
        """When the first bar opens that opens at `start` or later; None where there is none."""
        ...

    async def bars(self, window: Stretch) -> Bars:
        """The bars that open within a stretch, one that is not over yet included."""
        ...


def bars_of_rows(rows: Sequence[Any], market: Market, window: Stretch, source: str) -> Bars:
    """Rows that begin with open time, open, high, low, close and volume, as numbers or text; those outside the stretch are left out.

    Raises Rejected for anything else, out of order or of impossible prices.
    """
    try:
        time = np.array([int(row[0]) for row in rows], np.int64)
        table = np.array([[float(value) for value in row[1:6]] for row in rows]).reshape(len(rows), 5)
    except (TypeError, ValueError, LookupError) as error:
        raise Rejected(f"{source}: the answer holds no bars ({error})") from error
    open_, high, low, close, volume = table.T.copy()
    bars = Bars(time, open_, high, low, close, volume, milliseconds(market.timeframe), market).between(*window)
    errors = [finding.message for finding in assess(bars) if finding.severity is Severity.ERROR]
    if errors or np.any(np.diff(time) <= 0):
        raise Rejected(f"{source}: the answer is broken: {'; '.join(errors) or 'its times do not ascend'}")
    return bars
