"""Order books: the recorded one, and one made around the last price where nothing was recorded."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tidewright.exchange.decimals import written
from tidewright.exchange.trade_log import MILLISECOND, TradeLog

Level = tuple[str, str]
"""Price and quantity, as Binance writes them."""


class Top(NamedTuple):
    """The best bid and ask."""

    update: int
    bid: Level
    ask: Level


class Depth(NamedTuple):
    """Levels from the best on, and the id of the last update in them."""

    update: int
    bids: list[Level]
    asks: list[Level]


class Book(Protocol):
    """The order book of one symbol at a time in nanoseconds; None and empty where nothing is known yet."""

    def top(self, now: int) -> Top | None: ...

    def depth(self, now: int, limit: int) -> Depth: ...


_LEVELS = 20
_ZERO: Level = ("0.00000000", "0.00000000")


class MadeBook:
    """A book of twenty levels a side, one last decimal place apart, around each trade's price; the update's id is the trade's."""

    def __init__(self, log: TradeLog) -> None:
        self._log = log

    def top(self, now: int) -> Top | None:
        trade = self._log.happened(now // MILLISECOND) - 1
        return self.top_after(trade) if trade >= 0 else None

    def depth(self, now: int, limit: int) -> Depth:
        trade = self._log.happened(now // MILLISECOND) - 1
        if trade < 0:
            return Depth(0, [], [])
        bids, asks = ([self._level(price) for price in side[:limit]] for side in self._prices(trade))
        return Depth(int(self._log.id[trade]), bids, asks)

    def top_after(self, trade: int) -> Top:
        bid, ask = self._best(trade)
        return Top(int(self._log.id[trade]), self._level(bid), self._level(ask))

    def change(self, trade: int) -> Depth:
        """What the trade at an index changed: new quantities by price, zero for a level that is gone."""
        sides = self._prices(trade)
        before = self._prices(trade - 1) if trade else (range(0), range(0))
        bids, asks = (self._difference(old, new) for old, new in zip(before, sides, strict=True))
        return Depth(int(self._log.id[trade]), bids, asks)

    def _difference(self, before: range, after: range) -> list[Level]:
        if before == after:
            return []
        gone = [(self._log.priced(price), _ZERO[1]) for price in before if price not in after]
        return gone + [self._level(price) for price in after if price not in before]

    def _best(self, trade: int) -> tuple[int, int]:
        """The maker's side is where the trade was, the other one is a place away."""
        price = int(self._log.price[trade])
        return (price, price + 1) if self._log.buyer_is_maker[trade] else (price - 1, price)

    def _prices(self, trade: int) -> tuple[range, range]:
        """Of bids and of asks, the best first."""
        bid, ask = self._best(trade)
        return range(bid, max(bid - _LEVELS, 0), -1), range(ask, ask + _LEVELS)

    def _level(self, price: int) -> Level:
        """How much lies at a price follows from the price."""
        quantity = (1 + price * 7_919 % 1_000) * 10 ** max(self._log.quantity_places - 3, 0)
        return self._log.priced(price), written(quantity, self._log.quantity_places)


@dataclass
class RecordedBook:
    """What a recording has of the book: its snapshots, and the tickers and changes that its streams told; times in nanoseconds, ascending."""

    ticker_at: Sequence[int]
    tickers: Sequence[bytes]
    change_at: Sequence[int]
    changes: Sequence[bytes]
    snapshots: Sequence[tuple[int, dict[str, Any]]] = ()
    _bids: dict[str, str] = field(default_factory=dict)
    _asks: dict[str, str] = field(default_factory=dict)
    _update: int = 0
    _applied: tuple[int, int] = (0, 0)

    def top(self, now: int) -> Top | None:
        count = bisect_right(self.ticker_at, now)
        if not count:
            depth = self.depth(now, 1)
            return Top(depth.update, depth.bids[0], depth.asks[0]) if depth.bids and depth.asks else None
        told = json.loads(self.tickers[count - 1])
        return Top(told["u"], (told["b"], told["B"]), (told["a"], told["A"]))

    def depth(self, now: int, limit: int) -> Depth:
        self._advance(now)
        bids = sorted(self._bids.items(), key=lambda level: -float(level[0]))
        asks = sorted(self._asks.items(), key=lambda level: float(level[0]))
        return Depth(self._update, bids[:limit], asks[:limit])

    def _advance(self, now: int) -> None:
        """Snapshots replace the book, changes that are newer than it are applied."""
        snapshots = sum(at <= now for at, _ in self.snapshots)
        changes = bisect_right(self.change_at, now)
        if (snapshots, changes) < self._applied:
            raise ValueError("time runs forward")
        first = self._applied[1]
        if snapshots > self._applied[0]:
            told = self.snapshots[snapshots - 1][1]
            self._update, self._bids, self._asks = told["lastUpdateId"], dict(told["bids"]), dict(told["asks"])
            first = 0
        for line in self.changes[first:changes]:
            told = json.loads(line)
            if told["u"] > self._update:
                _apply(self._bids, told["b"])
                _apply(self._asks, told["a"])
                self._update = told["u"]
        self._applied = snapshots, changes


def _apply(side: dict[str, str], levels: Sequence[Sequence[str]]) -> None:
    for price, quantity in levels:
        if float(quantity):
            side[price] = quantity
        else:
            side.pop(price, None)
