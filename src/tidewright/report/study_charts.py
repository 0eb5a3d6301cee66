"""The charts of a study's result: the account out of sample, its windows, the search, and how likely it is to be luck.

Trials are complete ones, by number. Every function returns None where there is nothing to draw.
"""

from collections.abc import Sequence

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.selection import pareto_front
from tidewright.domain.trials import Trial
from tidewright.report import charts
from tidewright.report import format as fmt
from tidewright.report.document import Document, part
from tidewright.report.options import FAINT, INK, Columns, Option, axis, base, grid, numbers
from tidewright.report.study_points import Along, off_zero, points
from tidewright.report.study_trials import Objective, objective, objectives, thinned, values

_LABELLED_WINDOWS = 12
"""How many windows are numbered on a chart, at most."""

_BOTTOM = {"nameLocation": "middle", "nameGap": 28, "nameTextStyle": {"color": INK, "fontSize": 11}}


def account(document: Document, equity: Columns) -> Option | None:
    """The stitched out-of-sample account with the beginning of every window."""
    option = charts.figure("equity", equity, {}, document)
    if option is None:
        return None
    window = equity["window"]
    begins = np.flatnonzero(np.diff(window)) + 1  # the first begins with the chart
    every = -(-len(begins) // _LABELLED_WINDOWS)
    label = {"position": "end", "distance": 2, "color": INK, "fontSize": 11}
    option["series"][0]["markLine"] = {
        "silent": True, "symbol": "none", "lineStyle": {"color": FAINT, "type": "dashed", "width": 1},
        "data": [
            {"xAxis": int(equity["time"][at]), "label": label | {"formatter": str(int(window[at]) + 1), "show": index % every == 0}}
            for index, at in enumerate(begins)
        ],
    }  # fmt: skip
    return option


def windows(document: Document, name: str) -> Option | None:
    """A figure of each window's choice, in and out of sample, as pairs of bars."""
    shown = objective(name)
    sides = {
        side: shown.scaled([np.nan if (value := part(window, f"{side}Figures", name)) is None else value for window in document["windows"]])
        for side in ("inSample", "outOfSample")
    }  # fmt: skip
    if not any(np.isfinite(of_side).any() for of_side in sides.values()):
        return None
    option = base(
        f"{shown.title} of each window's choice, in sample and out of sample: out of sample "
        f"{', '.join(shown.text(part(window, 'outOfSampleFigures', name)) for window in document['windows'])}."
    )
    option["tooltip"] |= {"trigger": "axis", "axisPointer": {"type": "shadow"}}
    option["legend"]["data"] = ["In sample", "Out of sample"]
    source = {side: numbers(of_side) for side, of_side in sides.items()}
    option["dataset"] = {"source": {"window": [str(index + 1) for index in range(len(document["windows"]))]} | source}
    option["grid"] = [grid(36, 196)]
    option["xAxis"] = [axis("category", name="Window") | _BOTTOM | {"splitLine": {"show": False}}]
    option["yAxis"] = [axis("value", formatter=shown.on_axis)]
    option["series"] = [
        {
            "type": "bar", "name": title, "encode": {"x": "window", "y": side}, "barGap": "8%", "barMaxWidth": 34,
            "itemStyle": {"color": colour}, "emphasis": {"disabled": True}, "tooltip": {"valueFormatter": shown.told[1]},
        }
        for side, title, colour in (("inSample", "In sample", "var(--benchmark)"), ("outOfSample", "Out of sample", "var(--strategy)"))
    ]  # fmt: skip
    return option


def history(document: Document, trials: Sequence[Trial]) -> Option | None:
    """The first objective of every trial by number, and the best so far of those that are feasible."""
    if not trials:
        return None
    first, every = objectives(document)[0], values(trials)
    feasible = np.array([trial.feasible for trial in trials])
    costs = np.minimum.accumulate(first.costs(np.where(feasible, every, np.nan)))
    best = -costs if first.maximize else costs
    steps = np.flatnonzero(np.isfinite(costs) & np.concatenate(([True], np.diff(costs) != 0))).tolist()
    climb = [(trials[at].number, float(best[at])) for at in steps]
    if climb:
        climb.append((trials[-1].number, climb[-1][1]))
    found = f", the best {first.text(climb[-1][1])}" if climb else ""
    option = base(f"{first.metric.title} of {len(trials)} trials in the order of their numbers{found}.")
    option["grid"] = [grid(54, 214)]
    option["xAxis"] = [axis("value", name="Trial", min=0, minInterval=1) | _BOTTOM | {"splitLine": {"show": False}}]
    option["yAxis"] = [axis("value", formatter=first.on_axis, scale=True, name=first.title)]
    off_zero(option)
    drawn = thinned(document, trials)
    places = Along(np.array([float(trial.number) for trial in drawn]))
    option["series"] = points(document, drawn, places, Along(first.scaled(values(drawn)), *first.told))
    option["series"].append(
        {
            "type": "line", "name": "Best so far", "step": "end", "showSymbol": False, "silent": True, "z": 4,
            "lineStyle": {"width": 1.8, "color": "var(--ink-2)"}, "itemStyle": {"color": "var(--ink-2)"},
            "data": [[number, value] for number, value in zip([at for at, _ in climb], numbers(first.scaled([value for _, value in climb])), strict=True)],
        }
    )  # fmt: skip
    return option


def generalisation(document: Document, trials: Sequence[Trial]) -> Option | None:
    """The first objective of every trial in sample and out of sample, means over the windows, and the line on which both are equal."""
    first = objectives(document)[0]
    drawn = [trial for trial in thinned(document, trials) if np.isfinite(_both(trial, first)).all()]
    if not drawn:
        return None
    alike = fmt.number(rank_correlation(document, trials))
    option = base(f"{first.metric.title} of {len(drawn)} trials in sample and out of sample; rank correlation {alike}.")
    option["grid"] = [grid(54, 224)]
    option["xAxis"] = [axis("value", formatter=first.on_axis, scale=True, name="In sample") | _BOTTOM]
    option["yAxis"] = [axis("value", formatter=first.on_axis, scale=True, name="Out of sample")]
    off_zero(option)
    both = first.scaled(np.array([_both(trial, first) for trial in drawn]))
    told = first.told[1]
    option["series"] = points(
        document, drawn, Along(both[:, 0], "In sample", told), Along(both[:, 1], "Out of sample", told)
    )
    low, high = float(both.min(axis=0).max()), float(both.max(axis=0).min())
    if low < high:
        option["series"].append(
            {
                "type": "line", "name": "As good as in sample", "showSymbol": False, "silent": True, "data": [[x, x] for x in numbers(np.array([low, high]))],
                "lineStyle": {"width": 1, "color": "var(--ink-2)", "type": "dashed"}, "itemStyle": {"color": "var(--ink-2)"},
            }
        )  # fmt: skip
    return option


def rank_correlation(document: Document, trials: Sequence[Trial]) -> float:
    """Spearman's, between the first objective in sample and out of sample over the trials; NaN for fewer than three."""
    first = objectives(document)[0]
    known = [pair for trial in trials if np.isfinite(pair := _both(trial, first)).all()]
    sides = [_ranks(np.array(side)) for side in zip(*known, strict=True)]
    if len(known) < 3 or any((side == side[0]).all() for side in sides):
        return float("nan")
    matrix: Floats = np.asarray(np.corrcoef(sides[0], sides[1]))
    return float(matrix[0, 1])


def logits(document: Document) -> Option | None:
    """How the best of each half ranked in the other half: PBO is the share to the left of 0."""
    pbo = part(document, "overfitting", "pbo") or {}
    edges, counts = (np.array(part(pbo, "logits", name) or [], dtype=np.float64) for name in ("edges", "counts"))
    if not counts.sum():
        return None
    centres, width = (edges[1:] + edges[:-1]) / 2, float(edges[1] - edges[0])
    option = base(
        f"Distribution of {fmt.count(counts.sum())} logits; {fmt.percent(pbo.get('probability'))} of them are at or below 0.",
        legend=False,
    )
    option["grid"] = [grid(38, 240)]
    option["xAxis"] = [axis("value", formatter="@compact", name="Logit of the rank in the other half", min=float(edges[0]), max=float(edges[-1])) | _BOTTOM]  # fmt: skip
    option["xAxis"][0]["splitLine"] = {"show": False}
    option["yAxis"] = [axis("value", minInterval=1, formatter="@compact")]
    option["tooltip"] |= {"trigger": "item", "formatter": "@halves"}
    option["series"] = [
        {
            "type": "bar", "barCategoryGap": "6%", "emphasis": {"disabled": True},
            "data": [
                {"value": [round(x, 6), int(n), width], "itemStyle": {"color": "var(--gain)" if x > 0 else "var(--loss)"}}
                for x, n in zip(centres.tolist(), counts.tolist(), strict=True)
            ],
        }
    ]  # fmt: skip
    return option


def front(document: Document, trials: Sequence[Trial], other: int) -> Option | None:
    """The first objective against another one: the trials, and of those that are feasible the ones that none beats in both."""
    wanted = objectives(document)
    pair = [wanted[0], wanted[other]]
    drawn = [one for one in thinned(document, trials) if np.isfinite(one.values[0]) and np.isfinite(one.values[other])]
    feasible = [trial for trial in trials if trial.feasible]
    if not drawn or not feasible:
        return None
    table = np.column_stack([values(feasible), values(feasible, other)])
    unbeaten = table[pareto_front(table, ["Maximize" if one.maximize else "Minimize" for one in pair])]
    option = base(f"{pair[0].metric.title} against {pair[1].metric.title}: {len(unbeaten)} trials are beaten by none.")
    option["grid"] = [grid(54, 244)]
    option["xAxis"] = [axis("value", formatter=pair[0].on_axis, scale=True, name=pair[0].title) | _BOTTOM]
    option["yAxis"] = [axis("value", formatter=pair[1].on_axis, scale=True, name=pair[1].title)]
    off_zero(option)
    at = [Along(shown.scaled(values(drawn, index)), *shown.told) for shown, index in zip(pair, (0, other), strict=True)]
    option["series"] = points(document, drawn, *at)
    corners = [numbers(shown.scaled(column)) for shown, column in zip(pair, unbeaten.T, strict=True)]
    option["series"].append(
        {
            "type": "line", "name": "Pareto front", "symbol": "circle", "symbolSize": 7, "silent": True, "z": 3,
            "lineStyle": {"width": 1.6, "color": "var(--strategy)"}, "itemStyle": {"color": "var(--strategy)"},
            "data": [list(corner) for corner in zip(*corners, strict=True)],
        }
    )  # fmt: skip
    return option


def _both(trial: Trial, first: Objective) -> tuple[float, float]:
    """The mean over the windows in which it is defined, in sample and out of sample."""
    return _mean(trial.in_sample[:, first.column]), _mean(trial.out_of_sample[:, first.column])


def _mean(column: Floats) -> float:
    known = column[np.isfinite(column)]
    return float(known.mean()) if len(known) else float("nan")


def _ranks(column: Floats) -> Floats:
    """Ranks from 0, equal values share the mean of theirs."""
    ordered = np.sort(column)
    return (np.searchsorted(ordered, column) + np.searchsorted(ordered, column, side="right") - 1) / 2
