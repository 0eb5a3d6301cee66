"""The record of a backtest: one JSON document, and the tables beside it. Ratios are plain numbers, undefined figures null."""

import math
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.contribution import contributions, correlation, gains
from tidewright.domain.funding_rates import due_times
from tidewright.domain.grid import closes, holdings
from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.ledger import Reason, Refusal
from tidewright.domain.lookahead import LookAheadProof
from tidewright.domain.metrics.measure import as_record
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.monte_carlo import BANDS, QUANTILES, RUIN, Spread
from tidewright.domain.overfitting import TrackRecord, deflated_sharpe
from tidewright.domain.provenance import funding_digest, record_digest
from tidewright.domain.quality import Severity
from tidewright.domain.warmup import WarmupCheck, together
from tidewright.runs.backtest import BacktestFindings, SymbolFindings
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
        "result": {"finalEquity": number_of(outcome.ledger.equity[-1]), **figures},
        "intervals": {
            "level": 0.95,
            **{name: [number_of(low), number_of(high)] for name, (low, high) in found.intervals.items()},
        },
        "benchmark": {
            "finalEquity": number_of(found.benchmark.ledger.equity[-1]),
            **as_record(found.benchmark.metrics),
        },
        "deflatedSharpe": _deflated(found),
        "monteCarlo": _monte_carlo(found),
        **_portfolio(found),
        "refused": _refused(found),
        "checks": _checks(found),
        "warnings": [{"reason": reason, "message": message} for reason, message in warnings_of(found)],
        "provenance": {**_provenance(found, manifest), "spec": {"digest": record_digest(spec)}},
        "artifacts": {},
    }


def equity_table(found: BacktestFindings) -> Table:
    """One row a bar of the period: equity, what buying and holding would have been worth, and the funding paid where there is funding.

    Of one symbol also its prices, what was held of it and the strategy's columns; of several, the holding and the close of each, and what it had brought, as ``holding:<symbol>``,
    ``close:<symbol>`` and ``gain:<symbol>``.
    """
    outcome = found.outcome
    table: Table = {"time": outcome.clock.time}
    if len(outcome.legs) == 1:
        bars = outcome.bars
        table |= {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close}
    table["equity"] = outcome.ledger.equity
    if len(outcome.legs) == 1:
        table["holding"] = outcome.ledger.holding()
    table["benchmark"] = found.benchmark.ledger.equity
    if len(outcome.ledger.funding):
        table["funding"] = outcome.ledger.funding
    if len(outcome.legs) > 1:
        return table | _by_symbol(found)
    for name, column in outcome.evaluation.columns.items():
        table[f"column:{name}"] = column[found.symbols[0].warmup_bars :]
    return table


def _by_symbol(found: BacktestFindings) -> Table:
    """Of each symbol at each time of the account: what was held of it, its last close (NaN before its first bar), and what it had brought by then."""
    outcome = found.outcome
    time, periods = outcome.clock.time, [leg.series.period for leg in outcome.legs]
    columns = {
        "holding": holdings(time, periods, outcome.ledger.fills),
        "close": closes(time, periods),
        "gain": gains(outcome),
    }
    names = [one.data.market.symbol for one in found.symbols]
    return {f"{what}:{name}": rows[index] for index, name in enumerate(names) for what, rows in columns.items()}


def trades_table(found: BacktestFindings) -> Table:
    """One row a closed position."""
    trades = found.outcome.trades
    return {
        **_symbol_column(found, trades.symbol),
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
        **_symbol_column(found, fills.symbol),
        "time": fills.time,
        "side": fills.side,
        "price": fills.price,
        "quantity": fills.quantity,
        "fee": fills.fee,
        "reason": np.array([Reason(code).title for code in fills.reason], dtype=np.str_),
        "position": fills.position,
    }


def refusals_table(found: BacktestFindings) -> Table:
    """One row an order that was not filled, with the reason; empty where every order was, and where the kernel counts them only."""
    refusals = found.outcome.ledger.refusals
    return {
        **_symbol_column(found, refusals.symbol),
        "time": refusals.time,
        "side": refusals.side,
        "price": refusals.price,
        "quantity": refusals.quantity,
        "reason": np.array([Refusal(code).title for code in refusals.reason], dtype=np.str_),
    }


def _symbol_column(found: BacktestFindings, symbol: NDArray[np.int64]) -> Table:
    """The names of the symbols, where there are several."""
    if len(found.symbols) == 1:
        return {}
    return {"symbol": np.array([one.data.market.symbol for one in found.symbols], dtype=np.str_)[symbol]}


def _refused(found: BacktestFindings) -> dict[str, int]:
    """How many orders were not filled, by reason."""
    ledger = found.outcome.ledger
    if not len(ledger.refusals):
        return {Refusal.NO_CASH.title: ledger.unfilled} if ledger.unfilled else {}
    return dict(Counter(Refusal(code).title for code in ledger.refusals.reason))


def _portfolio(found: BacktestFindings) -> dict[str, Any]:
    """What each of several symbols did for the account, and how they moved together."""
    if len(found.symbols) == 1:
        return {}
    names = [one.data.market.symbol for one in found.symbols]
    refusals, initial = found.outcome.ledger.refusals, found.outcome.ledger.initial
    moves = correlation([one.data.series.period for one in found.symbols])
    return {
        "symbols": [
            {
                "symbol": name,
                "gain": number_of(part.gain),
                "contribution": number_of(part.gain / initial),
                "fees": number_of(part.fees),
                "exposure": number_of(part.exposure),
                "trades": part.trades,
                "winRate": number_of(part.won / part.trades) if part.trades else None,
                "refused": int(np.count_nonzero(refusals.symbol == index)),
            }
            for index, (name, part) in enumerate(zip(names, contributions(found.outcome), strict=True))
        ],
        "correlation": [[number_of(value) for value in row] for row in moves.tolist()],
    }


def number_of(value: float) -> float | None:
    """A figure as JSON has it: None for what is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None


def _resolved_spec(found: BacktestFindings) -> dict[str, Any]:
    """The resource's spec with the strategy in place, every parameter given, and the period as it was."""
    plan, clock = found.plan, found.outcome.clock
    spec = plan.spec.record()
    spec["strategy"] = plan.strategy.spec.record()
    spec["data"] |= {"start": _time(int(clock.time[0])), "end": _time(int(clock.time[-1]) + clock.step)}
    return spec


def _time(moment: int) -> str:
    return f"{np.datetime64(moment, 'ms')}Z".replace(".000Z", "Z")


def _deflated(found: BacktestFindings) -> list[dict[str, Any]]:
    """The deflated Sharpe ratio were this the best of so many unrelated attempts without skill.

    The variance of their Sharpe ratios is taken as that of the estimate itself where there is no skill, 1 / observations.
    """
    clock, ledger = found.outcome.clock, found.outcome.ledger
    returns, _ = daily_returns(clock.time, ledger.equity, ledger.initial, clock.step)
    if len(returns) < 2:
        return [{"trials": trials, "value": None} for trials in TRIALS]
    record = TrackRecord.of(returns)
    return [{"trials": n, "value": number_of(deflated_sharpe(record, n, 1 / len(returns)))} for n in TRIALS]


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
    proofs = [(one.data.market.symbol, one.look_ahead) for one in found.symbols if one.look_ahead is not None]
    if proofs:
        checks["lookAhead"] = _look_ahead(proofs)
    warmups = [one.warmup for one in found.symbols if one.warmup is not None]
    if warmups:
        checks["warmup"] = _warmup(together(warmups))
    if found.plan.spec.checks.data_quality != "Ignore":
        findings = [(one.data.market.symbol, finding) for one in found.symbols for finding in one.data.quality]
        checks["dataQuality"] = {
            "passed": all(finding.severity is not Severity.ERROR for _, finding in findings),
            "findings": [
                {"symbol": symbol, "rule": f.rule, "severity": f.severity.value, "count": f.count, "message": f.message}
                for symbol, f in findings
            ],
        }
    if found.opinion is not None:
        checks["engines"] = _engines(found.opinion)
    return checks


def _look_ahead(proofs: Sequence[tuple[str, LookAheadProof]]) -> dict[str, Any]:
    """The proofs of all symbols, with the first violation."""
    violations = [(symbol, proof.violation) for symbol, proof in proofs if proof.violation is not None]
    told = None
    if violations:
        symbol, violation = violations[0]
        told = {
            "symbol": symbol,
            "bar": violation.bar,
            "time": violation.time,
            "column": violation.column,
            "withFuture": number_of(violation.with_future),
            "without": number_of(violation.without),
            "repeatable": violation.repeatable,
        }
    return {"passed": not violations, "prefixes": sum(proof.prefixes for _, proof in proofs), "violation": told}


def _warmup(check: WarmupCheck) -> dict[str, Any]:
    return {
        "passed": check.passed,
        "declared": check.declared,
        "starts": check.starts,
        "signalsDiffering": check.signals_differing,
        "columns": [
            {"column": c.column, "deviation": number_of(c.deviation), "needed": c.needed} for c in check.columns
        ],
    }


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
    market = found.plan.markets[0]
    several = len(found.symbols) > 1
    by_symbol = {one.data.market.symbol: _data(one) for one in found.symbols}
    whole = {
        "start": _time(int(found.outcome.clock.time[0])),
        "end": _time(int(found.outcome.clock.time[-1]) + found.outcome.clock.step),
        "bars": sum(len(one.data.series.period) for one in found.symbols),
        "simulated": found.simulated,
        "symbols": by_symbol,
    }
    return {
        "digest": found.digest,
        "data": {
            "digest": found.data_digest,
            "exchange": market.exchange,
            "symbol": ", ".join(by_symbol),
            "timeframe": market.timeframe,
            **(whole if several else by_symbol[market.symbol]),
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


def _data(one: SymbolFindings) -> dict[str, Any]:
    """What one symbol was tested on."""
    period = one.data.series.period
    return {
        "digest": one.digest,
        "start": _time(int(period.time[0])),
        "end": _time(int(period.time[-1]) + period.step),
        "bars": len(period),
        "warmupBars": one.warmup_bars,
        "simulated": one.simulated,
        **({"delisted": True} if one.data.series.delisted else {}),
        **_funding(one),
    }


def _funding(one: SymbolFindings) -> dict[str, Any]:
    """Which rates fell due over the period, where funding was paid."""
    market, funding = one.data.market, one.data.series.funding
    if funding is None:
        return {}
    times = due_times(funding)
    return {
        "funding": {
            "digest": funding_digest(market.exchange, market.symbol, funding),
            "count": len(times),
            "first": _time(int(times[0])) if len(times) else None,
            "last": _time(int(times[-1])) if len(times) else None,
        }
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
