"""What the page says about how far its figures may be trusted: the verdict, the warnings, the checks, the provenance.

`document` is a run's ``result.json``. Whatever is missing in it is a dash, never an error.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidewright.report import format as fmt
from tidewright.report.document import Document, Json, currency, named, part, symbols
from tidewright.report.options import Columns


def simulated(document: Document) -> bool:
    """Whether the prices are made up."""
    return (
        bool(part(document, "provenance", "data", "simulated"))
        or part(document, "spec", "data", "exchange") == "simulated"
    )


def strategy_name(document: Document) -> str:
    """The strategy's own name, else the value of its source, else ``The strategy``."""
    source = part(document, "spec", "strategy", "source")
    first = next(iter(source.values()), None) if isinstance(source, dict) else None
    return str(
        part(document, "provenance", "strategy", "name") or (first if isinstance(first, str) else "") or "The strategy"
    )


def market(document: Document) -> str:
    """``BTC/USDT 1h on Binance``, as far as it is known."""
    data = part(document, "provenance", "data") or {}
    strategy = part(document, "spec", "strategy") or {}
    exchange = data.get("exchange") or part(document, "spec", "data", "exchange")
    words = [
        named(symbols(document)),
        data.get("timeframe") or strategy.get("timeframe"),
        ("on simulated data" if exchange == "simulated" else f"on {str(exchange).title()}") if exchange else "",
    ]
    return " ".join(str(word) for word in words if word)


def verdict(document: Document, equity: Columns) -> str:
    """One sentence: what was tested on what, and what came of it."""
    result = part(document, "result") or {}
    parameters = part(document, "spec", "strategy", "parameters") or {}
    settings = ", ".join(f"{name} {value}" for name, value in parameters.items())
    where = market(document)
    subject = (
        strategy_name(document) + (f" ({settings})" if settings else "") + (f", trading {where}," if where else "")
    )
    time = equity.get("time")
    when = f"From {fmt.date(time[0].item())} to {fmt.date(time[-1].item())}, " if time is not None and len(time) else ""
    return f"{when}{subject} {_outcome(document, result)}{_comparison(document)}."


def _outcome(document: Document, result: Document) -> str:
    total, trades = result.get("totalReturn"), result.get("trades")
    if not fmt.defined(total):
        return "has no defined return"
    if trades == 0 and total == 0:
        return "never traded"
    cash, final = part(document, "spec", "broker", "cash"), result.get("finalEquity")
    money = currency(document)
    if fmt.defined(cash) and not fmt.defined(final):
        final = cash * (1 + total)
    sums = (
        f", turning {fmt.count(cash)} into {fmt.count(final)} {money}".rstrip()
        if fmt.defined(cash) and fmt.defined(final)
        else ""
    )
    did = (
        f"gained {fmt.percent(total)}"
        if total > 0
        else f"lost {fmt.percent(-total)}"
        if total < 0
        else "neither gained nor lost"
    )
    number = f" in {fmt.count(trades)} {'trade' if trades == 1 else 'trades'}" if fmt.defined(trades) else ""
    fall = result.get("maxDrawdown")
    depth = (
        f", and was down by as much as {fmt.percent(fall)} from an earlier peak"
        if fmt.defined(fall) and fall > 0
        else ""
    )
    return f"{did} after costs{sums}{number}{depth}"


def _comparison(document: Document) -> str:
    other = part(document, "benchmark", "totalReturn")
    if not fmt.defined(other):
        return ""
    return f"; buying and holding {'gained' if other >= 0 else 'lost'} {fmt.percent(abs(other))}"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a reader must know before the figures; an `alert` makes them worthless as evidence."""

    title: str
    message: str
    alert: bool = False


_ALERTS = {"LookAhead", "NotRepeatable", "SimulatedData", "DataQuality"}
"""Reasons of a run's warnings that make its figures worthless as evidence."""


OF_A_KIND = 3
"""How many warnings of one reason are told: an account with many symbols may have one for each of them."""


def notices(document: Document) -> list[Notice]:
    """The run's warnings, the gravest first."""
    by_reason: dict[str, list[str]] = {}
    for item in part(document, "warnings") or []:
        if isinstance(item, dict):
            by_reason.setdefault(str(item.get("reason") or "Warning"), []).append(str(item.get("message") or ""))
    stated = []
    for reason, messages in by_reason.items():
        left = len(messages) - OF_A_KIND
        told = messages[:OF_A_KIND] + ([f"And {left} more of this kind: see result.json."] if left > 0 else [])
        stated += [Notice(fmt.words(reason), message, reason in _ALERTS) for message in told]
    return sorted(stated, key=lambda notice: not notice.alert)


def _violation(document: Document) -> str:
    violation = part(document, "checks", "lookAhead", "violation")
    whose = f" of {violation.get('symbol')}" if len(symbols(document)) > 1 else ""
    where = f"column {fmt.text(violation.get('column'))}{whose} at {fmt.moment(violation.get('time'))} UTC (bar {fmt.count(violation.get('bar'))})"
    if violation.get("repeatable") is False:
        return f"The strategy answers differently when asked twice: {where}."
    return f"The strategy uses the future: {where} changes when later bars become known."


@dataclass(frozen=True, slots=True)
class Check:
    """A check and its outcome: ``passed``, ``failed`` or ``absent``."""

    title: str
    state: str
    detail: str


def _state(check: Json) -> str:
    passed = part(check, "passed")
    return "absent" if passed is None else "passed" if passed else "failed"


def checks(document: Document) -> list[Check]:
    """What was checked about the strategy and its data, run or not."""
    ahead, warmup, quality = (part(document, "checks", name) for name in ("lookAhead", "warmup", "dataQuality"))
    ahead_detail = (
        _violation(document)
        if part(ahead, "violation")
        else f"Signals recomputed on {fmt.count(part(ahead, 'prefixes'))} prefixes of the data were the same bit for bit."
    )
    columns = [c for c in part(warmup, "columns") or [] if isinstance(c, dict)]
    worst = max((c for c in columns if fmt.defined(c.get("deviation"))), key=lambda c: c["deviation"], default=None)
    warmup_detail = f"{fmt.count(part(warmup, 'declared'))} bars declared."
    if worst and worst["deviation"] == 0:
        warmup_detail += " After them no column depends on where history starts."
    elif worst:
        warmup_detail += (
            f" After them column {fmt.text(worst.get('column'))} depends most on where history starts, "
            f"by {worst['deviation']:.2g} of its standard deviations."
        )
    findings = part(quality, "findings") or []
    quality_detail = (
        f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'}." if findings else "No findings."
    )
    engines = part(document, "checks", "engines")
    compared = isinstance(engines, dict) and "passed" in engines
    rows = [
        ("Look-ahead", ahead, ahead_detail),
        ("Warm-up", warmup, warmup_detail),
        ("Data quality", quality, quality_detail),
        *([("Two engines", engines, _engines(engines))] if compared else []),
    ]
    return [
        Check(title, _state(check), detail if _state(check) != "absent" else "Not run.")
        for title, check, detail in rows
    ]


def _engines(engines: Mapping[str, Any]) -> str:
    """What became of the comparison with the other engine."""
    causes = ", ".join(
        f"{fmt.words(str(cause))} {fmt.count(count)}" for cause, count in (engines.get("causes") or {}).items()
    )
    trades = f"{fmt.count(engines.get('trades'))} trades compared with an independent engine"
    return f"{trades}; differences by cause: {causes}." if causes else f"{trades}: no difference."


def quality_findings(document: Document) -> list[tuple[str, str, str, str, str]]:
    """Symbol, rule, severity, count and message of each finding about the bars."""
    return [
        (
            fmt.text(f.get("symbol")),
            fmt.words(str(f.get("rule") or "")),
            fmt.text(f.get("severity")),
            fmt.count(f.get("count")),
            fmt.text(f.get("message")),
        )
        for f in part(document, "checks", "dataQuality", "findings") or []
        if isinstance(f, dict)
    ]


def deflated(document: Document) -> list[tuple[str, str, float]]:
    """Number of trials, the deflated Sharpe ratio as text, and as a number between 0 and 1 to draw."""
    rows = [row for row in part(document, "deflatedSharpe") or [] if isinstance(row, dict)]
    return [
        (
            fmt.count(row.get("trials")),
            fmt.percent(row.get("value")),
            row["value"] if fmt.defined(row.get("value")) else 0.0,
        )
        for row in rows
    ]


def provenance(document: Document) -> list[tuple[str, str]]:
    """What the result was made of."""
    data, engine = (part(document, "provenance", name) or {} for name in ("data", "engine"))
    before = f", and {fmt.count(data.get('warmupBars'))} before them to warm up" if "symbols" not in data else ""
    environment = part(document, "provenance", "environment") or {}
    funding = data.get("funding")
    return [
        ("Data", f"{market(document) or fmt.DASH}"),
        ("Period (UTC, end exclusive)", f"{fmt.moment(data.get('start'))} to {fmt.moment(data.get('end'))}"),
        ("Bars", f"{fmt.count(data.get('bars'))} bars{before}"),
        ("Data digest", fmt.text(data.get("digest"))),
        *(_funding(funding) if isinstance(funding, dict) else []),
        ("Strategy", strategy_name(document)),
        ("Strategy digest", fmt.text(part(document, "provenance", "strategy", "digest"))),
        ("Engine", f"{fmt.text(engine.get('name'))} {fmt.text(engine.get('version'))}"),
        ("Arithmetic revision", fmt.text(engine.get("arithmeticRevision"))),
        ("Seed", fmt.text(part(document, "provenance", "seed"))),
        ("Result digest", fmt.text(part(document, "provenance", "digest"))),
        ("Environment", ", ".join(f"{name} {value}" for name, value in environment.items()) or fmt.DASH),
    ]


def _funding(funding: Json) -> list[tuple[str, str]]:
    """Which rates fell due."""
    count = fmt.count(funding.get("count"))
    period = f", {fmt.moment(funding['first'])} to {fmt.moment(funding['last'])}" if funding.get("first") else ""
    return [("Funding rates", count + period), ("Funding digest", fmt.text(funding.get("digest")))]


def verify_command(document: Document) -> str:
    """The command that runs this again and compares digests."""
    path = part(document, "artifacts", "result")
    return f"tidewright verify {shlex.quote(path if isinstance(path, str) else 'result.json')}"
