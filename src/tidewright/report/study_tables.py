"""The tables of a study's page as rows of text: what was searched, the windows, and the best trials."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidewright.domain.metrics.table import METRICS
from tidewright.domain.trials import Trial
from tidewright.report import format as fmt
from tidewright.report.document import Document, part
from tidewright.report.study_trials import (
    fields,
    objectives,
    range_text,
    ranked,
    selected_number,
    settings,
    value_text,
)
from tidewright.report.tables import figure_text

LISTED = 20
"""How many of the best trials are listed."""

_METRICS = {metric.name: metric for metric in METRICS}
_OF_WINDOWS = ("totalReturn", "maxDrawdown")


@dataclass(frozen=True, slots=True)
class Field:
    """A searched field; `share` is how much of the first objective's variation it explains, in 0..1, None where that is unknown."""

    name: str
    searched: str
    selected: str
    share: float | None

    @property
    def importance(self) -> str:
        """The share as text."""
        return fmt.percent(self.share, 0)


def space(document: Document) -> list[Field]:
    """The searched fields, those that matter most first."""
    shares = {one["name"]: one["share"] for one in document["importance"]}
    chosen = part(document, "selected", "parameters") or {}
    return [
        Field(
            field["name"],
            range_text(field),
            value_text(chosen[field["name"]]) if field["name"] in chosen else fmt.DASH,
            shares.get(field["name"]),
        )
        for field in fields(document)
    ]


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A window: its parts, the trial that was chosen, and figures in and out of sample, and out of sample of the selected trial."""

    number: int
    in_sample: str
    out_of_sample: str
    chosen: str
    settings: str
    cells: tuple[tuple[str, str, str], ...]


def window_headings(document: Document) -> list[str]:
    """The figures that the windows are told by, the first objective in front."""
    return [_METRICS[name].title for name in _names(document)]


def windows(document: Document) -> list[WindowRow]:
    """Every window, in order."""
    rows = []
    for index, window in enumerate(document["windows"]):
        chosen = window["chosen"]
        cells = tuple(
            tuple(
                figure_text(part(window, side, name), _METRICS[name].unit)
                for side in ("inSampleFigures", "outOfSampleFigures", "selectedOutOfSample")
            )
            for name in _names(document)
        )
        rows.append(
            WindowRow(
                index + 1,
                _span(window["inSample"]),
                _span(window["outOfSample"]),
                fmt.DASH if chosen is None else fmt.count(chosen["number"]),
                "" if chosen is None else settings(chosen["parameters"], 6),
                cells,  # type: ignore[arg-type]  # three sides of each figure
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One of the best trials: its number, whether it is the selected one, its values, and its figures."""

    number: str
    selected: bool
    settings: tuple[str, ...]
    figures: tuple[str, ...]


def trial_headings(document: Document) -> tuple[list[str], list[str]]:
    """The searched fields in their order, and the figures: the objectives in sample, and the first of them out of sample."""
    wanted = objectives(document)
    return [field["name"] for field in document["space"]], [
        *(one.metric.title for one in wanted),
        "Out of sample",
    ]


def best_trials(document: Document, trials: Sequence[Trial]) -> list[TrialRow]:
    """The feasible trials with the best first objective, and the selected one if it is not among them."""
    wanted, chosen = objectives(document), selected_number(document)
    order = ranked(trials, wanted[0])
    kept = order[:LISTED] + [trial for trial in order[LISTED:] if trial.number == chosen]
    names = [field["name"] for field in document["space"]]
    return [
        TrialRow(
            fmt.count(trial.number),
            trial.number == chosen,
            tuple(value_text(trial.parameters[name]) for name in names),
            (
                *(one.text(value) for one, value in zip(wanted, trial.values, strict=True)),
                wanted[0].text(_mean(trial.out_of_sample[:, wanted[0].column].tolist())),
            ),
        )
        for trial in kept
    ]


def _mean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return sum(known) / len(known) if known else float("nan")


def _names(document: Document) -> list[str]:
    return list(dict.fromkeys((document["objectives"][0]["metric"], *_OF_WINDOWS)))


def _span(span: Document) -> str:
    return f"{span['start'][:10]} to {span['end'][:10]}"
