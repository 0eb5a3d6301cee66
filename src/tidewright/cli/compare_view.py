"""A comparison on a terminal."""

from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from tidewright.cli.figures import shown
from tidewright.domain.metrics.table import METRICS

_COLUMNS = {
    "totalReturn": "Return",
    "sharpe": "Sharpe",
    "maxDrawdown": "Drawdown",
    "trades": "Trades",
}
_METRICS = {metric.name: metric for metric in METRICS}
_GRAVE = {
    "LookAhead",
    "NotRepeatable",
    "LookAheadUnchecked",
    "SimulatedData",
    "DataQuality",
    "Ruin",
    "ArithmeticRevision",
}
_DASH = "–"
_WIDEST = 24
"""A longer value, such as a digest, is cut."""


def show(document: dict[str, Any], console: Console) -> None:
    """Print the leaderboard, correlations, in what the runs differ, and why to be careful."""
    period, by = document["period"], _METRICS[document["by"]]
    title = Text(f"\n{len(document['runs'])} runs by {by.title}", style="bold")
    title.append(
        f"  {period['start'][:10]} to {period['end'][:10]}, {period['periods']:,} periods", style="not bold dim"
    )
    console.print(title)
    console.print(_leaderboard(document))
    note = f"Above: Sharpe ratio less that of {document['against']}, with its 95 % interval; p: how often chance does as much.\n"
    console.print(Text(note, style="dim"))
    console.print(_correlations(document))
    console.print()
    console.print(_differences(document) if document["differences"] else "The runs were made of the same.")
    for warning in document["warnings"]:
        colour = "red" if warning["reason"] in _GRAVE else "yellow"
        console.print(Text.assemble((f"{warning['reason']}: ", f"bold {colour}"), warning["message"]))
    if "report" in document["artifacts"]:
        console.print(Text.assemble(("Page  ", "dim"), document["artifacts"]["report"]), soft_wrap=True)


def _table(*headings: str, words: int) -> Table:
    """A table whose first so many columns are text, the others numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for index, heading in enumerate(headings):
        justify: JustifyMethod = "left" if index < words else "right"
        table.add_column(Text(heading), justify=justify, overflow="fold", no_wrap=index >= words)
    return table


def _leaderboard(document: dict[str, Any]) -> Table:
    columns = {document["by"]: _METRICS[document["by"]].title} | _COLUMNS
    table = _table("", "Run", *columns.values(), "Above", "95 % interval", "p", words=2)
    for run in document["runs"]:
        figures = (shown(run["figures"][name], _METRICS[name].unit) for name in columns)
        table.add_row(str(run["rank"]), Text(run["name"]), *figures, *_above(run, document["against"]))
    return table


def _above(run: dict[str, Any], baseline: str) -> tuple[str, str, str]:
    """The difference of Sharpe ratios, its interval and its p-value."""
    found = run["sharpeDifference"]
    if run["name"] == baseline:
        return "", "", ""
    (low, high), p_value = found["interval"], found["pValue"]
    interval = _DASH if low is None else f"{low:+.2f} … {high:+.2f}"
    above = _DASH if found["difference"] is None else f"{found['difference']:+.2f}"
    return above, interval, _DASH if p_value is None else f"{p_value:.3f}"


def _correlations(document: dict[str, Any]) -> Table:
    """Correlations of the runs' returns, each run by its place."""
    runs = document["runs"]
    table = _table("", "Correlation", *(str(run["rank"]) for run in runs), words=2)
    for run, row in zip(runs, document["correlations"], strict=True):
        table.add_row(
            str(run["rank"]), Text(run["name"]), *(_DASH if value is None else f"{value:.2f}" for value in row)
        )
    return table


def _differences(document: dict[str, Any]) -> Table:
    table = _table("Differs", "", *(run["name"] for run in document["runs"]), words=2 + len(document["runs"]))
    group = ""
    for row in document["differences"]:
        values = (Text(_DASH if value is None else _cut(value)) for value in row["values"])
        table.add_row("" if row["group"] == group else row["group"], Text(row["field"]), *values)
        group = row["group"]
    return table


def _cut(value: str) -> str:
    value = value.removeprefix("sha256:")[:12] if value.startswith("sha256:") else value.removesuffix("T00:00:00Z")
    return value if len(value) <= _WIDEST else f"{value[: _WIDEST - 1]}…"
