"""How ``tidewright data download`` and ``resample`` show what they did: lines for people, documents for programs."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from tidewright.adapters.exchange.funding import FundingOutcome
from tidewright.adapters.exchange.order import Outcome
from tidewright.cli.funding_view import summary
from tidewright.domain.bars import Market
from tidewright.domain.instant import utc
from tidewright.domain.resampling import Resampled
from tidewright.domain.timeframe import duration
from tidewright.ports import Merged, StoredFunding, StoredMarket, Stretch

_LISTED = 5


def document(market: Market, outcome: Outcome | FundingOutcome) -> dict[str, Any]:
    """What came of an order in plain JSON."""
    if isinstance(outcome, Outcome):
        name, noun = market._asdict(), "bars"
        absent = {"absent": [_stretch(stretch) for stretch in outcome.absent]}
    else:
        name, noun, absent = {"exchange": market.exchange, "symbol": market.symbol}, "rates", {}
    return name | {
        "period": _stretch(outcome.period),
        "files": outcome.files,
        "requests": outcome.requests,
        "added": outcome.added,
        "replaced": outcome.replaced,
        noun: outcome.stored.count if outcome.stored else 0,
        "digest": outcome.stored.digest if outcome.stored else None,
        **absent,
        "unrepaired": [_stretch(stretch) for stretch in outcome.unrepaired],
        "notes": outcome.notes,
        "failed": outcome.failed,
    }


def print_outcome(market: Market, outcome: Outcome | FundingOutcome) -> None:
    console = Console()
    console.print(Text(str(market), "bold"))
    sources = f"from {_counted(outcome.files, 'file')} and {_counted(outcome.requests, 'request')}"
    noun = "bars" if isinstance(outcome, Outcome) else "rates"
    console.print(f"  {outcome.added:,} {noun} added, {outcome.replaced:,} replaced, {sources}", highlight=False)
    if isinstance(outcome.stored, StoredFunding):
        console.print(f"  the store has {summary(outcome.stored)}", highlight=False)
    elif outcome.stored:
        _print_stored(console, outcome.stored)
    if isinstance(outcome, Outcome):
        _print_stretches(console, "the exchange has no bars here, which is recorded", outcome.absent, "dim")
    _print_stretches(console, "missing still", outcome.unrepaired, "yellow")
    for note in outcome.notes:
        console.print(Text(f"  {note}", "yellow"), soft_wrap=True)
    if outcome.failed and outcome.unrepaired:
        console.print(Text("  run the same command again to go on from there", "yellow"))


def print_resampled(source: Market, resampled: Resampled, merged: Merged, *, kept: bool) -> None:
    console = Console()
    console.print(Text(f"{merged.stored.market}, made of {source.timeframe} bars", "bold"))
    console.print(
        f"  {merged.added:,} bars added, {merged.replaced:,} replaced, {merged.unchanged:,} there already",
        highlight=False,
    )
    _print_stored(console, merged.stored)
    incomplete = resampled.incomplete
    if len(incomplete):
        rule = "made of what there is, except the first and the last" if kept else "left out"
        opens = ", ".join(utc(int(time)) for time in incomplete[:_LISTED]) + (
            ", ..." if len(incomplete) > _LISTED else ""
        )
        console.print(
            Text(f"  {_counted(len(incomplete), 'bar')} with missing parts, {rule}: {opens}", "yellow"), soft_wrap=True
        )


def _print_stored(console: Console, stored: StoredMarket) -> None:
    span = f"{_short(stored.first)} to {_short(stored.last)} UTC"
    console.print(f"  the store has {stored.count:,} bars, {span}, {_counted(stored.gaps, 'gap')}", highlight=False)


def _print_stretches(console: Console, title: str, stretches: Sequence[Stretch], style: str) -> None:
    for start, end in stretches[:_LISTED]:
        console.print(Text(f"  {title}: {utc(start)} to {utc(end)}, {duration(end - start)}", style), soft_wrap=True)
    if len(stretches) > _LISTED:
        console.print(Text(f"  and {len(stretches) - _LISTED:,} more; --json lists them all", style))


def _short(time: int) -> str:
    return utc(time)[:16].replace("T", " ")


def _stretch(stretch: Stretch) -> dict[str, str]:
    return {"start": utc(stretch.start), "end": utc(stretch.end)}


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
