"""A market that is filled bar by bar, and a signal service that follows it, without time passing."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path

import numpy as np

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.live import Anchor
from tidewright.ports import MarketNotFound
from tidewright.runs.strategies import ResolvedStrategy, resolve_strategy
from tidewright.serving.metrics import Metrics
from tidewright.signals.figures import Figures
from tidewright.signals.service import SignalService
from tidewright.signals.wiring import Chosen, assembled
from tidewright.specs.manifest import Document
from tidewright.specs.trading_strategy import StrategySpec

HOUR = 3_600_000
BTC = Market("binance", "BTC/USDT", "1h")
ETH = Market("binance", "ETH/USDT", "1h")

_PRICES = 100.0 * np.exp(np.random.default_rng(7).normal(0.0, 0.02, size=400).cumsum())


def hours(market: Market, rows: Sequence[int] | range) -> Bars:
    """The bars number `rows` of a market that is always the same one."""
    chosen = np.array(rows, dtype=np.int64)
    close = _PRICES[chosen] + len(market.symbol)
    return Bars(HOUR * chosen, close, close * 1.01, close * 0.99, close, close, step=HOUR, market=market)


def without(bars: Bars, row: int) -> Bars:
    """The bars with a gap."""
    kept = np.delete(np.arange(len(bars)), row)
    return replace(bars, **{name: getattr(bars, name)[kept] for name in ("time", *COLUMNS)})


def with_close(bars: Bars, row: int, close: float) -> Bars:
    """The bars with one of them corrected."""
    closes = bars.close.copy()
    closes[row] = close
    return replace(bars, close=closes)


class Feed:
    """A `BarFeed` of the bars that a test has put into it; it raises the `trouble` that it is given, and never waits longer than until it is told."""

    def __init__(self, *series: Bars) -> None:
        self.bars = {bars.market: bars for bars in series}
        self.trouble: Exception | None = None

    async def read(self, market: Market, first: int | None) -> Bars:
        if self.trouble:
            raise self.trouble
        if market not in self.bars:
            raise MarketNotFound(f"there are no bars of {market}")
        return self.bars[market].between(-(2**62) if first is None else first, 2**62)

    async def wait(self, market: Market, newest: int | None) -> None:
        raise AssertionError("a test refreshes by itself")


class Clock:
    """A `Clock` that a test sets."""

    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        return self.time

    async def sleep(self, milliseconds: int) -> None:
        self.time += milliseconds


class AnchorMemory:
    """`Anchors` in a dict, which outlives the services that use it."""

    def __init__(self) -> None:
        self.kept: dict[Market, Anchor] = {}

    def read(self, market: Market) -> Anchor | None:
        return self.kept.get(market)

    def create(self, anchor: Anchor) -> Anchor:
        return self.kept.setdefault(anchor.market, anchor)

    def place(self, market: Market) -> str:
        return f"memory of {market.symbol}"


class AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def resolved(
    source: dict | None = None, symbols: Sequence[str] = ("BTC/USDT",), import_from: Sequence[Path] = ()
) -> ResolvedStrategy:
    """A strategy from `source`; by default one with an EMA, which remembers its first bar for ever."""
    rules = {
        "columns": {"fast": "ema(close, 2)", "slow": "ema(close, 4)", "up": "fast > slow"},
        "enter": "fast crosses above slow",
        "exit": "fast crosses below slow",
    }
    spec = {
        "source": source or {"rules": rules},
        "symbols": list(symbols),
        "timeframe": "1h",
    }
    document = Document("test.yaml", {}, {(): 1})
    return resolve_strategy(StrategySpec.model_validate(spec), document, ("spec",), import_from)


class Live:
    """A service over a feed, refreshed by hand."""

    def __init__(
        self, feed: Feed, anchors: AnchorMemory | None = None, strategy: ResolvedStrategy | None = None
    ) -> None:
        self.feed, self.clock, self.metrics = feed, Clock(), Metrics()
        self.anchors = AnchorMemory() if anchors is None else anchors
        self.strategy = strategy or resolved(symbols=[market.symbol for market in feed.bars] or ["BTC/USDT"])
        markets = tuple(Market("binance", symbol, "1h") for symbol in self.strategy.spec.symbols)
        chosen = Chosen("ma-cross", self.strategy, markets)
        figures = Figures(self.metrics)
        self.service: SignalService = assembled(chosen, feed, self.anchors, self.clock, AtOnce(), figures)
        self.followers = self.service.followers

    async def refresh(self, symbol: str = "BTC/USDT") -> bool:
        """Look for bars, and tell those who wait of new ones."""
        found = await self.followers[symbol].refresh()
        if found:
            self.service.tell()
        return found
