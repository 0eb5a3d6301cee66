"""What the page shows of a run's Monte Carlo: a fan of equity for each way of making other histories, and a table of them all.

The fan's values are those of the record; the run's own way is looked at after the same returns as theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.report import format as fmt
from tidewright.report import series
from tidewright.report.document import Document, Json, currency, part
from tidewright.report.options import Columns, Frame, Option, axis, base, grid, line, numbers, over_time, zoom

WAYS: Mapping[str, Frame] = {
    "dailyReturns": Frame("Days drawn in blocks", 376),
    "tradesDrawn": Frame("Trades drawn one by one", 286),
    "tradesShuffled": Frame("Trades in another order", 286),
}
"""The ways of making other histories, as a record calls them, and the chart of each."""


_SHORT = {"dailyReturns": "Days", "tradesDrawn": "Drawn", "tradesShuffled": "Reordered"}
"""What a narrow screen calls them."""


def headings(document: Document) -> list[tuple[str, str]]:
    """The title of each of `ways`, in full and short."""
    return [(WAYS[way].title, _SHORT[way]) for way in ways(document)]


def ways(document: Document) -> dict[str, Json]:
    """What the record holds of each way, in the order of `WAYS`."""
    found = part(document, "monteCarlo", "ways") or {}
    return {name: found[name] for name in WAYS if name in found}


def fan(document: Document, way: str, equity: Columns, trades: Columns) -> Option | None:
    """How wide the account's paths lie on the way, and its own among them; None where the record has no such way."""
    bands = part(document, "monteCarlo", "ways", way, "bands")
    if bands is None:
        return None
    steps = np.array(bands["steps"], dtype=np.int64)
    initial = float(bands["equity"][0][0])  # before the first return, where all paths begin
    by_day = way == "dailyReturns"
    at, own = _own_days(equity, initial, steps) if by_day else _own_trades(equity, trades, initial, steps)
    levels = dict(zip(bands["quantiles"], bands["equity"], strict=True))
    last = {quantile: fmt.number(values[-1]) for quantile, values in levels.items()}
    first, *_, final = levels
    words = f"Of the paths, nine in ten end between {last[first]} and {last[final]}, half of them above {last[0.5]}."
    option = base(f"{WAYS[way].title}: the account's paths. {words}")
    if by_day:
        over_time(option, panels=1, slider=False)
    else:
        option["tooltip"] |= {"trigger": "axis"}
        option["dataZoom"] = zoom(1, slider=False)
        option["xAxis"] = [
            axis("value", max=int(steps[-1]), name="Trades", nameLocation="middle", splitLine={"show": False})
        ]
    option["legend"]["data"] = ["This run", "Half of the paths lie above"]
    option["grid"] = [grid(44, 300 if by_day else 196)]
    option["yAxis"] = [axis("value", formatter="@compact", scale=True)]
    option["dataset"] = {"source": _columns(at, own, levels)}
    option["series"] = _lines(list(levels))
    return option


def _own_days(equity: Columns, initial: float, steps: Integers) -> tuple[Integers, Floats]:
    """When the days (or longer bars) after so many returns end, and what the account was worth."""
    days, worth, length = series.daily(equity["time"], np.asarray(equity["equity"], dtype=np.float64))
    moments = np.concatenate((days[:1], days + length))
    return moments[steps], np.concatenate(((initial,), worth))[steps]


def _own_trades(equity: Columns, trades: Columns, initial: float, steps: Integers) -> tuple[Integers, Floats]:
    """What so many trades made of the account, each by its result over the equity before it, as `account_returns` of `tidewright.domain.monte_carlo` has it."""
    before = np.concatenate(((initial,), equity["equity"]))[np.searchsorted(equity["time"], trades["entryTime"])]
    grown = np.cumprod(np.maximum(1.0 + trades["pnl"] / before, 0.0))
    return steps, initial * np.concatenate(((1.0,), grown))[steps]


def _name(index: int) -> str:
    return f"q{index}"


def _columns(at: Integers, own: Floats, levels: Mapping[float, list[float]]) -> dict[str, list[float | None]]:
    """The dataset: each quantile, and for the areas between two of them the distance from one to the next."""
    values = [np.array(level) for level in levels.values()]
    table = {"time": at.tolist(), "own": numbers(own, 7)}
    table |= {_name(index): numbers(level, 7) for index, level in enumerate(values)}
    return table | {
        f"to{_name(index)}": numbers(values[index] - values[index - 1], 7) for index in range(1, len(values))
    }


def _lines(quantiles: list[float]) -> list[Option]:
    """Areas stacked on the lowest quantile, darker in the middle; over them the quantiles as lines, and the run itself."""
    silent: Option = {"tooltip": {"show": False}, "silent": True}
    middle = len(quantiles) // 2
    floor = line("floor", _name(0), "transparent", "@money", stack="fan", **silent)
    areas = [
        line(
            f"area{index}", f"to{_name(index)}", "transparent", "@money", stack="fan",
            areaStyle={"color": "var(--benchmark)", "opacity": 0.38 if index in {middle, middle + 1} else 0.18}, **silent,
        )
        for index in range(1, len(quantiles))
    ]  # fmt: skip
    edges = [
        line(
            _edge(quantile),
            _name(index),
            "var(--benchmark)",
            "@money",
            lineStyle={"width": 0.6, "color": "var(--benchmark)"},
        )
        for index, quantile in enumerate(quantiles)
    ]
    edges[middle]["lineStyle"] = {"width": 1.4, "color": "var(--ink-2)", "type": "dashed"}
    edges[middle]["itemStyle"] = {"color": "var(--ink-2)"}
    own = line(
        "This run", "own", "var(--strategy)", "@money", lineStyle={"width": 1.8, "color": "var(--strategy)"}, z=3
    )
    return [floor, *areas, *reversed(edges), own]


def _edge(quantile: float) -> str:
    return "Half of the paths lie above" if quantile == 0.5 else f"{1 - quantile:.0%} of the paths lie above"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what is told, and its value for each way. A `heading` has no values."""

    title: str
    values: tuple[str, ...] = ()
    heading: bool = False


def rows(document: Document) -> list[Row]:
    """Drawdown, final account and ruin, a column for each of `ways`."""
    found = list(ways(document).values())
    if not found:
        return []
    money = currency(document)

    def at(name: str, quantile: float) -> list[Json]:
        return [way[name][way["quantiles"].index(quantile)] for way in found]

    def row(title: str, values: list[Json]) -> Row:
        return Row(title, tuple(fmt.percent(value) for value in values))

    def sums(title: str, values: list[Json]) -> Row:
        return Row(title, tuple(fmt.count(value) for value in values))

    return [
        Row("Maximum drawdown", heading=True),
        row("Of this run", [way["ownMaxDrawdown"] for way in found]),
        row("Of half the paths, at least", at("maxDrawdown", 0.5)),
        row("Of one path in twenty, at least", at("maxDrawdown", 0.95)),
        row("Of one path in a hundred, at least", at("maxDrawdown", 0.99)),
        row("Paths with a deeper one than this run", [way["deeper"] for way in found]),
        Row(f"Account at the end{f' ({money})' if money else ''}", heading=True),
        sums("One path in twenty ends below", at("finalEquity", 0.05)),
        sums("Half the paths end below", at("finalEquity", 0.5)),
        sums("One path in twenty ends above", at("finalEquity", 0.95)),
        row("Paths that end with a loss", [way["loss"] for way in found]),
        Row("Probability of ruin: of losing, at any time, as much of the initial account as", heading=True),
        *(
            row(fmt.percent(first["loss"], 0), [way["ruin"][index]["probability"] for way in found])
            for index, first in enumerate(found[0]["ruin"])
        ),
    ]
