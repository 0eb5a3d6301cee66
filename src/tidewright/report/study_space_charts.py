"""The charts of a study's space: where along each searched field the good trials lie, and whether they lie together.

Trials are complete ones, by number. Every function returns None where there is nothing to draw.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.trials import Trial
from tidewright.report import format as fmt
from tidewright.report.document import Document, Json
from tidewright.report.options import FAINT, INK, Option, axis, base, grid, numbers
from tidewright.report.study_points import Along, off_zero, points
from tidewright.report.study_trials import (
    fields,
    objectives,
    positions,
    range_text,
    ranked,
    selected_number,
    thinned,
    values,
)

SLICED, CROSSED, TRACED = 500, 500, 150
"""How many trials a slice, the surface and the parallel coordinates show, at most."""

SLICES, ROWS = 12, 12
"""How many fields have a slice and a row among the parallel coordinates, at most: those that matter most."""

ROW_HEIGHT = 58
"""How high a row of the parallel coordinates is, in CSS pixels."""

_CELLS = 12
"""Into how many cells each side of the surface is cut, at most."""

_PALEST = 0.2
"""The share of cells that are drawn as pale as can be: a few very bad ones would leave all others alike."""

_BEST = 0.1
"""The share of trials that is drawn in colour among the parallel coordinates."""


def slice_of(document: Document, field: Json, trials: Sequence[Trial]) -> Option | None:
    """The first objective along one searched field."""
    if not trials:
        return None
    first, drawn = objectives(document)[0], thinned(document, trials, SLICED)
    option = base(f"{first.metric.title} of {len(drawn)} trials along {field['name']}.", legend=False)
    option["grid"] = [grid(30, 132) | {"right": 20}]
    option["xAxis"] = [_along(field)]
    option["yAxis"] = [axis("value", formatter=first.on_axis, scale=True, splitNumber=3, name=first.title)]
    off_zero(option)
    option["series"] = points(
        document, drawn, Along(positions(field, drawn)), Along(first.scaled(values(drawn)), *first.told)
    )
    return option


def surface(document: Document, trials: Sequence[Trial]) -> Option | None:
    """The first objective over the two fields that matter most: the mean of the trials in each cell, and the trials."""
    first, pair = objectives(document)[0], fields(document)[:2]
    known = [trial for trial in trials if np.isfinite(trial.values[0])]
    if len(pair) < 2 or not known:
        return None
    drawn = thinned(document, known, CROSSED)
    option = base(
        f"{first.metric.title} of {len(known)} trials over {pair[0]['name']} and {pair[1]['name']}: the stronger the colour, the better."
    )
    option["grid"] = [grid(56, 300) | {"left": 64}]
    option["xAxis"] = [
        _along(pair[0])
        | {"name": pair[0]["name"], "nameLocation": "middle", "nameGap": 28, "nameTextStyle": {"color": INK, "fontSize": 11}}
    ]  # fmt: skip
    option["yAxis"] = [_along(pair[1]) | {"name": pair[1]["name"]}]
    off_zero(option)
    option["series"] = points(document, drawn, Along(positions(pair[0], drawn)), Along(positions(pair[1], drawn)))
    for group in option["series"]:
        if group["name"] == "Trials":
            group |= {"symbolSize": 4, "itemStyle": {"color": "var(--ink-2)", "opacity": 0.55}}
    cells = _cells(pair, known, first.costs(values(known)))
    option["series"].insert(0, {"type": "scatter", "silent": True, "data": [], "markArea": {"silent": True, "data": cells}})  # fmt: skip
    option["legend"]["data"] = [group["name"] for group in option["series"][1:]]
    return option


def parallel(document: Document, trials: Sequence[Trial]) -> Option | None:
    """A line for each trial through its values of the fields and of the first objective, each from its lowest to its highest; the best in colour."""
    first, rows = objectives(document)[0], fields(document)[:ROWS]
    order = ranked([trial for trial in trials if np.isfinite(trial.values[0])], first)
    if len(order) < 2 or not rows:
        return None
    best = {trial.number for trial in order[: max(1, int(len(order) * _BEST))]}
    kept = thinned(document, sorted(order, key=lambda trial: trial.number), TRACED)
    score = values(kept)
    columns = [_shares(field, positions(field, kept)) for field in rows]
    columns.append(_scaled(score, score.min(), score.max()))
    labels = [f"{field['name']}: {range_text(field)}" for field in rows]
    labels.append(f"{first.metric.title}: {first.text(score.min())} to {first.text(score.max())}")
    option = base(f"The values of {len(kept)} trials, a line each, from the lowest on the left to the highest on the right.")  # fmt: skip
    option["tooltip"] = {"show": False}
    option["grid"] = [grid(44, ROW_HEIGHT * len(labels)) | {"left": 10, "right": 10}]
    option["xAxis"] = [axis("value", min=0, max=1) | {"axisLabel": {"show": False}, "splitLine": {"show": False}}]
    option["yAxis"] = [
        axis("category", inverse=True, boundaryGap=True, data=labels)
        | {
            "z": 6, "splitLine": {"show": False},
            "axisLabel": {
                "inside": True, "margin": 2, "verticalAlign": "bottom", "padding": [0, 0, 7, 0], "color": "var(--ink)", "fontSize": 11,
                "textBorderColor": "var(--paper)", "textBorderWidth": 3,
            },
        }
    ]  # fmt: skip
    groups = _traced(document, kept, best)
    option["legend"]["data"] = [name for name, *_ in _TRACES if any(group == name for group in groups)]
    shown = [numbers(column, 4) for column in columns]
    option["series"] = [
        _trace(group, [[column[index], row] for row, column in enumerate(shown)])
        for index, group in enumerate(groups)
    ] + [_rule(row) for row in range(len(labels))]  # fmt: skip
    return option


_TRACES = (
    ("Selected", "var(--loss)", 2.4, 1.0, 5),
    ("Best tenth", "var(--strategy)", 1.2, 0.75, 3),
    ("Others", "var(--benchmark)", 0.8, 0.3, 2),
)


def _traced(document: Document, trials: Sequence[Trial], best: set[int]) -> list[str]:
    chosen = selected_number(document)
    return ["Selected" if one.number == chosen else "Best tenth" if one.number in best else "Others" for one in trials]


def _trace(group: str, data: list[list[Any]]) -> Option:
    colour, width, opacity, z = next(rest for name, *rest in _TRACES if name == group)
    return {
        "type": "line", "name": group, "data": data, "showSymbol": False, "silent": True, "z": z,
        "lineStyle": {"color": colour, "width": width, "opacity": opacity}, "itemStyle": {"color": colour},
    }  # fmt: skip


def _rule(row: int) -> Option:
    """The line of one field, from its lowest to its highest value."""
    return {
        "type": "line", "data": [[0, row], [1, row]], "showSymbol": False, "silent": True, "z": 1,
        "lineStyle": {"color": FAINT, "width": 1},
    }  # fmt: skip


def _along(field: Mapping[str, Any]) -> Option:
    """The axis of a searched field: choices by their place and with their names."""
    if field["kind"] == "Choice":
        names = [str(choice) for choice in field["choices"]]
        option = axis("value", min=-0.5, max=len(names) - 0.5, interval=1)
        option["axisLabel"] |= {"formatter": ["@label", names], "customValues": list(range(len(names)))}
        return option | {"splitLine": {"show": False}}
    formatter = "{value}%" if field["kind"] == "Percent" else "@compact"
    kind = "log" if field["log"] else "value"
    option = axis(kind, formatter=formatter, min=field["low"], max=field["high"], splitNumber=4)
    if field["low"] == field["high"]:
        option |= {"min": field["low"] - 1, "max": field["high"] + 1}
    if field["log"]:
        option["axisLabel"]["customValues"] = numbers(np.geomspace(field["low"], field["high"], 4), 2)
    return option | {"splitLine": {"show": False}}


def _edges(field: Mapping[str, Any], trials: int) -> Floats:
    """Where a searched field is cut into cells: a cell for each value where they are few, else cells of equal width, or of equal ratio on a logarithmic one."""
    most = int(min(_CELLS, max(3, sqrt(trials))))
    if field["kind"] == "Choice":
        return np.arange(len(field["choices"]) + 1, dtype=np.float64) - 0.5
    low, high, step = field["low"], field["high"], field["step"]
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    if field["log"]:
        return np.geomspace(low, high, most + 1, dtype=np.float64)
    if step is None:
        return np.linspace(low, high, most + 1, dtype=np.float64)
    count = round((high - low) / step) + 1
    together = -(-count // most)
    cells = -(-count // together)
    return np.array([low - step / 2 + together * step * cell for cell in range(cells + 1)])


def _cells(pair: Sequence[Json], trials: Sequence[Trial], costs: Floats) -> list[list[Option]]:
    """Rectangles, the stronger the lower the mean cost of the trials in them."""
    edges = [_edges(field, len(trials)) for field in pair]
    places = [
        np.clip(np.searchsorted(cut, positions(field, trials), side="right") - 1, 0, len(cut) - 2)
        for field, cut in zip(pair, edges, strict=True)
    ]
    shape = tuple(len(cut) - 1 for cut in edges)
    flat = np.ravel_multi_index((places[0], places[1]), shape)
    counts = np.bincount(flat, minlength=shape[0] * shape[1])
    filled = np.flatnonzero(counts)
    means = np.bincount(flat, costs, minlength=len(counts))[filled] / counts[filled]
    worst = float(np.quantile(means, 1 - _PALEST))
    strength = 1.0 - _scaled(np.minimum(means, worst), means.min(), worst)
    bounds = [_within(field, cut) for field, cut in zip(pair, edges, strict=True)]
    found: list[list[Option]] = []
    for cell, heat in zip(filled, strength, strict=True):
        column, row = np.unravel_index(cell, shape)
        style = {"color": "var(--strategy)", "opacity": round(0.06 + 0.74 * float(heat), 3)}
        corners = [[bounds[0][column], bounds[1][row]], [bounds[0][column + 1], bounds[1][row + 1]]]
        found.append([{"coord": corners[0], "itemStyle": style}, {"coord": corners[1]}])
    return found


def _within(field: Mapping[str, Any], cut: Floats) -> list[float | None]:
    """The edges of cells, none of them beyond the axis."""
    if field["kind"] == "Choice" or field["low"] == field["high"]:
        return numbers(cut)
    return numbers(np.clip(cut, field["low"], field["high"]))


def _shares(field: Mapping[str, Any], places: Floats) -> Floats:
    """Places along a searched field from 0, its lowest, to 1, its highest value."""
    if field["kind"] == "Choice":
        return _scaled(places, 0.0, len(field["choices"]) - 1.0)
    if field["log"]:
        return _scaled(np.log(places), float(np.log(field["low"])), float(np.log(field["high"])))
    return _scaled(places, field["low"], field["high"])


def _scaled(column: Floats, low: float, high: float) -> Floats:
    """From 0 to 1; all in the middle where there is no distance."""
    return (column - low) / (high - low) if high > low else np.full(len(column), 0.5)


def surface_range(document: Document, trials: Sequence[Trial]) -> str:
    """``from -0.3 to 1.2``: the values of the first objective on the surface."""
    first, known = objectives(document)[0], values(trials)[np.isfinite(values(trials))]
    return f"from {first.text(known.min())} to {first.text(known.max())}" if len(known) else fmt.DASH
