"""An account that trades any number of symbols by any orders: what `tidewright.domain.kernel` does for one symbol and signals, done for all.

For one symbol, with limits that do not bind, fills and equity are those of the kernel, bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.account_loop import trade_symbols
from tidewright.domain.bars import COLUMNS, Bars, Floats
from tidewright.domain.compiled import is_compiled
from tidewright.domain.costs import NO_FILTERS, Broker, Filters, Funding, Risk
from tidewright.domain.filters import BRACKET, brackets_of
from tidewright.domain.funding import funding_by_bar
from tidewright.domain.grid import times_of, valued
from tidewright.domain.intents import intents
from tidewright.domain.ledger import Fills, Ledger, Refusal, Refusals
from tidewright.domain.memory import addresses
from tidewright.domain.orders import ORDER, hold
from tidewright.domain.position import POSITION, TERMS, terms
from tidewright.domain.room import BOOK, FILL, REFUSAL, ROOM
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.watching import Watch


def _seats(books: Sequence["Book"]) -> NDArray[np.void]:
    seats = np.zeros(len(books), dtype=POSITION)
    seats["leaving"] = -1
    seats["resume"] = np.iinfo(np.int64).min
    seats["mark"] = [book.bars.close[0] if len(book.bars) else 0.0 for book in books]
    return seats


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """One symbol of an account, and what decides its orders: signals, or a step strategy's `watch`, which no other book has; exactly one of the two.

    `rank` (n,) is the priority of an entry decided at each bar: where several are decided at once, the highest goes first, and NaN last; without it, or among equals, they go in the order
    of the books. Where `delisted`, a position that is open after the last bar is closed at its close. Raises ValueError where there is not one value for every bar.
    """

    bars: Bars
    signals: Signals | None = None
    watch: Watch | None = None
    funding: Funding | None = None
    filters: Filters = NO_FILTERS
    rank: Floats | None = None
    delisted: bool = False

    def __post_init__(self) -> None:
        if (self.signals is None) == (self.watch is None):
            raise ValueError("a book has either signals or a watch: give one of the two")
        given = {} if self.signals is None else dict(self.signals.by_name())
        for name, column in (given if self.rank is None else given | {"rank": self.rank}).items():
            if len(column) != len(self.bars):
                raise ValueError(f"{name} has {len(column)} values for {len(self.bars)} bars; give one for each")


def trade_account(books: Sequence[Book], broker: Broker, risk: Risk) -> Ledger:
    """Trade all `books`, of which there is at least one, on one account.

    `equity` and `funding` of the ledger are at the times of `tidewright.domain.grid.times_of`. Prices must be finite and positive and each symbol's times
    increasing; bars of several symbols that overlap must open at the same times. Raises StepFailed when a step strategy does.
    """
    work = _Work(books, broker, risk)
    cash, failed = trade_symbols(work.room, work.terms, float(broker.cash))
    if failed >= 0:
        watch = books[failed].watch
        assert watch is not None  # noqa: S101 - a book without one cannot fail
        raise watch.failed(-1 - int(work.seats["at"][failed]))
    return work.ledger(float(broker.cash), cash)


def needs_compiling() -> bool:
    """Whether the first account on this machine will wait for the compiler."""
    return not is_compiled(trade_symbols)


class _Work:
    """The arrays that the loop reads and writes by their addresses: this lives until the loop has ended."""

    def __init__(self, books: Sequence[Book], broker: Broker, risk: Risk) -> None:
        m = len(books)
        self._symbols = books
        self.grid = times_of([book.bars for book in books])
        self.seats = _seats(books)
        self.terms = np.array([terms(broker, risk)], dtype=TERMS).view(np.recarray)
        self._orders = np.full(m, np.array([tuple(hold())], dtype=ORDER))
        self._rates = [None if book.funding is None else funding_by_bar(book.bars, book.funding) for book in books]
        self._paid = [None if rates is None else np.zeros(len(rates)) for rates in self._rates]
        self._ranks = [None if book.rank is None else np.ascontiguousarray(book.rank, np.float64) for book in books]
        self._intents = [None if book.signals is None else intents(book.signals) for book in books]
        self._books = self._described(broker)
        bars = int(self._books["length"].sum())
        # Room for all that could happen, of which only what does happen takes memory: an exit at the open, an entry and an exit in every bar.
        self._fills, self._refusals = np.empty(3 * bars, dtype=FILL), np.empty(bars, dtype=REFUSAL)
        self._cash = np.empty(len(self.grid))
        # One more than there are symbols, for the loop writes the next of a list before it knows whether it belongs there.
        self._queue, self._due, self._turn, self._holders = np.zeros((4, m + 1), dtype=np.int64)
        self.room = np.zeros(1, dtype=ROOM).view(np.recarray)
        self.room["symbols"], self.room["times"] = m, len(self.grid)
        places = {
            "books": self._books,
            "seats": self.seats,
            "orders": self._orders,
            "queue": self._queue,
            "due": self._due,
            "turn": self._turn,
            "holders": self._holders,
            "grid": self.grid,
            "cash": self._cash,
            "fills": self._fills,
            "refusals": self._refusals,
        }
        for name, address in zip(places, addresses([*places.values()]), strict=True):
            self.room[name] = address

    def _described(self, broker: Broker) -> NDArray[np.void]:
        """The symbols as records of `BOOK`."""
        books = self._symbols
        table = np.zeros(len(books), dtype=BOOK)
        table["length"] = [len(book.bars) for book in books]
        for name in ("time", *COLUMNS):
            table[name] = addresses([getattr(book.bars, name) for book in books])
        table["intent"] = addresses(self._intents)
        table["rates"], table["paid"] = addresses(self._rates), addresses(self._paid)
        table["rank"] = addresses(self._ranks)
        table["delisted"] = [book.delisted for book in books]
        for j, book in enumerate(books):
            if book.watch is not None:
                block = book.watch.block(book.bars, self._rates[j], self._orders[j : j + 1])
                table["watch"][j], table["block"][j] = book.watch.address, block.ctypes.data
        filters = [book.filters for book in books]
        self._brackets, first = brackets_of(filters, broker)
        table["brackets"] = self._brackets.ctypes.data + first[:-1] * BRACKET.itemsize
        table["bracket_count"] = np.diff(first)
        for name in ("tick", "lot"):
            numbers = [getattr(one, name).as_integer_ratio() for one in filters]
            table[name], table[f"{name}_per"] = np.array(numbers, dtype=np.float64).T
        table["min_notional"] = [one.min_notional for one in filters]
        return table

    def ledger(self, initial: float, cash: float) -> Ledger:
        fills, refusals, funding = self._filled(), self._refused(), self._funding()
        return Ledger(
            initial=initial,
            fills=fills,
            equity=valued(self.grid, self._cash, [book.bars for book in self._symbols], fills),
            cash=cash,
            unfilled=int(np.count_nonzero(refusals.reason == Refusal.NO_CASH)),
            funding=_together(funding),
            refusals=refusals,
            symbols=len(self._symbols),
            funding_by_symbol=funding,
        )

    def _filled(self) -> Fills:
        rows = self._fills[: int(self.room["filled"][0])]
        return Fills(
            bar=rows["bar"].copy(),
            time=rows["time"].copy(),
            side=rows["side"].astype(np.int8),
            price=rows["price"].copy(),
            quantity=rows["quantity"].copy(),
            fee=rows["fee"].copy(),
            reason=rows["reason"].astype(np.int8),
            position=rows["position"].copy(),
            held=rows["held"].copy(),
            symbol=rows["symbol"].copy(),
        )

    def _refused(self) -> Refusals:
        rows = self._refusals[: int(self.room["refused"][0])]
        return Refusals(
            bar=rows["bar"].copy(),
            time=rows["time"].copy(),
            symbol=rows["symbol"].copy(),
            side=rows["side"].astype(np.int8),
            price=rows["price"].copy(),
            quantity=rows["quantity"].copy(),
            reason=rows["reason"].astype(np.int8),
        )

    def _funding(self) -> Floats:
        """What each symbol paid at each time of the grid, shape (m, T); (m, 0) where none has funding."""
        if all(paid is None for paid in self._paid):
            return np.empty((len(self._paid), 0))
        funding = np.zeros((len(self._paid), len(self.grid)))
        for row, book, paid in zip(funding, self._symbols, self._paid, strict=True):
            if paid is not None:
                row[np.searchsorted(self.grid, book.bars.time)] = paid
        return funding


def _together(funding: Floats) -> Floats:
    """What all symbols paid at each time, shape (T,), summed in their order."""
    total = np.zeros(funding.shape[1])
    for paid in funding:
        total += paid
    return total
