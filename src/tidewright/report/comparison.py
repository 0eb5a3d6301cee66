"""What the page of a comparison shows: runs over the time that they share, on one scale, and in what they differ.

`document` is what ``tidewright compare --json`` prints: the runs from best to worst, and all lists in their order.
"""

from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.metrics.table import METRICS
from tidewright.report import format as fmt
from tidewright.report import series
from tidewright.report.document import Document, Json
from tidewright.report.options import POINTS, Frame, Option, axis, base, dataset, grid, line, over_time
from tidewright.report.tables import figure_text

FRAME = Frame("Equity from 100, and drawdown", 520)

MOST_DRAWN = 14
"""How many runs are drawn, from the best on; the tables have all."""

SIGNIFICANT = 0.05
"""Below this p-value a difference is called more than chance."""

_COLOURS = ("var(--strategy)", *(f"var(--hue-{hue})" for hue in range(1, 7)))
_HEADLINE = ("sharpe", "totalReturn", "cagr", "volatility", "maxDrawdown", "calmar", "trades", "winRate")
_METRICS = {metric.name: metric for metric in METRICS}
_DIGEST = "sha256:"


def simulated(document: Document) -> bool:
    """Whether the prices are made up."""
    return any(warning["reason"] == "SimulatedData" for warning in document["warnings"])


def verdict(document: Document) -> str:
    """One or two sentences: who ranks first, and whether chance could have done it."""
    runs, period, metric = document["runs"], document["period"], _METRICS[document["by"]]
    best = runs[0]
    value = figure_text(best["figures"][metric.name], metric.unit)
    where = f"from {fmt.moment(period['start'])[:10]} to {fmt.moment(period['end'])[:10]}"
    return f"Of {len(runs)} runs {where}, {best['name']} ranks first by {_in_a_sentence(metric.title)}, with {value}. {_chance(document)}"


def _in_a_sentence(title: str) -> str:
    """``Sharpe ratio``, but ``maximum drawdown``: names of people and capitals keep their size."""
    return (
        title
        if title.split(maxsplit=1)[0] in {"Sharpe", "Sortino", "Calmar", "Kelly"}
        else title[0].lower() + title[1:]
    )


def _chance(document: Document) -> str:
    others = [run for run in document["runs"] if run["name"] != document["against"]]
    known = [
        (run["sharpeDifference"]["pValue"], run["name"])
        for run in others
        if run["sharpeDifference"]["pValue"] is not None
    ]
    apart = [name for p_value, name in known if p_value < SIGNIFICANT]
    of = f"that of {document['against']}"
    if not known:
        return f"Whether chance explains how far the other Sharpe ratios are from {of} cannot be told."
    if not apart:
        return f"Chance alone would explain how far the other Sharpe ratios are from {of}."
    subject = f"ratio of {apart[0]} is" if len(apart) == 1 else f"ratios of {_listed(apart)} are"
    return f"The Sharpe {subject} further from {of} than chance would explain."


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a heading and its cells; `best` is the index of the best of them, -1 where there is none."""

    title: str
    cells: tuple[str, ...]
    best: int = -1
    description: str = ""


def leaderboard(document: Document) -> tuple[list[str], list[Row]]:
    """Headings and rows of the ranking, the figure that it goes by in front."""
    names = list(dict.fromkeys((document["by"], *_HEADLINE)))
    rows = [Row(run["name"], tuple(_figure(run, name) for name in names)) for run in document["runs"]]
    return [_METRICS[name].title for name in names], rows


def figures(document: Document) -> list[Row]:
    """Every figure, a column for each run."""
    runs = document["runs"]
    return [
        Row(
            _METRICS[name].title,
            tuple(_figure(run, name) for run in runs),
            _best(runs, name),
            _METRICS[name].description,
        )
        for name in runs[0]["figures"]
    ]


def _figure(run: Json, name: str) -> str:
    return figure_text(run["figures"][name], _METRICS[name].unit)


def _best(runs: list[Json], name: str) -> int:
    """The run with the best value, where there is a better and a worse."""
    higher = _METRICS[name].higher_is_better
    known = [(run["figures"][name], index) for index, run in enumerate(runs) if run["figures"][name] is not None]
    if higher is None or len({value for value, _ in known}) < 2:
        return -1
    return (max if higher else min)(known, key=lambda item: item[0])[1]


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far a run's Sharpe ratio is from the baseline's; `clear` where chance does not explain it."""

    name: str
    sharpe: str
    difference: str
    interval: str
    p_value: str
    clear: bool


def sharpe_differences(document: Document) -> list[Ahead]:
    """Every run but the one that they are held against."""
    rows = []
    for run in document["runs"]:
        found = run["sharpeDifference"]
        if run["name"] == document["against"]:
            continue
        low, high = (fmt.number(bound, plus=True) for bound in found["interval"])
        rows.append(
            Ahead(
                run["name"],
                fmt.number(run["figures"]["sharpe"]),
                fmt.number(found["difference"], plus=True),
                f"{low} to {high}" if low != fmt.DASH else fmt.DASH,
                fmt.number(found["pValue"], 3),
                clear=found["pValue"] is not None and found["pValue"] < SIGNIFICANT,
            )
        )
    return rows


def correlations(document: Document) -> list[tuple[str, list[tuple[str, float]]]]:
    """Each run with the correlations of its returns, as text and as the strength of a colour; its own is left out."""
    return [
        (
            run["name"],
            [
                (fmt.DASH, 0.0) if i == j or value is None else (fmt.number(value), max(value, 0.0))
                for j, value in enumerate(row)
            ],
        )
        for i, (run, row) in enumerate(zip(document["runs"], document["correlations"], strict=True))
    ]


def differences(document: Document) -> list[tuple[str, list[Row]]]:
    """By group, every field that is not the same in all runs."""
    groups: dict[str, list[Row]] = {}
    for row in document["differences"]:
        cells = tuple(_value(value) for value in row["values"])
        groups.setdefault(row["group"], []).append(Row(row["field"], cells))
    return list(groups.items())


def _value(value: str | None) -> str:
    if value is None:
        return fmt.DASH
    return value.removeprefix(_DIGEST)[:12] if value.startswith(_DIGEST) else value.removesuffix("T00:00:00Z")


def rebased(worth: Floats) -> Floats:
    """Each run as if it had begun with 100, shape as `worth`."""
    return 100.0 * worth / worth[:, :1]


def chart(document: Document, moments: Integers, worth: Floats) -> Option:
    """The first `MOST_DRAWN` runs from 100, and below them how far each lies under its highest value."""
    names = [run["name"] for run in document["runs"]][:MOST_DRAWN]
    lines = rebased(worth)[:MOST_DRAWN]
    below = lines / np.maximum.accumulate(lines, axis=1) - 1.0
    kept = series.extremes(POINTS, *lines, *below)
    ends = ", ".join(f"{name} at {fmt.number(row[-1])}" for name, row in zip(names, lines, strict=True))
    option = over_time(base(f"Every account from 100 on, and its drawdown. At the end: {ends}."), panels=2)
    option["legend"]["data"] = names
    columns = {f"worth{i}": row[kept] for i, row in enumerate(lines)} | {
        f"below{i}": row[kept] for i, row in enumerate(below)
    }
    option["dataset"] = dataset(moments[kept], columns, digits=7)
    option["grid"] = [grid(50, 278), grid(364, 96)]
    option["yAxis"] = [
        axis("value", formatter="@compact", scale=True, name="Equity, from 100"),
        axis("value", grid=1, formatter="@share", max=0, splitNumber=3, name="Drawdown"),
    ]
    option["series"] = [
        _line(name, index, key, formatter, panel)
        for panel, (key, formatter) in enumerate((("worth", "@number"), ("below", "@percent")))
        for index, name in enumerate(names)
    ]
    return option


def _line(name: str, index: int, key: str, formatter: str, panel: int) -> Option:
    """The first seven runs by colour, those after them by the same colours, dashed."""
    colour = _COLOURS[index % len(_COLOURS)]
    style = {
        "width": 1.8 if index == 0 else 1.3,
        "color": colour,
        "type": "solid" if index < len(_COLOURS) else "dashed",
    }
    return line(name, f"{key}{index}", colour, formatter, panel=panel, lineStyle=style, z=3 if index == 0 else 2)
