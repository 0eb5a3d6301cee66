"""Which of a study's trials are drawn, where they lie along a searched field, and how their figures are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.metrics.table import METRICS, Metric
from tidewright.domain.timeframe import DAY
from tidewright.domain.trials import FIGURE, Trial
from tidewright.report import format as fmt
from tidewright.report.document import Document, Json
from tidewright.report.tables import figure_text

DRAWN = 2000
"""How many trials one chart shows, at most."""

TOLD = 4
"""How many values of a trial its tooltip tells, at most: those of the fields that matter most."""

_MOST_LETTERS = 40
_METRICS = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Objective:
    """What is searched for: the figure, whether more of it is better, and how a chart's axis and tooltip show it."""

    metric: Metric
    maximize: bool

    @property
    def column(self) -> int:
        """Its column in a trial's tables."""
        return FIGURE[self.metric.name]

    @property
    def title(self) -> str:
        """Its name, with the unit of `scaled` values."""
        return f"{self.metric.title} (days)" if self.metric.unit == "duration" else self.metric.title

    @property
    def on_axis(self) -> str:
        """The formatter of an axis."""
        return "@share" if self.metric.unit == "percent" else "@compact"

    @property
    def told(self) -> tuple[str, str]:
        """Title and formatter in a tooltip."""
        return self.title, "@percent" if self.metric.unit == "percent" else "@number"

    def scaled(self, values: Floats | Sequence[float]) -> Floats:
        """Values as charts have them: durations in days."""
        known = np.asarray(values, dtype=np.float64)
        return known / DAY if self.metric.unit == "duration" else known

    def text(self, value: object) -> str:
        """One value, with its unit."""
        return figure_text(value, self.metric.unit)

    def costs(self, values: Floats) -> Floats:
        """The values turned so that less is better, infinity where they are undefined."""
        return np.where(np.isfinite(values), -values if self.maximize else values, np.inf)


def objectives(document: Document) -> list[Objective]:
    """The study's objectives, in their order."""
    return [objective(one["metric"], one["direction"] == "Maximize") for one in document["objectives"]]


def objective(name: str, maximize: bool | None = None) -> Objective:
    """A figure by its name; which way is better is as usual, unless it is said."""
    metric = _METRICS[name]
    return Objective(metric, bool(metric.higher_is_better) if maximize is None else maximize)


def values(trials: Sequence[Trial], index: int = 0) -> Floats:
    """The trials' values of an objective, shape (trials,)."""
    return np.array([trial.values[index] for trial in trials], dtype=np.float64)


def complete(trials: Sequence[Trial]) -> list[Trial]:
    """The complete trials, by number."""
    return sorted((trial for trial in trials if trial.state == "Complete"), key=lambda trial: trial.number)


def ranked(trials: Sequence[Trial], first: Objective) -> list[Trial]:
    """The feasible ones among complete trials, the best first."""
    feasible = [trial for trial in trials if trial.feasible]
    return [feasible[index] for index in np.argsort(first.costs(values(feasible)), kind="stable")]


def thinned(document: Document, trials: Sequence[Trial], most: int = DRAWN) -> list[Trial]:
    """About `most` of the complete trials, by number, where there are more: the best quarter of so many, others evenly spaced, and the selected one."""
    if len(trials) <= most:
        return list(trials)
    order = np.argsort(objectives(document)[0].costs(values(trials)), kind="stable")
    others = np.sort(order[most // 4 :])
    spaced = others[np.linspace(0, len(others) - 1, most - most // 4).astype(np.int64)]
    kept = {*order[: most // 4].tolist(), *spaced.tolist()}
    chosen = selected_number(document)
    return [trial for index, trial in enumerate(trials) if index in kept or trial.number == chosen]


def selected_number(document: Document) -> int | None:
    """The number of the trial that the study selected."""
    selected = document["selected"]
    return None if selected is None else int(selected["number"])


def fields(document: Document) -> list[Json]:
    """The searched fields, those that matter most first."""
    shares = {one["name"]: one["share"] for one in document["importance"]}
    return sorted(document["space"], key=lambda field: -shares.get(field["name"], 0.0))


def positions(field: Mapping[str, Any], trials: Sequence[Trial]) -> Floats:
    """Where the trials lie along a searched field: numbers as they are, percentages in percent, choices by their place."""
    found = [trial.parameters[field["name"]] for trial in trials]
    match field["kind"]:
        case "Choice":
            places = {choice: place for place, choice in enumerate(field["choices"])}
            return np.array([places.get(value, np.nan) for value in found], dtype=np.float64)
        case "Percent":
            return np.array([float(str(value).removesuffix("%")) for value in found])
        case _:
            return np.array(found, dtype=np.float64)


def settings(parameters: Mapping[str, Any], most: int | None = None) -> str:
    """``fast 10, slow 30``: the values of a trial, of many the first `most`."""
    told = [f"{name} {value_text(value)}" for name, value in list(parameters.items())[:most]]
    left = len(parameters) - len(told)
    return ", ".join(told) + (f" and {left} more" if left > 0 else "")


def value_text(value: object) -> str:
    """A searched value: numbers to six digits, all else as it is, shortened."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def tooltip(trial: Trial, names: Sequence[str]) -> str:
    """A line for each value that a tooltip tells: its name, a blank, and the value."""
    return "\n".join(f"{name} {value_text(trial.parameters[name])}" for name in names[:TOLD])


def range_text(field: Mapping[str, Any]) -> str:
    """``5 to 50``, or the choices."""
    if field["kind"] == "Choice":
        return ", ".join(value_text(choice) for choice in field["choices"])
    sign = "%" if field["kind"] == "Percent" else ""
    step = f" in steps of {field['step']:g}{sign}" if field["step"] not in (None, 1) else ""
    return f"{field['low']:g}{sign} to {field['high']:g}{sign}{step}{', by logarithm' if field['log'] else ''}"


def counted(document: Document) -> str:
    """``480 of 500 trials complete, 15 pruned, 5 failed``."""
    trials = document["trials"]
    infeasible = f" ({fmt.count(trials['infeasible'])} of them not feasible)" if trials["infeasible"] else ""
    others = [f"{fmt.count(trials[state])} {state}" for state in ("pruned", "failed") if trials[state]]
    return ", ".join([f"{fmt.count(trials['complete'])} of {fmt.count(trials['asked'])} complete{infeasible}", *others])
