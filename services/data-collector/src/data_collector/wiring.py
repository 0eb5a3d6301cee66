"""The service put together from its settings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from data_collector import rest, rpc
from data_collector.api import BinanceApi
from data_collector.backfill import Backfills, OpenSource
from data_collector.budget import Budget
from data_collector.collector import Bounds, Collector
from data_collector.connection import Habits
from data_collector.exchange_time import ExchangeTime
from data_collector.figures import Figures
from data_collector.local import LOCAL
from data_collector.messages import STEPS
from data_collector.onlookers import Onlookers
from data_collector.service import CollectorService, well_formed
from data_collector.settings import CollectorSettings
from data_collector.sparing import SparingSource
from data_collector.symbol import Plan
from data_collector.symbol_file import SymbolFile, SymbolFileDamaged
from tidewright.adapters.clock import SystemClock
from tidewright.adapters.exchange.binance import EXCHANGE, SPOT, USDM, Kind, venue_of
from tidewright.adapters.exchange.http import Http, Pace, Patience
from tidewright.adapters.exchange.rest import BinanceRest
from tidewright.adapters.exchange.source import BarSource
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.streams_url import streams_at
from tidewright.domain.bars import Market
from tidewright.ports import Streams
from tidewright.serving.metrics import Metrics
from tidewright.serving.service import Service
from tidewright.serving.settings import PREFIX, SettingsRefused, setting

_CONNECTIONS = 8
_WEIGHT_OF_BARS = {SPOT: 2, USDM: 5}
"""Of a thousand: the weights of Binance's documentation."""

_ONE_ATTEMPT = Patience(attempts=1, timeout=10.0, deadline=30.0, longest_wait=3 * 86_400)
"""Whoever asks asks again, with a patience of its own; and the exchange is left alone for as long as it says: a ban may take three days."""


@dataclass(frozen=True)
class Assembled:
    """The use case, and what it does for ever once it runs."""

    served: CollectorService
    work: Callable[[], Awaitable[None]]


def collector_service(settings: CollectorSettings, metrics: Metrics) -> Service:
    """The service as its host wants it. Raises SettingsRefused."""
    with setting("STREAMS", UrlRefused):
        streams = streams_at(settings.streams)
    assembled_ = assembled(settings, metrics, streams)
    served = assembled_.served
    return Service(
        name="data-collector",
        number=LOCAL.number,
        title="Market data as it is collected",
        router=rest.router(served),
        servicers=(rpc.servicer(served),),
        problem=served.problem,
        work=assembled_.work,
        stop=served.stop,
    )


def assembled(settings: CollectorSettings, metrics: Metrics, streams: Streams) -> Assembled:
    """The use case over whatever streams. Raises SettingsRefused."""
    clock, pace, figures = SystemClock(), Pace(), Figures(metrics)
    time, onlookers = ExchangeTime(clock), Onlookers()
    budget = Budget(settings.weight, time.now)
    http = Http(_CONNECTIONS, _ONE_ATTEMPT, pace, budget.told)
    collector = Collector(
        Plan(_timeframes(settings.timeframes), settings.trades, settings.start),
        Bounds(settings.room, settings.waiting, settings.quiet, settings.measure),
        Habits(settings.stream_url, settings.renewal, settings.silence, settings.keepalive, settings.reconnect),
        BinanceApi(http, settings.exchange_url, budget),
        budget,
        streams,
        time,
        clock,
        pace,
        figures,
        onlookers,
    )
    file = SymbolFile(settings.state / "symbols.json") if settings.state else None
    source = _sources(settings.exchange_url, http, budget, pace)
    served = CollectorService(collector, Backfills(source, streams, pace), source, onlookers, file)
    for symbol in _first_symbols(settings, file):
        collector.add(symbol)

    async def work() -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(http)
            stack.push_async_callback(streams.close)
            await served.work()

    return Assembled(served, work)


def _sources(url: str, http: Http, budget: Budget, pace: Pace) -> OpenSource:
    @asynccontextmanager
    async def source(market: Market) -> AsyncIterator[BarSource]:
        if market.exchange == EXCHANGE:
            venue = venue_of(market.symbol)
            asked = BinanceRest(http, url if venue is SPOT else venue.rest_url, market, Kind.KLINES)
            yield SparingSource(asked, budget, _WEIGHT_OF_BARS[venue])
        else:
            from tidewright.adapters.exchange.ccxt_source import CcxtSource  # noqa: PLC0415 - it takes seconds

            yield await asyncio.to_thread(CcxtSource, market, None, _ONE_ATTEMPT, pace)

    return source


def _timeframes(text: str) -> tuple[str, ...]:
    named = _names(text)
    for timeframe in named:
        if timeframe not in STEPS:
            raise SettingsRefused(f"{PREFIX}TIMEFRAMES: {timeframe!r}: name some of {', '.join(STEPS)}")
    return named


def _first_symbols(settings: CollectorSettings, file: SymbolFile | None) -> tuple[str, ...]:
    try:
        remembered = file.read() if file else None
    except SymbolFileDamaged as error:
        raise SettingsRefused(f"{PREFIX}STATE: {error}") from error
    symbols = _names(settings.symbols) if remembered is None else tuple(remembered)
    for symbol in symbols:
        if not well_formed(symbol):
            raise SettingsRefused(f"{PREFIX}SYMBOLS: {symbol!r}: of Binance's spot market, as in BTC/USDT")
    return symbols


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
