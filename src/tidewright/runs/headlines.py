"""From the record of a backtest to what the resource's status tells of it: the figures asked for first, and what they were made of."""

from decimal import Decimal
from typing import Any

from tidewright.domain.metrics.table import METRICS, Unit
from tidewright.specs.status import BacktestResult, Provenance, Tested

Document = dict[str, Any]
"""A record as `tidewright.runs.record.document_of` makes it."""

_HUGE = 1e15
"""From here on a figure is written with an exponent: a status has room for 32 characters."""

_UNITS = {metric.name: metric.unit for metric in METRICS}
_OWN = ("totalReturn", "cagr", "sharpe", "sortino", "maxDrawdown", "trades", "winRate", "profitFactor", "exposure")


def result_of(document: Document, report: str, artifacts: str) -> BacktestResult:
    """The headline figures, and the URLs of the report and of the folder that it is in."""
    figures = {name: figure(document["result"][name], _UNITS[name]) for name in _OWN}
    benchmark = figure(document["benchmark"]["totalReturn"], "percent")
    others = {"benchmarkReturn": benchmark, "warnings": str(len(document["warnings"]))}
    return BacktestResult.model_validate({**figures, **others, "report": report, "artifacts": artifacts})


def figure(value: float | None, unit: Unit) -> str | None:
    """A figure as text that a script can read too: percent with two decimals, counts whole, all else with four; None where it is undefined."""
    if value is None:
        return None
    match unit:
        case "percent":
            return f"{value:.2%}" if abs(value) < _HUGE else f"{Decimal(value) * 100:.6e}%"
        case "count":
            return f"{value:.0f}" if abs(value) < _HUGE else f"{value:.6e}"
        case _:
            return f"{value:.4f}" if abs(value) < _HUGE else f"{value:.6e}"


def provenance_of(document: Document) -> Provenance:
    """What the result was made of."""
    made_of = document["provenance"]
    return Provenance.model_validate(
        {
            "dataDigest": made_of["data"]["digest"],
            "strategyDigest": made_of["strategy"]["digest"],
            "resultDigest": made_of["digest"],
            "arithmeticRevision": made_of["engine"]["arithmeticRevision"],
            "engineVersion": made_of["engine"]["version"],
            "seed": made_of["seed"],
        }
    )


def tested_of(document: Document) -> Tested:
    """What the result was tested on."""
    data, broker, checks = document["provenance"]["data"], document["spec"]["broker"], document["checks"]
    told = {name: data[name] for name in ("start", "end", "bars", "simulated")}
    costs = {name: broker[name] for name in ("commission", "makerCommission", "slippage") if name in broker}
    passed = {name: checks[name]["passed"] for name in ("lookAhead", "dataQuality") if name in checks}
    figures = {name: document["result"][name] for name in ("sharpe", "maxDrawdown", "trades")}
    return Tested.model_validate(told | costs | passed | figures)
