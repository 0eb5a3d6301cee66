"""The streams of klines: how the present one stands, every two seconds, and each once more when it is over."""

from collections.abc import Mapping
from math import inf

from tidewright.exchange.candles import Candles
from tidewright.exchange.markets import ExchangeMarket
from tidewright.exchange.streams import Hub, compact
from tidewright.exchange.trade_log import MILLISECOND

_EVERY = {"1s": 1_000 * MILLISECOND}
_USUALLY = 2_000 * MILLISECOND
"""How often Binance tells of a kline that changes."""


class KlineFeed:
    """One symbol and interval; `due` is when something is to be told, in nanoseconds."""

    def __init__(self, stream: str, symbol: str, candles: Candles, now: int) -> None:
        self._stream, self._symbol, self._candles = stream, symbol, candles
        self._every = _EVERY.get(candles.interval, _USUALLY)
        self._row = max(candles.begun(now // MILLISECOND) - 1, 0)
        while self._row < len(candles) and candles.closed_at(self._row) <= now:
            self._row += 1
        self._last: object = None
        self._tick: float = (now // self._every + 1) * self._every

    @property
    def due(self) -> float:
        closes = self._candles.closed_at(self._row) if self._row < len(self._candles) else inf
        return min(self._tick, closes)

    def tell(self, now: int, hub: Hub) -> None:
        if self._row == len(self._candles):
            self._tick = inf
            return
        closed = self._candles.closed_at(self._row) <= now
        candle = self._candles.at(self._row, now // MILLISECOND)
        begun = self._candles.begun(now // MILLISECOND) > self._row
        if closed or (begun and candle != self._last):
            fields = {
                "e": "kline",
                "E": now // MILLISECOND,
                "s": self._symbol,
                "k": self._candles.fields(candle, self._symbol, closed=closed),
            }
            hub.send(self._stream, compact(fields))
        self._last = candle
        if closed:
            self._row += 1
        else:
            self._tick = (now // self._every + 1) * self._every


class KlineFeeds:
    """Those that somebody is subscribed to."""

    def __init__(self, markets: Mapping[str, ExchangeMarket], hub: Hub) -> None:
        self._markets, self._hub = markets, hub
        self._feeds: dict[str, KlineFeed] = {}
        self._version = -1
        self.due: float = inf

    def follow(self, now: int) -> None:
        """Take account of who has come and gone."""
        if self._version == self._hub.version:
            return
        self._version = self._hub.version
        wanted = {
            stream: (symbol, interval) for stream, symbol, interval in self._hub.klines() if symbol in self._markets
        }
        self._feeds = {stream: self._feeds.get(stream) or self._feed(stream, *of, now) for stream, of in wanted.items()}
        self._schedule()

    def tell(self, now: int) -> None:
        for feed in self._feeds.values():
            if feed.due <= now:
                feed.tell(now, self._hub)
        self._schedule()

    def _schedule(self) -> None:
        self.due = min((feed.due for feed in self._feeds.values()), default=inf)

    def _feed(self, stream: str, symbol: str, interval: str, now: int) -> KlineFeed:
        return KlineFeed(stream, symbol, self._markets[symbol].candles(interval), now)
