"""How ``tidewright data`` shows markets: tables for people, documents for programs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidewright.adapters.bar_file import BarFile
from tidewright.domain.bars import Bars, Floats
from tidewright.domain.instant import utc
from tidewright.domain.quality import Finding, Severity, assess, gaps
from tidewright.domain.timeframe import duration
from tidewright.ports import Merged, StoredMarket

_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARKS = 60
_GAPS_SHOWN = 40

Document = dict[str, Any]


def document(stored: StoredMarket) -> Document:
    """A stored market in plain JSON; what cannot be known of a damaged one is absent."""
    name = dict(stored.market._asdict())
    if stored.damage:
        return name | {"damage": stored.damage}
    return name | {
        "first": utc(stored.first),
        "last": utc(stored.last),
        "bars": stored.count,
        "gaps": stored.gaps,
        "digest": stored.digest,
        "simulated": stored.simulated,
        "sources": [{"name": source.name, "digest": source.digest} for source in stored.sources],
    }


def details(stored: StoredMarket, bars: Bars) -> Document:
    """A stored market with its gaps, quality findings and prices in plain JSON."""
    return document(stored) | {
        "gaps": [{"after": utc(gap.after), "before": utc(gap.before), "missing": gap.missing} for gap in gaps(bars)],
        "absent": [{"start": utc(start), "end": utc(end)} for start, end in stored.absent],
        "quality": [_finding(finding) for finding in assess(bars)],
        "prices": _prices(bars),
    }


def print_markets(stored: Sequence[StoredMarket]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("Exchange", "Symbol", "Timeframe", "First bar", "Last bar"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Bars", "Gaps"):
        table.add_column(heading, justify="right", no_wrap=True)
    for market in stored:
        if market.damage:
            table.add_row(*market.market, Text("damaged", "red"))
        else:
            table.add_row(
                *market.market, _short(market.first), _short(market.last), f"{market.count:,}", f"{market.gaps:,}"
            )
    console = Console()
    console.print(table)
    if any(market.damage for market in stored):
        console.print(Text("`tidewright data verify` says what is damaged.", "red"))
    if any(market.simulated for market in stored):
        console.print(Text("The exchange simulated is the embedded market: its bars are made by a generator.", "dim"))


def print_details(stored: StoredMarket, bars: Bars, beside: Mapping[str, str]) -> None:
    """`beside` are facts about the symbol that are not of its bars, by title."""
    console = Console()
    console.print(Text(str(stored.market), "bold"))
    if stored.simulated:
        console.print(Text("Simulated: these bars are made by a generator, not by an exchange.", "yellow"))
    facts = Table.grid(padding=(0, 2))
    facts.add_row("Covers", f"{_short(stored.first)} to {_short(stored.last + bars.step)} UTC, {stored.count:,} bars")
    for name, value in _prices(bars).items():
        facts.add_row(name.capitalize(), f"{value:,.10g}" if name != "change" else f"{value:+.2%}")
    facts.add_row("Close", sparkline(bars.close, _SPARKS))
    facts.add_row("Digest", stored.digest)
    if stored.absent:
        facts.add_row("Absent", f"{len(stored.absent):,} stretches in which the exchange has no bars")
    facts.add_row("Sources", ", ".join(source.name for source in stored.sources))
    for title, fact in beside.items():
        facts.add_row(title, fact)
    console.print(facts)
    _print_gaps(console, bars)
    _print_findings(console, assess(bars))


def print_verification(
    markets: Sequence[tuple[str, tuple[str, ...]]], funding: Sequence[tuple[str, tuple[str, ...]]]
) -> None:
    """What was verified and what is wrong with it: bars, and the funding of symbols."""
    console, found = Console(), [*markets, *funding]
    for name, problems in found:
        console.print(Text("damaged  " if problems else "sound    ", "red" if problems else "green") + Text(name))
        for problem in problems:
            console.print(Text(f"         {problem}"), soft_wrap=True)
    damaged = sum(bool(problems) for _, problems in found)
    beside = f" and the funding of {len(funding)} symbols" if funding else ""
    console.print(f"{len(markets)} markets{beside} verified, {damaged} damaged.")


def print_import(path: Path, file: BarFile, merged: Merged) -> None:
    console = Console()
    stored = merged.stored
    console.print(Text(f"{path.name}: {stored.market}", "bold"), soft_wrap=True)
    console.print(f"  {merged.added:,} bars added, {merged.replaced:,} replaced, {merged.unchanged:,} there already")
    console.print(
        f"  the store has {stored.count:,} bars, {_short(stored.first)} to {_short(stored.last)} UTC, {stored.gaps:,} gaps"
    )
    for note in file.notes:
        console.print(Text(f"  {note}", "dim"), soft_wrap=True)
    for finding in assess(file.bars):
        console.print(Text(f"  {finding.severity}: {finding.message}", "yellow"), soft_wrap=True)


def sparkline(values: Floats, width: int) -> str:
    """The last value of each of `width` equal stretches as a block of eight heights; fewer blocks for fewer values."""
    if not len(values):
        return ""
    ends = np.linspace(0, len(values), min(width, len(values)) + 1).astype(np.int64)[1:] - 1
    sampled = values[ends]
    low, span = sampled.min(), np.ptp(sampled)
    heights = np.zeros(len(sampled)) if span == 0 else (sampled - low) / span * (len(_BLOCKS) - 1)
    return "".join(_BLOCKS[int(height)] for height in np.rint(heights))


def _prices(bars: Bars) -> dict[str, float]:
    if not len(bars):
        return {}
    first, last = float(bars.open[0]), float(bars.close[-1])
    return {
        "first": first,
        "last": last,
        "change": last / first - 1,
        "high": float(bars.high.max()),
        "low": float(bars.low.min()),
    }


def _finding(finding: Finding) -> Document:
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "count": finding.count,
        "message": finding.message,
        "first": [utc(time) for time in finding.first],
    }


def _print_gaps(console: Console, bars: Bars) -> None:
    found = gaps(bars)
    if not found:
        console.print("\nNo gaps.")
        return
    table = Table(title=f"{len(found)} gaps", title_justify="left", box=None, pad_edge=False)
    for heading in ("After", "Before"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Missing bars", "Length"):
        table.add_column(heading, justify="right", no_wrap=True)
    for gap in found[:_GAPS_SHOWN]:
        table.add_row(_short(gap.after), _short(gap.before), str(gap.missing), duration(gap.missing * bars.step))
    console.print()
    console.print(table)
    if len(found) > _GAPS_SHOWN:
        console.print(Text(f"and {len(found) - _GAPS_SHOWN} more; --json lists them all", "dim"))


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    if not findings:
        console.print("\nNo quality findings.")
        return
    table = Table(title="Quality findings", title_justify="left", box=None, pad_edge=False)
    for heading in ("Severity", "Rule", "Finding"):
        table.add_column(heading)
    for finding in findings:
        style = "red" if finding.severity is Severity.ERROR else "yellow"
        table.add_row(Text(finding.severity, style), finding.rule, Text(finding.message))
    console.print()
    console.print(table)


def _short(time: int) -> str:
    return utc(time)[:16].replace("T", " ")
