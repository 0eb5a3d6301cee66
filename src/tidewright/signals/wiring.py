"""The service put together from its settings."""

import os
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tidewright.adapters.anchor_files import AnchorFiles
from tidewright.adapters.clock import ReplayClock, SystemClock
from tidewright.adapters.file_url import path_of
from tidewright.adapters.store_feed import StoreFeed
from tidewright.adapters.stores import stores, stores_at
from tidewright.domain.bars import Market
from tidewright.ports import Anchors, BarFeed, BarStore, Clock
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import ResolvedStrategy, resolve_strategy
from tidewright.serving.metrics import Metrics
from tidewright.serving.service import Service
from tidewright.serving.settings import PREFIX, SettingsRefused
from tidewright.signals import rest, rpc
from tidewright.signals.figures import Figures
from tidewright.signals.follower import Follower
from tidewright.signals.service import SignalService
from tidewright.signals.settings import SignalSettings
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.problems import Problem, nearest
from tidewright.specs.quantities import epoch_milliseconds
from tidewright.specs.trading_strategy import TradingStrategy

NUMBER = 11
"""The service's number, which gives its ports."""


@dataclass(frozen=True)
class Chosen:
    """The strategy that is to be served, and the markets that it trades."""

    name: str
    strategy: ResolvedStrategy
    markets: tuple[Market, ...]


def signal_service(settings: SignalSettings, metrics: Metrics) -> Service:
    """The service as its host wants it. Raises InputRefused, StrategyError, SettingsRefused and UrlRefused."""
    chosen = chosen_strategy(settings.strategy, settings.name, settings.exchange)
    clock = _clock(settings)
    feed = StoreFeed(store_of(settings.store), clock, round(settings.delay * 1_000), round(settings.poll * 1_000))
    start = _time("START", settings.start) if settings.start else None
    figures = Figures(metrics)
    executor = ThreadPoolExecutor(os.cpu_count(), "evaluation")
    served = assembled(chosen, feed, AnchorFiles(settings.anchor), clock, executor, figures, start)
    return Service(
        name="signals",
        number=NUMBER,
        title=f"Signals of {chosen.name}",
        router=rest.router(served),
        servicers=(rpc.servicer(served),),
        problem=served.problem,
        work=served.work,
        stop=served.stop,
    )


def assembled(
    chosen: Chosen,
    feed: BarFeed,
    anchors: Anchors,
    clock: Clock,
    executor: Executor,
    figures: Figures,
    start: int | None = None,
) -> SignalService:
    """The use case over whatever bars, anchors and time."""
    followers = {
        market.symbol: Follower(chosen.strategy, market, feed, anchors, clock, executor, figures, start)
        for market in chosen.markets
    }
    return SignalService(chosen.name, chosen.strategy, followers, clock, figures)


def chosen_strategy(file: Path, name: str = "", exchange: str = "") -> Chosen:
    """The TradingStrategy in `file`, by its `name` where there are several. Raises InputRefused and StrategyError."""
    found, document = _resource(file, name)
    traded_on = exchange or (found.spec.execution.exchange if found.spec.execution else "")
    if not traded_on:
        message = f"no exchange to read the bars of; set {PREFIX}EXCHANGE, or add execution.exchange"
        raise InputRefused([document.problem(("spec",), message)])
    strategy = resolve_strategy(found.spec.snapshot(), document, ("spec",), [file.resolve().parent])
    markets = tuple(Market(traded_on, symbol, found.spec.timeframe) for symbol in dict.fromkeys(found.spec.symbols))
    return Chosen(found.metadata.name, strategy, markets)


def _resource(file: Path, name: str) -> tuple[TradingStrategy, Document]:
    manifest = Manifest()
    try:
        manifest.read(str(file), file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused([Problem(str(file), 0, (), f"cannot be read: {error}")]) from error
    if manifest.problems:
        raise InputRefused(manifest.problems)
    found = {its: (resource, document) for its, resource, document in manifest.of_kind("TradingStrategy")}
    wanted = name or (next(iter(found)) if len(found) == 1 else "")
    resource, document = found.get(wanted, (None, None))
    if not isinstance(resource, TradingStrategy) or document is None:
        raise InputRefused([Problem(str(file), 0, (), _which(name, list(found)))])
    return resource, document


def _which(name: str, found: Sequence[str]) -> str:
    if not found:
        return "no TradingStrategy in it; a signal service serves one"
    there = f"there are {', '.join(found)}"
    if name:
        return f"no TradingStrategy of the name {name!r}{nearest(name, found)}; {there}"
    return f"several TradingStrategies, {there}; set {PREFIX}NAME to one of them"


def _clock(settings: SignalSettings) -> Clock:
    if not settings.replay_from:
        return SystemClock()
    return ReplayClock(_time("REPLAY_FROM", settings.replay_from), settings.replay_speed)


def _time(name: str, text: str) -> int:
    try:
        return epoch_milliseconds(text)
    except (ValueError, OverflowError):
        raise SettingsRefused(
            f"{PREFIX}{name}: {text!r}: not a time; write it as 2024-01-31T04:00:00Z or 2024-01-31"
        ) from None


def store_of(url: str) -> BarStore:
    """The store at a URL, or the local one. Raises UrlRefused."""
    return stores_at(path_of(url)) if url else stores(os.environ)
