"""Trials as the points of a chart: one look for those that are feasible, those that are not, and the selected one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.trials import Trial
from tidewright.report.document import Document
from tidewright.report.options import Option, numbers
from tidewright.report.study_trials import fields, selected_number, tooltip

_LOOKS: Mapping[str, Option] = {
    "Trials": {"symbol": "circle", "symbolSize": 5, "itemStyle": {"color": "var(--strategy)", "opacity": 0.45}},
    "Not feasible": {"symbol": "triangle", "symbolSize": 6, "itemStyle": {"color": "var(--benchmark)", "opacity": 0.6}},
    "Selected": {
        "symbol": "diamond", "symbolSize": 13, "z": 5,
        "itemStyle": {"color": "var(--loss)", "borderColor": "var(--paper)", "borderWidth": 1.5},
    },
}  # fmt: skip
"""Shape as well as colour tells the groups apart."""


@dataclass(frozen=True, slots=True)
class Along:
    """Where trials lie along an axis, one value a trial; a tooltip tells it under `title`, and leaves it out where that is empty."""

    values: Floats
    title: str = ""
    formatter: str = "@number"


def points(document: Document, trials: Sequence[Trial], x: Along, y: Along) -> list[Option]:
    """A scatter series for each group that has trials; tooltips tell number, place, and the values of the fields that matter most."""
    names = [field["name"] for field in fields(document)]
    told = [[each.title, each.formatter.removeprefix("@")] if each.title else None for each in (x, y)]
    chosen = selected_number(document)
    group = np.array(
        ["Selected" if one.number == chosen else "Trials" if one.feasible else "Not feasible" for one in trials]
    )
    at = list(zip(numbers(x.values), numbers(y.values), strict=True))
    return [
        {
            "type": "scatter", "name": name, "emphasis": {"disabled": True}, "tooltip": {"formatter": ["@trial", told]}, **look,
            "data": [[*at[i], trials[i].number, tooltip(trials[i], names)] for i in np.flatnonzero(group == name).tolist()],
        }
        for name, look in _LOOKS.items()
        if (group == name).any()
    ]  # fmt: skip


def off_zero(option: Option) -> None:
    """Keeps both axes at the chart's edges, wherever zero lies."""
    for one in (*option["xAxis"], *option["yAxis"]):
        one["axisLine"]["onZero"] = False
