"""What a market tells when something happens: trades, aggregates, tickers and changes of the book."""

from collections.abc import Sequence
from typing import Protocol

from tidewright.domain.bars import Integers
from tidewright.exchange.aggregates import Aggregates
from tidewright.exchange.books import MadeBook
from tidewright.exchange.streams import Hub, compact
from tidewright.exchange.trade_log import MILLISECOND, TradeLog


class Feed(Protocol):
    """Things that happen in order; `at` are their times in nanoseconds, ascending."""

    at: Integers

    def publish(self, row: int, hub: Hub) -> None:
        """Tell whoever wants to know."""
        ...


class RecordedFeed:
    """Messages of one stream, told as they were recorded; the changes of a book under both of their names."""

    def __init__(self, stream: str, at: Integers, lines: Sequence[bytes]) -> None:
        self.at = at
        self._lines = lines
        self._streams = [stream, stream.removesuffix("@100ms")] if stream.endswith("@depth@100ms") else [stream]

    def publish(self, row: int, hub: Hub) -> None:
        for stream in self._streams:
            if hub.wants(stream):
                hub.send(stream, self._lines[row])


class TradeFeed:
    """The trades of a log, as they were recorded or else written anew, and the aggregates that they complete."""

    def __init__(
        self, symbol: str, log: TradeLog, aggregates: Aggregates, lines: Sequence[bytes] | None = None
    ) -> None:
        self.at = log.at
        self._symbol, self._log, self._aggregates, self._lines = symbol, log, aggregates, lines
        self._trades, self._aggregated = f"{symbol.lower()}@trade", f"{symbol.lower()}@aggTrade"

    def publish(self, row: int, hub: Hub) -> None:
        if hub.wants(self._trades):
            hub.send(self._trades, self._lines[row] if self._lines else self._written(row))
        if hub.wants(self._aggregated) and (aggregate := self._aggregates.ended_by(row)) is not None:
            head = {"e": "aggTrade", "E": int(self.at[row]) // MILLISECOND, "s": self._symbol}
            hub.send(self._aggregated, compact(head | self._aggregates.fields(aggregate)))

    def _written(self, row: int) -> bytes:
        log = self._log
        return (
            f'{{"e":"trade","E":{log.at[row] // MILLISECOND},"s":"{self._symbol}","t":{log.id[row]},"p":"{log.priced(log.price[row])}",'
            f'"q":"{log.sized(log.quantity[row])}","T":{log.time[row]},"m":{"true" if log.buyer_is_maker[row] else "false"},"M":true}}'
        ).encode()


class BookFeed:
    """The ticker and the changes of a book that is made around each trade."""

    def __init__(self, symbol: str, log: TradeLog, book: MadeBook) -> None:
        self.at = log.at
        self._symbol, self._log, self._book = symbol, log, book
        self._ticker = f"{symbol.lower()}@bookTicker"
        self._changes = [f"{symbol.lower()}@depth{speed}" for speed in ("", "@100ms")]

    def publish(self, row: int, hub: Hub) -> None:
        if hub.wants(self._ticker):
            update, (bid, bid_size), (ask, ask_size) = self._book.top_after(row)
            fields = {"u": update, "s": self._symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
            hub.send(self._ticker, compact(fields))
        for stream in self._changes:
            if hub.wants(stream):
                update, bids, asks = self._book.change(row)
                head = {"e": "depthUpdate", "E": int(self.at[row]) // MILLISECOND, "s": self._symbol}
                hub.send(stream, compact(head | {"U": update, "u": update, "b": bids, "a": asks}))
