"""A backtest made ready: everything that its resource refers to, resolved, and its data judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from tidewright.domain.backtest import Series
from tidewright.domain.bars import Market
from tidewright.domain.costs import NO_FILTERS, Bracket, Broker, Filters
from tidewright.domain.provenance import bars_digest, record_digest
from tidewright.domain.quality import Finding, assess
from tidewright.domain.strategies.step import is_step
from tidewright.domain.strategies.strategy import Strategy
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import BarStore, Engine, FindEngine
from tidewright.runs.data import load_period, refuse_broken, refuse_uncovered
from tidewright.runs.engines import NOT_INSTALLED, OTHER
from tidewright.runs.funding import load_funding
from tidewright.runs.refusal import InputRefused, collected
from tidewright.runs.strategies import ResolvedStrategy, resolve_strategy
from tidewright.specs import backtest_run as spec
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.problems import Problem, nearest
from tidewright.specs.quantities import ratio
from tidewright.specs.trading_strategy import StrategySpec, TradingStrategy


@dataclass(frozen=True)
class Written:
    """Where a backtest and its strategy are written: in one document, or in two."""

    document: Document
    strategy_document: Document
    strategy_path: tuple[str, ...]

    def problem(self, *path: str | int, message: str, value: object = None) -> Problem:
        """A problem of one field of the backtest's spec; those of the strategy are located where that is written."""
        if path[0] == "strategy":
            return self.strategy_document.problem((*self.strategy_path, *path[1:]), message, value)
        return self.document.problem(("spec", *path), message, value)


@dataclass(frozen=True)
class BacktestPlan:
    """A backtest that is ready to run: nothing in it refers to anything outside."""

    name: str
    spec: spec.BacktestRunSpec
    strategy: ResolvedStrategy
    markets: tuple[Market, ...]
    written: Written
    engine: Engine | None = None

    @property
    def document(self) -> Document:
        """The document that the resource is written in."""
        return self.written.document


@dataclass(frozen=True)
class Judged:
    """One symbol's bars and funding, and what there is to say of the bars."""

    market: Market
    series: Series
    quality: tuple[Finding, ...]

    @cached_property
    def digest(self) -> str:
        """The digest of the bars."""
        return bars_digest(self.series.bars)


def plan_backtest(
    run: spec.BacktestRun,
    document: Document,
    manifest: Manifest,
    import_from: Sequence[Path] = (),
    store: BarStore | None = None,
    find_engine: FindEngine = lambda name: None,
    served: Strategy | None = None,
) -> BacktestPlan:
    """Resolve everything that `run` refers to, and judge its data where a `store` is given; `served` is its strategy, where that has its code in another process.

    Raises InputRefused with every problem found, StrategyFailed when the strategy cannot say how long it warms up.
    """
    problems: list[Problem] = []
    engine = None if run.spec.engine == "Fast" else find_engine(OTHER)
    strategy = None
    with collected(problems):
        wanted, written = _wanted_strategy(run, document, manifest)
        problems += _unfit_symbols(wanted, written)
        beside = Path(written.strategy_document.file or "manifest").resolve().parent
        folders = list(dict.fromkeys((beside, *import_from)))
        with collected(problems):
            strategy = resolve_strategy(wanted, written.strategy_document, written.strategy_path, folders, served)
        problems += _unfit_for_engine(run.spec, wanted, strategy, engine, document)
        problems += _unknown_filters(run.spec, wanted, document)
        markets = tuple(Market(run.spec.data.exchange, symbol, wanted.timeframe) for symbol in wanted.symbols)
        if store is not None:
            with collected(problems):
                judged(markets, run.spec, strategy.warmup if strategy else 0, None, store, written)
    if problems or strategy is None:
        raise InputRefused(problems)
    return BacktestPlan(run.metadata.name, run.spec, strategy, markets, written, engine)


def judged(
    markets: Sequence[Market],
    run: spec.BacktestRunSpec,
    warmup: int,
    history: Sequence[int] | None,
    store: BarStore,
    written: Written,
) -> tuple[Judged, ...]:
    """The data of a run, by symbol; `history` says how many bars before the period each had.

    Of several symbols, each may be listed later and delisted earlier than the others. Raises InputRefused with every problem.
    """
    problems: list[Problem] = []
    loaded = []
    for index, market in enumerate(markets):
        with collected(problems):
            kept = None if history is None else history[index]
            loaded.append(_judged_one(market, run, warmup, kept, store, written, alone=len(markets) == 1))
    max_gap = milliseconds(run.checks.max_gap)
    if not problems and len(markets) > 1:
        with collected(problems):
            refuse_uncovered([one.series.period for one in loaded], run.data, max_gap, written.problem)
        if run.data.digest not in (None, found := data_digest(loaded)):
            message = f"the bars of this run have the digest {found}; import the data that was meant, or change digest"
            problems.append(written.problem("data", "digest", message=message, value=run.data.digest))
    if problems:
        raise InputRefused(problems)
    last = max(int(one.series.bars.time[-1]) for one in loaded)
    return tuple(_with_end(one, last - max_gap) for one in loaded)


def data_digest(symbols: Sequence[Judged]) -> str:
    """The digest of the bars; of several symbols, that of their digests."""
    digests = {one.market.symbol: one.digest for one in symbols}
    return record_digest(digests) if len(symbols) > 1 else digests[symbols[0].market.symbol]


def _judged_one(
    market: Market,
    run: spec.BacktestRunSpec,
    warmup: int,
    history: int | None,
    store: BarStore,
    written: Written,
    *,
    alone: bool,
) -> Judged:
    """The data of one symbol; the funding is judged as well where the bars are refused."""
    problems: list[Problem] = []
    max_gap = milliseconds(run.checks.max_gap)
    period = None
    with collected(problems):
        bars, start = load_period(market, run.data, max_gap, warmup, history, store, written.problem, alone=alone)
        findings = () if run.checks.data_quality == "Ignore" else assess(bars, max_gap)
        refuse_broken(bars, findings, run.checks, written.problem, alone=alone)
        period = bars.part(start, len(bars))
    with collected(problems):
        funding = load_funding(market, run.broker, period, store, written.problem)
    if problems:
        raise InputRefused(problems)
    filters = filters_of(run.broker).get(market.symbol, NO_FILTERS)
    return Judged(market, Series(bars, start, funding, filters), findings)


def _with_end(one: Judged, latest: int) -> Judged:
    """Marked as delisted where its last bar opens before `latest`."""
    series = one.series
    if int(series.bars.time[-1]) >= latest:
        return one
    gone = Series(series.bars, series.start, series.funding, series.filters, delisted=True)
    return Judged(one.market, gone, one.quality)


def broker_of(broker: spec.Broker) -> Broker:
    """The account and its costs as the kernel's numbers."""
    maker = broker.maker_commission
    costs = Broker(
        cash=broker.cash,
        commission=ratio(broker.commission),
        slippage=ratio(broker.slippage),
        maker_commission=None if maker is None else ratio(maker),
        leverage=broker.leverage,
        maintenance_margin=ratio(broker.maintenance_margin),
    )
    return costs if broker.volume_share is None else replace(costs, volume_share=ratio(broker.volume_share))


def filters_of(broker: spec.Broker) -> dict[str, Filters]:
    """What the exchange asks of orders, by symbol, as the kernel's numbers."""
    return {
        one.symbol: Filters(
            tick=_decimal(one.tick),
            lot=_decimal(one.lot),
            min_notional=one.min_notional or 0.0,
            brackets=tuple(Bracket(b.notional, b.leverage, ratio(b.maintenance_margin)) for b in one.brackets),
        )
        for one in broker.filters
    }


def _decimal(value: float | None) -> Fraction:
    """The decimal number that was written, exactly."""
    return Fraction(0) if value is None else Fraction(repr(value))


def _unfit_symbols(wanted: StrategySpec, written: Written) -> list[Problem]:
    """Why the symbols cannot be traded on one account."""
    messages = []
    currencies = {symbol: symbol.partition("/")[2].rpartition(":")[2] for symbol in wanted.symbols}
    if len(set(currencies.values())) > 1:
        told = ", ".join(f"{symbol} is kept in {currency}" for symbol, currency in currencies.items())
        messages.append(f"an account is kept in one currency ({told}); write a BacktestRun for each currency")
    twice = sorted({symbol for symbol in wanted.symbols if wanted.symbols.count(symbol) > 1})
    if twice:
        messages.append(f"named more than once: {', '.join(twice)}; name each symbol once")
    return [written.problem("strategy", "symbols", message=message) for message in messages]


def _unfit_for_engine(
    run: spec.BacktestRunSpec,
    wanted: StrategySpec,
    strategy: ResolvedStrategy | None,
    engine: Engine | None,
    document: Document,
) -> list[Problem]:
    """Why the other engine cannot be asked."""
    if run.engine == "Fast":
        return []
    messages = []
    if engine is None:
        messages.append(NOT_INSTALLED)
    if run.broker.account != "Spot":
        messages.append("the other engine judges spot accounts alone; use engine: Fast")
    limits = wanted.risk
    beyond = limits.max_entries > 1 or limits.cooldown or limits.max_symbol_exposure or limits.max_total_exposure
    if len(wanted.symbols) > 1 or beyond or run.broker.volume_share or run.broker.filters:
        messages.append("the other engine judges one symbol without limits and filters alone; use engine: Fast")
    if strategy is not None and is_step(strategy.strategy):
        messages.append("the other engine judges strategies of signals alone; use engine: Fast")
    return [document.problem(("spec", "engine"), message, run.engine) for message in messages]


def _unknown_filters(run: spec.BacktestRunSpec, wanted: StrategySpec, document: Document) -> list[Problem]:
    known = {one.symbol for one in run.broker.filters} & set(wanted.symbols)
    return [
        document.problem(
            ("spec", "broker", "filters", index, "symbol"),
            f"the strategy does not trade it{nearest(one.symbol, wanted.symbols)}; remove the entry, or name one of its symbols",
            one.symbol,
        )
        for index, one in enumerate(run.broker.filters)
        if one.symbol not in known
    ]


def _wanted_strategy(run: spec.BacktestRun, document: Document, manifest: Manifest) -> tuple[StrategySpec, Written]:
    """The strategy's spec, and where it is written."""
    tested = run.spec.strategy
    if tested.name is None:
        return tested.inline(), Written(document, document, ("spec", "strategy"))
    for name, resource, its_document in manifest.of_kind("TradingStrategy"):
        if name == tested.name and isinstance(resource, TradingStrategy):
            return resource.spec.snapshot(), Written(document, its_document, ("spec",))
    if manifest.problems:
        raise InputRefused(())  # it may be one of those that could not be read, which is told already
    known = manifest.names("TradingStrategy")
    there = f"; there are {', '.join(known)}" if known else ""
    message = (
        f"no TradingStrategy of this name in the files given{nearest(tested.name, known)}{there}; name its file too"
    )
    raise InputRefused([document.problem(("spec", "strategy", "name"), message, tested.name)])
