"""Bars: one symbol's prices and volumes over equal stretches of time."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

COLUMNS = ("open", "high", "low", "close", "volume")
"""The price and volume columns, in the order in which they are digested and stored."""


class Market(NamedTuple):
    """What a bar series is of."""

    exchange: str
    symbol: str
    timeframe: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.timeframe} on {self.exchange}"


@dataclass(frozen=True, slots=True)
class Bars:
    """`n` bars in time order; every column has shape (n,).

    `time` is the bar's open time in milliseconds since the epoch, UTC. `step` is the bar's length in milliseconds: a bar is
    known only at ``time + step``. Prices are in the quote currency, `volume` in the base currency. Nothing is checked here:
    `tidewright.domain.quality` judges the content.
    """

    time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    step: int
    market: Market = field(default=Market("", "", ""))

    def __len__(self) -> int:
        return len(self.time)

    def between(self, start: int, end: int) -> "Bars":
        """The bars that open in [start, end), times in milliseconds."""
        first, last = np.searchsorted(self.time, (start, end))
        return self.part(int(first), int(last))

    def part(self, first: int, last: int) -> "Bars":
        """Bars `first` to `last` (exclusive) as views, without a copy."""
        columns = {name: getattr(self, name)[first:last] for name in ("time", *COLUMNS)}
        return replace(self, **columns)
