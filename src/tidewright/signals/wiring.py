"""The service put together from its settings."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tidewright.adapters.anchor_files import AnchorFiles
from tidewright.adapters.clock import ReplayClock, SystemClock
from tidewright.adapters.grpc_peer import Patience
from tidewright.adapters.remote_strategy import RemoteStrategy
from tidewright.adapters.stores import store_at, stores
from tidewright.domain.bars import Market
from tidewright.domain.strategies.strategy import Strategy
from tidewright.ports import Anchors, BarFeed, BarStore, Clock
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import ResolvedStrategy, resolve_strategy
from tidewright.serving.metrics import Metrics
from tidewright.serving.service import Service
from tidewright.serving.settings import PREFIX, SettingsRefused
from tidewright.signals import rest, rpc
from tidewright.signals.figures import Figures
from tidewright.signals.follower import Follower
from tidewright.signals.publisher import publish
from tidewright.signals.service import SignalService
from tidewright.signals.settings import SignalSettings
from tidewright.signals.sources import Sources, sources
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
    """The service as its host wants it. Raises InputRefused, StrategyError and SettingsRefused, and StrategyUnreachable where nobody answers who has the strategy's code."""
    remote = partial(_remote, settings.strategy_endpoint, settings.strategy_timeout)
    connect = remote if settings.strategy_endpoint else None
    chosen = chosen_strategy(settings.strategy, settings.name, settings.exchange, connect)
    clock = _clock(settings)
    bars = sources(settings, clock, partial(store_of, settings.store))
    start = _time("START", settings.start) if settings.start else None
    figures = Figures(metrics)
    executor = ThreadPoolExecutor(os.cpu_count(), "evaluation")
    served = assembled(chosen, bars.feed, AnchorFiles(settings.anchor), clock, executor, figures, start)

    def stop() -> None:
        served.stop()
        if isinstance(chosen.strategy.strategy, RemoteStrategy):
            chosen.strategy.strategy.close()

    return Service(
        name="signals",
        number=NUMBER,
        title=f"Signals of {chosen.name}",
        router=rest.router(served),
        servicers=(rpc.servicer(served),),
        problem=served.problem,
        work=partial(_work, served, bars),
        stop=stop,
    )


async def _work(served: SignalService, bars: Sources) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bars.listen())
            tasks.create_task(served.work())
            if bars.streams is not None:
                tasks.create_task(publish(served, bars.streams))
    finally:
        await bars.close()


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


def _remote(endpoint: str, timeout: float) -> RemoteStrategy:
    return RemoteStrategy(endpoint, Patience(answer=timeout))


def chosen_strategy(
    file: Path, name: str = "", exchange: str = "", connect: Callable[[], Strategy] | None = None
) -> Chosen:
    """The TradingStrategy in `file`, by its `name` where there are several; one of `classRef` is asked through `connect`, where that is given.

    Raises InputRefused, StrategyError, and what `connect` does.
    """
    found, document = _resource(file, name)
    traded_on = exchange or (found.spec.execution.exchange if found.spec.execution else "")
    if not traded_on:
        message = f"no exchange to read the bars of; set {PREFIX}EXCHANGE, or add execution.exchange"
        raise InputRefused([document.problem(("spec",), message)])
    served = connect() if connect and found.spec.source.class_ref else None
    strategy = resolve_strategy(found.spec.snapshot(), document, ("spec",), [file.resolve().parent], served)
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
    return store_at(url) if url else stores(os.environ)
