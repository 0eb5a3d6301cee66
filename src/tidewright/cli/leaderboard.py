"""The runs that a database has, the best first: ``tidewright compare --from``."""

import asyncio
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidewright.adapters.results import as_json
from tidewright.adapters.run_books import run_book_at
from tidewright.cli.figures import shown
from tidewright.domain.instant import utc
from tidewright.domain.metrics.table import METRICS
from tidewright.ports import RANKED_BY, RunEntry
from tidewright.specs.problems import nearest

_METRICS = {metric.name: metric for metric in METRICS}
_COLUMNS = {"totalReturn": "Return", "sharpe": "Sharpe", "maxDrawdown": "Drawdown", "trades": "Trades"}


def show_leaderboard(url: str, by: str, most: int, *, as_document: bool) -> None:
    """Print it as a table or as one JSON document. Raises UrlRefused and ArchiveUnavailable."""
    if by not in RANKED_BY:
        message = f"--by: with --from, runs are not ranked by {by!r}{nearest(by, RANKED_BY)}; name one of {', '.join(RANKED_BY)}."
        raise click.UsageError(message)
    entries = asyncio.run(_asked(url, by, most))
    if as_document:
        runs = [_document(place, entry) for place, entry in enumerate(entries, 1)]
        click.echo(as_json({"kind": "Leaderboard", "by": by, "runs": runs}), nl=False)
    else:
        _show(entries, by, Console())


async def _asked(url: str, by: str, most: int) -> list[RunEntry]:
    book = run_book_at(url, 1)
    try:
        return await book.leaderboard(by, most)
    finally:
        await book.close()


def _document(place: int, entry: RunEntry) -> dict[str, Any]:
    return {
        "rank": place,
        "id": entry.id,
        "name": entry.name,
        "digest": entry.digest,
        "strategy": entry.strategy,
        "exchange": entry.exchange,
        "symbol": entry.symbol,
        "timeframe": entry.timeframe,
        "period": {"start": entry.start, "end": entry.end},
        "simulated": entry.simulated,
        "saved": utc(entry.saved_ms),
        "figures": dict(entry.figures),
    }


def _show(entries: list[RunEntry], by: str, console: Console) -> None:
    if not entries:
        console.print("No run has been saved there yet.")
        return
    columns = {by: _METRICS[by].title} | _COLUMNS
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "Run", "Strategy", "Market", "Period"):
        table.add_column(heading)
    for heading in columns.values():
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for place, entry in enumerate(entries, 1):
        market = f"{entry.symbol} {entry.timeframe} on {entry.exchange}"
        figures = (shown(entry.figures[name], _METRICS[name].unit) for name in columns)
        period = f"{entry.start[:10]} to {entry.end[:10]}"
        table.add_row(str(place), Text(entry.name), Text(entry.strategy), Text(market), period, *figures)
    console.print(table)
    console.print(
        Text("Each over its own period; name RUNs to hold them against each other over the same.", style="dim")
    )
    if any(entry.simulated for entry in entries):
        console.print(Text("Runs on simulated bars are among them.", style="yellow"))
