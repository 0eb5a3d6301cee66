"""A collector beside a local exchange, and what it has published."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass

from data_collector.settings import CollectorSettings
from data_collector.wiring import assembled
from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.exchange.faults import Faults
from tidewright.exchange.local import LocalExchange, Settings
from tidewright.exchange.recording import recorded_markets
from tidewright.exchange.server import ExchangeServer
from tidewright.serving.metrics import Metrics
from tidewright.wire.market_data import streamed_bar_of, trade_of
from tidewright.wire.topology import RAW_BARS, RAW_TRADES

SYMBOL = "BTC/USDT"
TIMEFRAMES = ("1m", "5m", "15m", "1h", "4h", "1d")
TRADES = 3_000
HASTY = {"quiet": 0.3, "measure": 0.2, "reconnect": 0.2, "silence": 1.0}


@dataclass
class Truth:
    """What there is to be collected."""

    exchange: LocalExchange

    @property
    def trades(self):
        return _rows(self.exchange.truth(SYMBOL), "id", "time", "price", "quantity", "buyer_is_maker")

    def bars(self, timeframe):
        """But the last, which never closes."""
        return _rows(self.exchange.bars(SYMBOL, timeframe), "time", "open", "high", "low", "close", "volume")[:-1]


@asynccontextmanager
async def exchanging(files, plan=None, *, speed=120.0, seed=0, **settings):
    """An exchange that plays the recordings as soon as somebody listens: itself, its address and the truth."""
    exchange = LocalExchange(recorded_markets(files), Settings(speed=speed, wait=True, **settings), Faults(seed, plan))
    async with ExchangeServer(exchange) as server:
        yield exchange, server.url, Truth(exchange)


@dataclass
class Published:
    """What is on the raw topics."""

    server: MemoryServer

    def count(self):
        return len(self._data(RAW_TRADES.name))

    def trades(self, symbol=SYMBOL):
        told = map(trade_of, self._data(RAW_TRADES.name))
        return [(one.id, one.time, one.price, one.quantity, one.buyer_is_maker) for one in told if one.symbol == symbol]

    def bars(self, timeframe):
        told = map(streamed_bar_of, self._data(RAW_BARS.name))
        return [(one.time, *one.values) for one in told if one.market.timeframe == timeframe]

    def is_the(self, truth):
        """Nothing is missing, nothing is there twice, and everything is in order."""
        assert self.trades() == truth.trades
        for timeframe in TIMEFRAMES:
            assert self.bars(timeframe) == truth.bars(timeframe)
        return True

    def _data(self, topic):
        return [entry.data for entry in self.server.log(topic).entries.values()]


class Figures:
    """Metrics by the beginning of their line."""

    def __init__(self, metrics):
        self._metrics = metrics

    def __getitem__(self, name):
        lines = re.findall(rf"^tidewright_collector_{name}\S* (\S+)$", self._metrics.text().decode(), re.MULTILINE)
        return sum(map(float, lines))


@asynccontextmanager
async def collecting(url, streams, **settings):
    """A collector at work, from the exchange at `url` onto `streams`: the use case, and its figures. The streams are still open afterwards."""
    told = {"symbols": SYMBOL, "exchange_url": url, "stream_url": url.replace("http", "ws")}
    metrics = Metrics()
    made = assembled(
        CollectorSettings(**told | HASTY | settings),
        metrics,
        MemoryStreams(streams.server) if isinstance(streams, MemoryStreams) else streams,
    )
    work = asyncio.create_task(made.work())
    try:
        yield made.served, Figures(metrics)
    finally:
        work.cancel()
        await asyncio.wait((work,))
        if not work.cancelled():
            work.result()


async def until(condition, seconds=30.0):
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def all_collected(published, truth, seconds=60.0):
    """Wait until as many trades and bars as there are have been published."""
    trades = len(truth.trades)
    bars = {timeframe: len(truth.bars(timeframe)) for timeframe in TIMEFRAMES}
    await until(lambda: published.count() >= trades, seconds)
    await until(lambda: all(len(published.bars(timeframe)) >= many for timeframe, many in bars.items()), seconds)


def _rows(table, *columns):
    return list(zip(*(getattr(table, name).tolist() for name in columns), strict=True))
