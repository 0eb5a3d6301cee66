"""The tape: single trades as an exchange tells of them."""

from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import Booleans, Floats, Integers
from tidewright.domain.resampling import Ticks


@dataclass(frozen=True, slots=True)
class Tape:
    """`n` trades of one symbol in the order of their ids; every column has shape (n,).

    `id` is the exchange's own number, which rises by one from trade to trade, so a missing one tells of a missing trade. `time` is in milliseconds since
    the epoch, UTC. `price` is in the quote currency, `quantity` in the base currency. `buyer_is_maker`: the seller was the one who took.
    Nothing is checked here: `tidewright.domain.quality` judges the content.
    """

    id: Integers
    time: Integers
    price: Floats
    quantity: Floats
    buyer_is_maker: Booleans

    def __len__(self) -> int:
        return len(self.id)

    @property
    def ticks(self) -> Ticks:
        """What bars are made of."""
        return Ticks(self.time, self.price, self.quantity)

    def part(self, first: int, last: int) -> "Tape":
        """Trades `first` to `last` (exclusive) as views, without a copy."""
        return Tape(*(getattr(self, name)[first:last] for name in TAPE_COLUMNS))


TAPE_COLUMNS = ("id", "time", "price", "quantity", "buyer_is_maker")


@dataclass(frozen=True, slots=True)
class IdGap:
    """The trades with ids from `first` to `last`, both missing."""

    first: int
    last: int


def id_gaps(ids: Integers) -> list[IdGap]:
    """What is missing between ids in ascending order."""
    after = np.flatnonzero(np.diff(ids) > 1)
    return [IdGap(int(ids[i]) + 1, int(ids[i + 1]) - 1) for i in after]
