"""A grid search through the kernel's sweep, and how far its winner is to be believed."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from backtest_engine.requests import Asked
from backtest_engine.searches import OptimizationSpec
from tidewright.adapters.engines import find_engine
from tidewright.domain.backtest import backtest
from tidewright.domain.bars import Bars, Floats
from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.overfitting import TrackRecord, deflated_sharpe, expected_maximum_sharpe
from tidewright.domain.strategies.evaluation import declared_warmup, evaluate
from tidewright.domain.strategies.parameters import ParameterErrors, resolve_for
from tidewright.domain.strategies.step import is_step
from tidewright.domain.strategies.strategy import Parameters, Signals, Strategy, Value
from tidewright.domain.sweep import Sweep, sweep
from tidewright.ports import BarStore
from tidewright.runs.plan import BacktestPlan, broker_of, data_digest, judged
from tidewright.runs.record import number_of
from tidewright.runs.refusal import InputRefused
from tidewright.specs.manifest import API_VERSION

_COLUMNS = {"totalReturn": "total_return", "sharpe": "sharpe", "maxDrawdown": "max_drawdown", "trades": "trades"}
_CONFIDENT = 0.95


def optimized(
    wanted: OptimizationSpec,
    asked: Asked,
    sets: Sequence[Parameters],
    store: BarStore,
    most_evaluations: int,
    progress: Callable[[float], None] = lambda done: None,
) -> dict[str, Any]:
    """Trade every one of `sets` over the backtest's period, and tell of the best as JSON values.

    All sets are tried on the same bars, with as much history before the period as the longest warm-up wants. Sets that break a constraint of the strategy
    (fast < slow) are left out, and counted. Raises InputRefused, and StrategyFailed when the strategy does.
    """
    plan = asked.plan(find_engine=find_engine)
    _refuse_unswept(plan)
    strategy = plan.strategy.strategy
    tried = _fitting(plan, sets)
    warmup = max(declared_warmup(strategy, parameters) for parameters in tried)
    (data,) = judged(plan.markets, plan.spec, warmup, None, store, plan.written)
    bars, start = data.series.bars, data.series.start
    if len(bars) * len(tried) > most_evaluations:
        message = (
            f"{len(tried):,} parameter sets over {len(bars):,} bars; at most {most_evaluations:,} of both together are tried here: "
            "search fewer sets, or a shorter period"
        )
        raise InputRefused([plan.written.problem("data", message=message)])
    _refuse_short_sales(plan, strategy, tried[0], bars)
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(done / len(tried))

    broker, risk = broker_of(plan.spec.broker), plan.strategy.risk
    found = sweep(bars, strategy, tried, broker, risk, start, progress=tell)
    order = ranked(found, wanted.metric)
    best = tried[order[0]]
    outcome = backtest(bars, strategy, best, broker, risk, start)
    returns, yearly = daily_returns(outcome.clock.time, outcome.ledger.equity, broker.cash, bars.step)
    doubts = believed(found.sharpe, returns, yearly)
    return {
        "kind": "Optimization",
        "name": plan.name,
        "metric": wanted.metric,
        "trials": len(tried),
        "skipped": len(sets) - len(tried),
        "bars": len(bars) - start,
        "best": _row(best, found, order[0]),
        "results": [_row(tried[index], found, index) for index in order[: wanted.top]],
        "overfitting": doubts,
        "warnings": _warnings(doubts),
        "run": _run(plan, best),
        "provenance": {
            "data": {"digest": data_digest([data]), "simulated": store.describe(data.market).simulated},
            "strategy": {"name": strategy.name},
            "arithmeticRevision": ARITHMETIC_REVISION,
        },
    }


def ranked(found: Sweep, metric: str) -> list[int]:
    """The sets' indices, the best first, those whose figure is undefined last, equals in their own order. Of drawdowns the smallest is best."""
    values: Floats = getattr(found, _COLUMNS[metric])
    signed = values if metric == "maxDrawdown" else -values
    return [int(index) for index in np.argsort(np.where(np.isnan(values), math.inf, signed), kind="stable")]


def believed(sharpes: Floats, returns: Floats, yearly: float) -> dict[str, Any]:
    """What is left of the best's Sharpe ratio once it is remembered how many were tried; `sharpes` are annualised, `returns` are the best's own, a day each.

    The trials count as independent, which neighbours on a grid are not: the truth is between this and a single trial.
    """
    known = sharpes[~np.isnan(sharpes)]
    variance = float(np.var(known / math.sqrt(yearly), ddof=1)) if len(known) > 1 else math.nan
    luck = expected_maximum_sharpe(len(sharpes), variance) * math.sqrt(yearly)
    skill = deflated_sharpe(TrackRecord.of(returns), len(sharpes), variance) if len(returns) > 1 else math.nan
    return {"trials": len(sharpes), "sharpeOfLuck": number_of(luck), "deflatedSharpe": number_of(skill)}


def _warnings(doubts: Mapping[str, Any]) -> list[dict[str, str]]:
    luck, skill = doubts["sharpeOfLuck"], doubts["deflatedSharpe"]
    message = f"The best of {doubts['trials']:,} parameter sets is best on these bars, which it was chosen on."
    if luck is not None and skill is not None:
        message += (
            f" Without any skill the best of so many would be expected at a Sharpe ratio of {luck:.2f}; "
            f"the probability that there is skill beyond that (deflated Sharpe ratio) is {skill:.0%}."
        )
    told = [{"reason": "ChosenInSample", "message": message + " Test it on bars that the search has not seen."}]
    if skill is None or skill < _CONFIDENT:
        more = (
            "The search is more likely to have found luck than skill, or too little is known to tell: do not trade it."
        )
        told.insert(0, {"reason": "SkillNotShown", "message": more})
    return told


def _refuse_unswept(plan: BacktestPlan) -> None:
    """What the sweep does not know of, and would leave out without a word."""
    spec, written = plan.spec, plan.written
    problems = []
    if len(plan.markets) > 1:
        message = "a grid is tried on one symbol; optimize each by itself"
        problems.append(written.problem("strategy", "symbols", message=message))
    if spec.broker.filters:
        problems.append(written.problem("broker", "filters", message="are not known to a grid; leave them out here"))
    if spec.broker.funding == "Stored":
        message = "is not known to a grid; leave it out here, and run the best with it"
        problems.append(written.problem("broker", "funding", message=message, value="Stored"))
    if spec.engine != "Fast":
        message = "a grid is tried by the kernel alone; leave it out, or write Fast"
        problems.append(written.problem("engine", message=message, value=spec.engine))
    if problems:
        raise InputRefused(problems)


def _refuse_short_sales(plan: BacktestPlan, strategy: Strategy, parameters: Parameters, bars: Bars) -> None:
    if plan.spec.broker.account != "Spot" or is_step(strategy):
        return
    signals = evaluate(strategy, bars, parameters).signals
    if isinstance(signals, Signals) and signals.enter_short is not None:
        message = (
            "the strategy sells short, which a spot account cannot; set account: Margin, or remove its short signals"
        )
        raise InputRefused([plan.written.problem("broker", "account", message=message, value="Spot")])


def _fitting(plan: BacktestPlan, sets: Sequence[Parameters]) -> list[dict[str, Value]]:
    """The sets that fit the strategy, every parameter given. Raises InputRefused where none does."""
    fitting, reason = [], None
    for one in sets:
        try:
            fitting.append(resolve_for(plan.strategy.strategy, one))
        except ParameterErrors as error:
            reason = reason or error
    if not fitting:
        message = f"no parameter set fits the strategy; of the first: {reason}"
        raise InputRefused([plan.written.problem("strategy", "parameters", message=message)])
    return fitting


def _run(plan: BacktestPlan, best: Parameters) -> dict[str, Any]:
    """The backtest of the best, ready to be run with all its checks."""
    spec = plan.spec.record()
    spec["strategy"] = {**plan.strategy.spec.record(), "parameters": dict(best)}
    metadata = {"name": f"{plan.name[:50].rstrip('.-')}-best"}
    return {"apiVersion": API_VERSION, "kind": "BacktestRun", "metadata": metadata, "spec": spec}


def _row(parameters: Parameters, found: Sweep, index: int) -> dict[str, Any]:
    figures = {name: number_of(getattr(found, column)[index]) for name, column in _COLUMNS.items()}
    return {"parameters": dict(parameters), **figures, "trades": int(found.trades[index])}
