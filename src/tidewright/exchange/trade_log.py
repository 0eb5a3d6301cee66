"""The trades of one symbol from the beginning of the tape to its end, and which of them have happened."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tidewright.domain.bars import Booleans, Integers
from tidewright.domain.tape import Tape
from tidewright.exchange.decimals import floats, product, summable, written

MILLISECOND = 1_000_000
"""In nanoseconds."""


@dataclass(frozen=True)
class TradeLog:
    """`n` trades in the order of their ids; every column has shape (n,).

    `time` is when a trade happened, in milliseconds since the epoch, UTC, and never descends; `price` and `quantity` are whole multiples of their last decimal
    place. `at` is when streams tell of the trade, in nanoseconds of the exchange's clock, never before it happened. REST knows a trade from `time` on: so
    what a bar that is over is made of does not change any more.
    """

    id: Integers
    time: Integers
    price: Integers
    price_places: int
    quantity: Integers
    quantity_places: int
    buyer_is_maker: Booleans
    at: Integers = field(repr=False)

    def __len__(self) -> int:
        return len(self.id)

    def happened(self, now: int) -> int:
        """How many trades have happened by `now`, in milliseconds."""
        return int(np.searchsorted(self.time, now, side="right"))

    def tape(self, first: int = 0, last: int | None = None) -> Tape:
        """Trades `first` to `last` (exclusive) as the domain has them."""
        rows = slice(first, last)
        return Tape(
            self.id[rows],
            self.time[rows],
            floats(self.price[rows], self.price_places),
            floats(self.quantity[rows], self.quantity_places),
            self.buyer_is_maker[rows],
        )

    @cached_property
    def quote(self) -> Integers:
        """What each trade was worth, with `quote_places`."""
        return product(self.price, self.quantity)

    @property
    def quote_places(self) -> int:
        return self.price_places + self.quantity_places

    @cached_property
    def volume(self) -> Integers:
        """`quantity`, for sums."""
        return summable(self.quantity)

    def priced(self, units: int) -> str:
        return written(int(units), self.price_places)

    def sized(self, units: int) -> str:
        return written(int(units), self.quantity_places)

    def valued(self, units: int) -> str:
        """An amount of the quote currency, such as a sum of `quote`."""
        return written(int(units), self.quote_places)
