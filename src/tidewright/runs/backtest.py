"""The use case behind a `BacktestRun`: data, checks, fills, metrics, and the record of it all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidewright.domain import backtest as arithmetic
from tidewright.domain import kernel
from tidewright.domain.bars import Bars, Market
from tidewright.domain.bootstrap import Interval, intervals
from tidewright.domain.costs import Broker
from tidewright.domain.lookahead import LookAheadProof, prove_causal
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.monte_carlo import Spread, account_returns, monte_carlo
from tidewright.domain.provenance import bars_digest, result_digest
from tidewright.domain.quality import Finding, assess
from tidewright.domain.timeframe import milliseconds
from tidewright.domain.warmup import WarmupCheck, measure_warmup
from tidewright.ports import BarStore, Engine, FindEngine
from tidewright.runs.data import load_period, refuse_broken
from tidewright.runs.engines import NOT_INSTALLED, OTHER, Opinion, ask
from tidewright.runs.refusal import InputRefused, collected
from tidewright.runs.strategies import ResolvedStrategy, resolve_strategy
from tidewright.specs.backtest_run import BacktestRun, BacktestRunSpec
from tidewright.specs.backtest_run import Broker as BrokerSpec
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.problems import Problem, nearest
from tidewright.specs.quantities import ratio
from tidewright.specs.trading_strategy import StrategySpec, TradingStrategy

STAGES = ("Reading bars", "Trading", "Asking the other engine", "Proving causality", "Drawing intervals", "Monte Carlo")
"""The steps of a run, in order, as they are told to whoever waits."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Written:
    """Where a backtest and its strategy are written: in one document, or in two."""

    document: Document
    strategy_document: Document
    strategy_path: tuple[str, ...]

    def problem(self, *path: str, message: str, value: object = None) -> Problem:
        """A problem of one field of the backtest's spec; those of the strategy are located where that is written."""
        if path[0] == "strategy":
            return self.strategy_document.problem((*self.strategy_path, *path[1:]), message, value)
        return self.document.problem(("spec", *path), message, value)


@dataclass(frozen=True)
class BacktestPlan:
    """A backtest that is ready to run: nothing in it refers to anything outside."""

    name: str
    spec: BacktestRunSpec
    strategy: ResolvedStrategy
    market: Market
    written: Written
    engine: Engine | None = None

    @property
    def document(self) -> Document:
        """The document that the resource is written in."""
        return self.written.document


@dataclass(frozen=True)
class BacktestFindings:
    """Everything that a run found, before it is written down."""

    plan: BacktestPlan
    bars: Bars
    warmup_bars: int
    simulated: bool
    quality: tuple[Finding, ...]
    outcome: arithmetic.Outcome
    benchmark: arithmetic.Outcome
    look_ahead: LookAheadProof | None
    warmup: WarmupCheck | None
    opinion: Opinion | None
    intervals: Mapping[str, Interval]
    monte_carlo: Mapping[str, Spread]
    data_digest: str
    digest: str


def needs_compiling() -> bool:
    """Whether the first run on this machine will wait for the compiler."""
    return kernel.needs_compiling()


def plan_backtest(
    run: BacktestRun,
    document: Document,
    manifest: Manifest,
    import_from: Sequence[Path] = (),
    store: BarStore | None = None,
    find_engine: FindEngine = lambda name: None,
) -> BacktestPlan:
    """Resolve everything that `run` refers to, and judge its data where a `store` is given.

    Raises InputRefused with every problem found, StrategyFailed when the strategy cannot say how long it warms up.
    """
    problems: list[Problem] = []
    spec = run.spec
    engine = None if spec.engine == "Fast" else find_engine(OTHER)
    if spec.engine != "Fast" and engine is None:
        problems.append(document.problem(("spec", "engine"), NOT_INSTALLED, spec.engine))
    if spec.engine != "Fast" and spec.broker.account != "Spot":
        message = "the other engine judges spot accounts alone; use engine: Fast"
        problems.append(document.problem(("spec", "engine"), message, spec.engine))
    wanted = strategy = None
    with collected(problems):
        wanted, written = _wanted_strategy(run, document, manifest)
        if len(wanted.symbols) > 1:
            message = "this version trades one symbol on an account; keep one, or write a BacktestRun for each"
            problems.append(written.problem("strategy", "symbols", message=message))
        beside = Path(written.strategy_document.file or "manifest").resolve().parent
        folders = list(dict.fromkeys((beside, *import_from)))
        with collected(problems):
            strategy = resolve_strategy(wanted, written.strategy_document, written.strategy_path, folders)
        market = Market(spec.data.exchange, wanted.symbols[0], wanted.timeframe)
        if store is not None:
            _judged_bars(market, spec, strategy.warmup if strategy else 0, None, store, written)
    if problems or strategy is None:
        raise InputRefused(problems)
    return BacktestPlan(run.metadata.name, spec, strategy, market, written, engine)


def run_backtest(
    plan: BacktestPlan, store: BarStore, progress: Progress = lambda stage: None, history: int | None = None
) -> BacktestFindings:
    """Run `plan` on the bars of `store`.

    `progress` is told each of `STAGES` as it begins; those that the resource does not ask for have no beginning. `history` is how many bars before the period to use; absent, as many as the strategy's warm-up asks
    for and the store has. Raises InputRefused for data that is missing or too poor, StrategyFailed when the strategy does.
    """
    spec, strategy = plan.spec, plan.strategy
    progress(STAGES[0])
    bars, start, quality = _judged_bars(plan.market, spec, strategy.warmup, history, store, plan.written)
    progress(STAGES[1])
    broker = broker_of(spec.broker)
    outcome = arithmetic.backtest(bars, strategy.strategy, strategy.parameters, broker, strategy.risk, start)
    if spec.broker.account == "Spot" and outcome.evaluation.signals.enter_short is not None:
        message = (
            "the strategy sells short, which a spot account cannot; set account: Margin, or remove its short signals"
        )
        raise InputRefused([plan.written.problem("broker", "account", message=message, value=spec.broker.account)])
    benchmark = arithmetic.buy_and_hold(outcome.bars, broker)
    opinion = None
    if plan.engine is not None:
        progress(STAGES[2])
        both = spec.engine == "Both"
        outcome, opinion = ask(plan.engine, outcome, start, strategy.warmup, broker, strategy.risk, both=both)
    progress(STAGES[3])
    proof = warmup = None
    if spec.checks.look_ahead:
        proof = prove_causal(
            strategy.strategy, bars, strategy.parameters, outcome.evaluation, spec.seed, strategy.unasked
        )
        warmup = measure_warmup(strategy.strategy, bars, strategy.parameters, outcome.evaluation)
    progress(STAGES[4])
    returns, yearly = daily_returns(outcome.bars.time, outcome.ledger.equity, broker.cash, outcome.bars.step)
    drawn = intervals(returns, yearly, outcome.trades, spec.seed)
    spreads: Mapping[str, Spread] = {}
    if spec.checks.monte_carlo:
        progress(STAGES[5])
        by_trade = account_returns(outcome.trades, outcome.ledger.equity, broker.cash)
        spreads = monte_carlo(returns, by_trade, spec.checks.monte_carlo, spec.seed)
    return BacktestFindings(
        plan=plan,
        bars=bars,
        warmup_bars=start,
        simulated=store.describe(plan.market).simulated,
        quality=quality,
        outcome=outcome,
        benchmark=benchmark,
        look_ahead=proof,
        warmup=warmup,
        opinion=opinion,
        intervals=drawn,
        monte_carlo=spreads,
        data_digest=bars_digest(bars),
        digest=result_digest(outcome.ledger, kernel.ARITHMETIC_REVISION),
    )


def broker_of(broker: BrokerSpec) -> Broker:
    """The account and its costs as the kernel's numbers."""
    maker = broker.maker_commission
    return Broker(
        cash=broker.cash,
        commission=ratio(broker.commission),
        slippage=ratio(broker.slippage),
        maker_commission=None if maker is None else ratio(maker),
        leverage=broker.leverage,
        maintenance_margin=ratio(broker.maintenance_margin),
    )


def _judged_bars(
    market: Market, spec: BacktestRunSpec, warmup: int, history: int | None, store: BarStore, written: Written
) -> tuple[Bars, int, tuple[Finding, ...]]:
    """The bars, the index of the period's first one, and what there is to say of them; raises InputRefused."""
    max_gap = milliseconds(spec.checks.max_gap)
    bars, start = load_period(market, spec.data, max_gap, warmup, history, store, written.problem)
    findings = () if spec.checks.data_quality == "Ignore" else assess(bars, max_gap)
    refuse_broken(bars, findings, spec.checks, written.problem)
    return bars, start, findings


def _wanted_strategy(run: BacktestRun, document: Document, manifest: Manifest) -> tuple[StrategySpec, Written]:
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
