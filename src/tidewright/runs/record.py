"""The record of a backtest: one JSON document, and the tables beside it. Ratios are plain numbers, undefined figures null."""

import math
import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.ledger import Reason
from tidewright.domain.metrics.measure import as_record
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.monte_carlo import BANDS, QUANTILES, RUIN, Spread
from tidewright.domain.overfitting import TrackRecord, deflated_sharpe
from tidewright.domain.provenance import record_digest
from tidewright.domain.quality import Severity
from tidewright.runs.backtest import BacktestFindings
from tidewright.runs.engines import Opinion
from tidewright.runs.warnings import warnings_of

Table = dict[str, NDArray[Any]]

TRIALS = (1, 10, 100, 1_000)
"""How many attempts the deflated Sharpe ratio is told for: nobody knows how many came before a single backtest."""

LISTED_DIFFERENCES = 20
"""How many differences between two engines a record lists; their causes are counted over all of them."""


def document_of(found: BacktestFindings, manifest: str = "") -> dict[str, Any]:
    """The record as JSON values; `manifest` is the file that the run came from, as it was named."""
    plan, outcome = found.plan, found.outcome
    figures = as_record(outcome.metrics)
    spec = _resolved_spec(found)
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "BacktestRun",
        "name": plan.name,
        "spec": spec,
        "result": {"finalEquity": _number(outcome.ledger.equity[-1]), **figures},
        "intervals": {
            "level": 0.95,
            **{name: [_number(low), _number(high)] for name, (low, high) in found.intervals.items()},
        },
        "benchmark": {"finalEquity": _number(found.benchmark.ledger.equity[-1]), **as_record(found.benchmark.metrics)},
        "deflatedSharpe": _deflated(found),
        "monteCarlo": _monte_carlo(found),
        "checks": _checks(found),
        "warnings": [{"reason": reason, "message": message} for reason, message in warnings_of(found)],
        "provenance": {**_provenance(found, manifest), "spec": {"digest": record_digest(spec)}},
        "artifacts": {},
    }


def equity_table(found: BacktestFindings) -> Table:
    """One row a bar of the period: prices, equity, holding, what buying and holding would have been worth, and the strategy's columns."""
    bars, ledger = found.outcome.bars, found.outcome.ledger
    table: Table = {
        "time": bars.time,
        "open": bars.open,
        "high": bars.high,
        "low": bars.low,
        "close": bars.close,
        "equity": ledger.equity,
        "holding": ledger.holding(),
        "benchmark": found.benchmark.ledger.equity,
    }
    for name, column in found.outcome.evaluation.columns.items():
        table[f"column:{name}"] = column[found.warmup_bars :]
    return table


def trades_table(found: BacktestFindings) -> Table:
    """One row a closed position."""
    trades = found.outcome.trades
    return {
        "entryTime": trades.entry_time,
        "exitTime": trades.exit_time,
        "direction": trades.direction,
        "quantity": trades.quantity,
        "entryPrice": trades.entry_price,
        "exitPrice": trades.exit_price,
        "fees": trades.fees,
        "pnl": trades.pnl,
        "netReturn": trades.net_return,
        "adverse": trades.adverse,
        "favourable": trades.favourable,
        "reason": np.array([Reason(code).title for code in trades.reason], dtype=np.str_),
        "barsHeld": trades.bars_held,
    }


def fills_table(found: BacktestFindings) -> Table:
    """One row a fill, as the result digest covers them."""
    fills = found.outcome.ledger.fills
    return {
        "time": fills.time,
        "side": fills.side,
        "price": fills.price,
        "quantity": fills.quantity,
        "fee": fills.fee,
        "reason": np.array([Reason(code).title for code in fills.reason], dtype=np.str_),
        "position": fills.position,
    }


def _number(value: float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _resolved_spec(found: BacktestFindings) -> dict[str, Any]:
    """The resource's spec with the strategy in place, every parameter given, and the period as it was."""
    plan, bars = found.plan, found.outcome.bars
    spec = plan.spec.record()
    spec["strategy"] = plan.strategy.spec.record()
    spec["data"] |= {"start": _time(int(bars.time[0])), "end": _time(int(bars.time[-1]) + bars.step)}
    return spec


def _time(moment: int) -> str:
    return f"{np.datetime64(moment, 'ms')}Z".replace(".000Z", "Z")


def _deflated(found: BacktestFindings) -> list[dict[str, Any]]:
    """The deflated Sharpe ratio were this the best of so many unrelated attempts without skill.

    The variance of their Sharpe ratios is taken as that of the estimate itself where there is no skill, 1 / observations.
    """
    bars, ledger = found.outcome.bars, found.outcome.ledger
    returns, _ = daily_returns(bars.time, ledger.equity, ledger.initial, bars.step)
    if len(returns) < 2:
        return [{"trials": trials, "value": None} for trials in TRIALS]
    record = TrackRecord.of(returns)
    return [{"trials": n, "value": _number(deflated_sharpe(record, n, 1 / len(returns)))} for n in TRIALS]


def _monte_carlo(found: BacktestFindings) -> dict[str, Any] | None:
    """The spread of other histories by the way they were made, None where nobody asked for any; equity is in money."""
    paths, initial = found.plan.spec.checks.monte_carlo, found.outcome.ledger.initial
    if not paths:
        return None
    return {"paths": paths, "ways": {name: _spread(spread, initial) for name, spread in found.monte_carlo.items()}}


def _spread(spread: Spread, initial: float) -> dict[str, Any]:
    return {
        "observations": spread.observations,
        "quantiles": list(QUANTILES),
        "finalEquity": (initial * spread.final).tolist(),
        "maxDrawdown": spread.drawdown.tolist(),
        "ownMaxDrawdown": spread.actual,
        "deeper": spread.deeper,
        "loss": spread.loss,
        "ruin": [{"loss": loss, "probability": share} for loss, share in zip(RUIN, spread.ruin.tolist(), strict=True)],
        "bands": {
            "steps": spread.steps.tolist(),
            "quantiles": list(BANDS),
            "equity": (initial * spread.bands).tolist(),
        },
    }


def _checks(found: BacktestFindings) -> dict[str, Any]:
    checks: dict[str, Any] = {}
    if found.look_ahead is not None:
        violation = found.look_ahead.violation
        checks["lookAhead"] = {
            "passed": found.look_ahead.passed,
            "prefixes": found.look_ahead.prefixes,
            "violation": violation
            and {
                "bar": violation.bar,
                "time": violation.time,
                "column": violation.column,
                "withFuture": _number(violation.with_future),
                "without": _number(violation.without),
                "repeatable": violation.repeatable,
            },
        }
    if found.warmup is not None:
        checks["warmup"] = {
            "passed": found.warmup.passed,
            "declared": found.warmup.declared,
            "starts": found.warmup.starts,
            "signalsDiffering": found.warmup.signals_differing,
            "columns": [
                {"column": c.column, "deviation": _number(c.deviation), "needed": c.needed}
                for c in found.warmup.columns
            ],
        }
    if found.plan.spec.checks.data_quality != "Ignore":
        checks["dataQuality"] = {
            "passed": all(finding.severity is not Severity.ERROR for finding in found.quality),
            "findings": [
                {"rule": f.rule, "severity": f.severity.value, "count": f.count, "message": f.message}
                for f in found.quality
            ],
        }
    if found.opinion is not None:
        checks["engines"] = _engines(found.opinion)
    return checks


def _engines(opinion: Opinion) -> dict[str, Any]:
    """The comparison with the other engine, where there was one, and the other engine's own figures."""
    compared: dict[str, Any] = {}
    if opinion.comparison is not None:
        differences = opinion.comparison.differences
        compared = {
            "passed": opinion.comparison.passed,
            "trades": opinion.comparison.trades,
            "causes": dict(Counter(d.cause.value for d in differences)),
            "differences": [
                {"trade": d.time, "field": d.field, "ours": d.ours, "theirs": d.theirs, "cause": d.cause.value}
                for d in differences[:LISTED_DIFFERENCES]
            ],
        }
    return {**compared, opinion.name.lower(): {"version": opinion.version, "analyzers": dict(opinion.analyzers)}}


def _provenance(found: BacktestFindings, manifest: str) -> dict[str, Any]:
    bars, period = found.bars, found.outcome.bars
    market = found.plan.market
    return {
        "digest": found.digest,
        "data": {
            "digest": found.data_digest,
            "exchange": market.exchange,
            "symbol": market.symbol,
            "timeframe": market.timeframe,
            "start": _time(int(period.time[0])),
            "end": _time(int(period.time[-1]) + period.step),
            "bars": len(period),
            "warmupBars": len(bars) - len(period),
            "simulated": found.simulated,
        },
        "strategy": {"name": found.plan.strategy.strategy.name, "digest": found.plan.strategy.digest},
        "engine": _engine(found),
        "seed": found.plan.spec.seed,
        "manifest": manifest,
        "environment": {
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            **{name: installed for name in ("numpy", "numba") if (installed := _installed(name))},
        },
    }


def _engine(found: BacktestFindings) -> dict[str, Any]:
    """Whose fills the result is made of."""
    filled = found.opinion if found.plan.spec.engine != "Both" else None
    name, installed = (filled.name, filled.version) if filled else ("Fast", package_version())
    return {"name": name, "version": installed, "arithmeticRevision": ARITHMETIC_REVISION}


def package_version() -> str:
    """The version of Tidewright that is installed."""
    return _installed("tidewright") or "unknown"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
