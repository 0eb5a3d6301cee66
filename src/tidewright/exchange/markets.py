"""One symbol of the exchange: its tape, and everything that is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tidewright.exchange.aggregates import Aggregates
from tidewright.exchange.books import Book, MadeBook
from tidewright.exchange.candles import Candles
from tidewright.exchange.feeds import BookFeed, Feed, RecordedFeed, TradeFeed
from tidewright.exchange.trade_log import MILLISECOND, TradeLog
from tidewright.ports import Stretch

_QUOTES = (
    "USDT",
    "USDC",
    "FDUSD",
    "TUSD",
    "BUSD",
    "DAI",
    "EUR",
    "TRY",
    "BRL",
    "GBP",
    "JPY",
    "BTC",
    "ETH",
    "BNB",
    "USD",
)


@dataclass(frozen=True, slots=True)
class Symbol:
    """What is traded for what: ``BTC`` for ``USDT``."""

    base: str
    quote: str

    @property
    def name(self) -> str:
        """``BTCUSDT``."""
        return self.base + self.quote

    @classmethod
    def of(cls, text: str) -> "Symbol":
        """Of ``BTC/USDT`` or ``BTCUSDT``. Raises ValueError where it cannot be told which part is the quote."""
        base, _, quote = text.partition("/")
        if not quote:
            quote = next((known for known in _QUOTES if text.endswith(known) and text != known), "")
            base = text.removesuffix(quote)
        if not quote or not (base + quote).isalnum() or (base + quote) != (base + quote).upper():
            raise ValueError(f"{text!r} is no symbol that is known here; write it as in BTC/USDT")
        return cls(base, quote)


class ExchangeMarket:
    """A symbol, its trades, what the tape has beside them, and the times in which the exchange was out."""

    def __init__(
        self,
        symbol: Symbol,
        log: TradeLog,
        *,
        lines: Sequence[bytes] | None = None,
        book: Book | None = None,
        recorded: Sequence[RecordedFeed] = (),
        outages: Sequence[Stretch] = (),
        end: int | None = None,
    ) -> None:
        self.symbol = symbol
        self.log = log
        self.aggregates = Aggregates(log)
        made = MadeBook(log)
        self.book: Book = book or made
        self.feeds: list[Feed] = [TradeFeed(symbol.name, log, self.aggregates, lines), *recorded]
        if book is None:
            self.feeds.append(BookFeed(symbol.name, log, made))
        self._outages = outages
        self._candles: dict[str, Candles] = {}
        self._end = end

    @property
    def name(self) -> str:
        return self.symbol.name

    def candles(self, interval: str) -> Candles:
        if interval not in self._candles:
            self._candles[interval] = Candles(self.log, interval, self._outages)
        return self._candles[interval]

    @cached_property
    def start(self) -> int:
        """When the tape begins, in nanoseconds."""
        return min(int(feed.at[0]) for feed in self.feeds if len(feed.at))

    @cached_property
    def end(self) -> int:
        """When the tape ends, in nanoseconds: with its last message, or when the last bar that it was made of is over."""
        last = max(int(feed.at[-1]) for feed in self.feeds if len(feed.at))
        return last if self._end is None else max(last, self._end * MILLISECOND)
