"""The ledger: what was bought and sold, what it cost, and what the account was worth at every bar."""

from dataclasses import dataclass, field, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Floats, Integers

Codes = NDArray[np.int8]


class Reason(IntEnum):
    """Why a fill happened. The numbers are part of the result digest: new reasons are added at the end."""

    SIGNAL = 0
    STOP_LOSS = 1
    TRAILING_STOP = 2
    TAKE_PROFIT = 3
    ROI = 4
    LIQUIDATION = 5
    DELISTED = 6

    @property
    def title(self) -> str:
        """The name that users see: ``StopLoss``."""
        return "ROI" if self is Reason.ROI else self.name.title().replace("_", "")


class Refusal(IntEnum):
    """Why an order was not filled at all."""

    NO_CASH = 0
    MAX_OPEN_POSITIONS = 1
    MAX_ENTRIES = 2
    COOLDOWN = 3
    SYMBOL_EXPOSURE = 4
    TOTAL_EXPOSURE = 5
    LEVERAGE_BRACKET = 6
    NO_VOLUME = 7
    BELOW_LOT = 8
    BELOW_MIN_NOTIONAL = 9
    OTHER_SIDE = 10
    LEAVING = 11
    NO_STOP = 12

    @property
    def title(self) -> str:
        """The name that users see: ``BelowMinNotional``."""
        return self.name.title().replace("_", "")


@dataclass(frozen=True, slots=True)
class Fills:
    """`m` executions in order; every column has shape (m,).

    `bar` is the index of the bar in which the fill happened and `time` that bar's open time; `side` is +1 for a buy and
    -1 for a sell; `price` is in quote currency with slippage included, `quantity` in base currency and positive, `fee` in
    quote currency; `position` numbers the position that the fill belongs to, from 0, and `held` is its signed quantity
    after the fill: exactly zero once it is closed. `symbol` is the index of the symbol among those of the account: 0 where there is one. `bar` counts the bars of
    that symbol.
    """

    bar: Integers
    time: Integers
    side: Codes
    price: Floats
    quantity: Floats
    fee: Floats
    reason: Codes
    position: Integers
    held: Floats
    symbol: Integers

    def __len__(self) -> int:
        return len(self.bar)

    def of(self, symbol: int) -> "Fills":
        """The fills of one symbol."""
        rows = np.flatnonzero(self.symbol == symbol)
        return Fills(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})


@dataclass(frozen=True, slots=True)
class Refusals:
    """`r` orders that were not filled, in order; every column has shape (r,).

    `bar`, `time` and `symbol` as in `Fills`; `side` is the order's, +1 for a buy; `price` is where it would have filled, and `quantity` what was left of it when it was
    refused, before the limit that refused it; 0 where it was refused whatever its size.
    """

    bar: Integers
    time: Integers
    symbol: Integers
    side: Codes
    price: Floats
    quantity: Floats
    reason: Codes

    def __len__(self) -> int:
        return len(self.bar)


def no_refusals() -> Refusals:
    """None."""
    integers, codes, floats = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8), np.empty(0)
    return Refusals(integers, integers, integers, codes, floats, floats, codes)


@dataclass(frozen=True, slots=True)
class Trades:
    """`k` closed positions in order of entry; every column has shape (k,).

    Prices are averages over the position's fills. `fees` are those of entry and exit together; `pnl` is net of fees, in quote
    currency; `net_return` is pnl over the entry's notional. `adverse` and `favourable` are the worst and the best price while the
    position was open (its own fills included), as a ratio to the entry price in the trade's direction: adverse <= 0 <= favourable.
    `bars_held` counts the bars from the entry bar to the exit bar; both the same is 0. `symbol` is as in `Fills`.
    """

    entry_bar: Integers
    exit_bar: Integers
    entry_time: Integers
    exit_time: Integers
    direction: Codes
    quantity: Floats
    entry_price: Floats
    exit_price: Floats
    fees: Floats
    pnl: Floats
    net_return: Floats
    adverse: Floats
    favourable: Floats
    reason: Codes
    symbol: Integers

    def __len__(self) -> int:
        return len(self.entry_bar)

    @property
    def bars_held(self) -> Integers:
        return self.exit_bar - self.entry_bar


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account's history over `n` bars.

    `equity` (shape (n,)) is cash plus the position's value at each bar's close; `initial` and `cash` are the account
    before the first bar and after the last, all in quote currency. A position still open at the end is valued at the last
    close and is no trade. `unfilled` counts entries that the account could not pay for, `refusals` lists them where they are kept. `funding` is what was paid (negative:
    received) at each bar's close, shape (n,), or (0,) where there is no funding; `funding_by_symbol` says which of several symbols paid it, shape (m, n) or (m, 0).
    """

    initial: float
    fills: Fills
    equity: Floats
    cash: float
    unfilled: int
    funding: Floats = field(default_factory=lambda: np.empty(0))
    refusals: Refusals = field(default_factory=no_refusals)
    symbols: int = 1
    funding_by_symbol: Floats = field(default_factory=lambda: np.empty((1, 0)))

    def holding(self) -> Floats:
        """The signed quantity held at each bar's close, shape (n,)."""
        n = len(self.equity)
        lengths = np.diff(self.fills.bar, prepend=0, append=n)
        return np.repeat(np.concatenate(((0.0,), self.fills.held)), lengths)
