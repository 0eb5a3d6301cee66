"""A backtest from a plan to findings: data, checks, fills, metrics, and what to make of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tidewright.domain import backtest as arithmetic
from tidewright.domain import kernel
from tidewright.domain.bootstrap import Interval, intervals
from tidewright.domain.costs import NO_FILTERS, Broker
from tidewright.domain.lookahead import LookAheadProof, prove_causal
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.monte_carlo import Spread, account_returns, monte_carlo
from tidewright.domain.provenance import result_digest
from tidewright.domain.strategies.step import is_step
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.warmup import WarmupCheck, measure_warmup
from tidewright.ports import BarStore
from tidewright.runs.engines import Opinion, ask
from tidewright.runs.plan import BacktestPlan, Judged, broker_of, data_digest, filters_of, judged
from tidewright.runs.refusal import InputRefused

PROVING = "Proving causality"
STAGES = ("Reading bars", "Trading", "Asking the other engine", PROVING, "Drawing intervals", "Monte Carlo")
"""The steps of a run, in order, as they are told to whoever waits."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class SymbolFindings:
    """What a run found of one symbol: its data, whether they are simulated, and how the strategy stood the checks on them."""

    data: Judged
    digest: str
    simulated: bool
    leg: arithmetic.Leg
    look_ahead: LookAheadProof | None
    warmup: WarmupCheck | None

    @property
    def warmup_bars(self) -> int:
        """How many bars there were before the period."""
        return self.data.series.start


@dataclass(frozen=True)
class BacktestFindings:
    """Everything that a run found, before it is written down."""

    plan: BacktestPlan
    symbols: tuple[SymbolFindings, ...]
    outcome: arithmetic.Outcome
    benchmark: arithmetic.Outcome
    opinion: Opinion | None
    intervals: Mapping[str, Interval]
    monte_carlo: Mapping[str, Spread]
    data_digest: str
    digest: str

    @property
    def simulated(self) -> bool:
        """Whether any of the bars come from a generator."""
        return any(one.simulated for one in self.symbols)


def needs_compiling(plan: BacktestPlan | None = None) -> bool:
    """Whether the run of a plan, or that of any, will wait for the compiler, as the first on a machine does."""
    if plan is None or not _on_account(plan):
        return kernel.needs_compiling()
    from tidewright.domain import account  # noqa: PLC0415 - most backtests do without

    return kernel.needs_compiling() or account.needs_compiling()


def _on_account(plan: BacktestPlan) -> bool:
    """Whether the plan is beyond the kernel, which trades the signals of one symbol without limits."""
    if len(plan.markets) > 1 or is_step(plan.strategy.strategy):
        return True
    filters = filters_of(plan.spec.broker).get(plan.markets[0].symbol, NO_FILTERS)
    return arithmetic.needs_account(broker_of(plan.spec.broker), plan.strategy.risk, filters)


def run_backtest(
    plan: BacktestPlan,
    store: BarStore,
    progress: Progress = lambda stage: None,
    history: tuple[int, ...] | None = None,
    proving: Callable[[float], None] = lambda done: None,
) -> BacktestFindings:
    """Run `plan` on the bars of `store`.

    `progress` is told each of `STAGES` as it begins; those that the resource does not ask for have no beginning. `proving` is told, again and again, the share of the
    look-ahead proofs that is done, where they take long. `history` is how many bars before the period to use of
    each symbol; absent, as many as the strategy's warm-up asks for and the store has. Raises InputRefused for data that is missing or too poor, StrategyFailed when the
    strategy does.
    """
    spec, strategy = plan.spec, plan.strategy
    progress(STAGES[0])
    data = judged(plan.markets, spec, strategy.warmup, history, store, plan.written)
    series = [one.series for one in data]
    progress(STAGES[1])
    broker = broker_of(spec.broker)
    outcome = _traded(plan, series, broker)
    benchmark = arithmetic.buy_and_hold(series, broker)
    opinion = None
    if plan.engine is not None:
        progress(STAGES[2])
        both = spec.engine == "Both"
        outcome, opinion = ask(plan.engine, outcome, strategy.warmup, broker, strategy.risk, both=both)
    progress(STAGES[3])
    symbols = tuple(
        _symbol(
            plan,
            one,
            leg,
            broker,
            partial(_proved, proving, number, len(data)),
            simulated=store.describe(one.market).simulated,
        )
        for number, (one, leg) in enumerate(zip(data, outcome.legs, strict=True))
    )
    progress(STAGES[4])
    returns, yearly = daily_returns(outcome.clock.time, outcome.ledger.equity, broker.cash, outcome.clock.step)
    drawn = intervals(returns, yearly, outcome.trades, spec.seed)
    spreads: Mapping[str, Spread] = {}
    if spec.checks.monte_carlo:
        progress(STAGES[5])
        by_trade = account_returns(outcome.trades, outcome.ledger.equity, broker.cash)
        spreads = monte_carlo(returns, by_trade, spec.checks.monte_carlo, spec.seed)
    return BacktestFindings(
        plan=plan,
        symbols=symbols,
        outcome=outcome,
        benchmark=benchmark,
        opinion=opinion,
        intervals=drawn,
        monte_carlo=spreads,
        data_digest=data_digest(data),
        digest=result_digest(outcome.ledger, kernel.ARITHMETIC_REVISION),
    )


def _proved(proving: Callable[[float], None], before: int, symbols: int, done: float) -> None:
    proving((before + done) / symbols)


def _traded(plan: BacktestPlan, series: list[arithmetic.Series], broker: Broker) -> arithmetic.Outcome:
    """What the account came to. Raises InputRefused for what the account or the strategy has not got."""
    spec, strategy, rank_by = plan.spec, plan.strategy, plan.strategy.spec.risk.rank_by or ""
    try:
        outcome = arithmetic.backtest_account(
            series, strategy.strategy, strategy.parameters, broker, strategy.risk, rank_by, strategy.unasked
        )
    except arithmetic.NoSuchColumn as missing:
        message = f"the strategy has no such column; it has {', '.join(missing.columns) or 'none'}"
        problem = plan.written.problem("strategy", "risk", "rankBy", message=message, value=rank_by)
        raise InputRefused([problem]) from None
    if spec.broker.account == "Spot" and _sells_short(outcome):
        instead = "let it leave() instead of sell()" if is_step(strategy.strategy) else "remove its short signals"
        message = f"the strategy sells short, which a spot account cannot; set account: Margin, or {instead}"
        raise InputRefused([plan.written.problem("broker", "account", message=message, value=spec.broker.account)])
    return outcome


def _sells_short(outcome: arithmetic.Outcome) -> bool:
    signals = outcome.evaluation.signals
    if isinstance(signals, Signals):
        return signals.enter_short is not None
    return bool((outcome.ledger.fills.held < 0.0).any())


def _symbol(
    plan: BacktestPlan,
    data: Judged,
    leg: arithmetic.Leg,
    broker: Broker,
    progress: Callable[[float], None],
    *,
    simulated: bool,
) -> SymbolFindings:
    """The proofs of causality and of the warm-up on one symbol, where they are asked for."""
    strategy, series = plan.strategy, data.series
    proof = warmup = None
    if plan.spec.checks.look_ahead:
        asked = strategy.strategy, series.bars, strategy.parameters
        if is_step(strategy.strategy):
            from tidewright.domain.step_proof import prove_step_causal  # noqa: PLC0415 - as above

            proof = prove_step_causal(
                *asked,
                plan.spec.seed,
                strategy.unasked,
                broker=broker,
                risk=strategy.risk,
                filters=series.filters,
                progress=progress,
            )
        else:
            proof = prove_causal(*asked, leg.evaluation, plan.spec.seed, strategy.unasked)
        warmup = measure_warmup(*asked, leg.evaluation)
    return SymbolFindings(data, data.digest, simulated, leg, proof, warmup)
