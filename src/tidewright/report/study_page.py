"""A study as one HTML page: first whether to believe it, then what was found, then how."""

from collections.abc import Sequence

from tidewright.domain.trials import Trial
from tidewright.report import findings, study_charts, study_findings, study_space_charts, study_tables
from tidewright.report import format as fmt
from tidewright.report.document import Document
from tidewright.report.options import Columns, Frame, Option
from tidewright.report.page import filled
from tidewright.report.study_space_charts import ROW_HEIGHT, ROWS, SLICES
from tidewright.report.study_trials import DRAWN, complete, counted, fields, objective, objectives

_OF_WINDOWS = ("totalReturn", "maxDrawdown")
"""The figures of windows that are drawn beside the first objective."""

Drawn = dict[str, tuple[Frame, Option]]


def render_study(document: Document, trials: Sequence[Trial], equity: Columns) -> str:
    """One HTML page that needs nothing but itself: styles, charts and data are in it, and it loads nothing.

    `document` is the study's ``result.json``; a null in it is shown as not defined, with the reason. `trials` are all of the study's, as far as their figures are known (`tidewright.adapters.study_results`). `equity` has one row a bar of the
    out-of-sample parts: `time` (int64 milliseconds), `equity`, `window` (from 0) and, where known, `benchmark`.
    """
    known = complete(trials)
    drawn = {name: option for name, option in _charts(document, known, equity).items() if option is not None}
    frames = _frames(document)
    slices = [name for name in drawn if name.startswith("slice:")]
    return filled(
        "study.html.j2",
        {name: option for name, option in drawn.items() if name in frames},
        frames,
        _choices(document, drawn),
        document=document,
        fmt=fmt,
        simulated=findings.simulated(document),
        summary=study_findings.summary(document),
        reading=study_findings.reading(document),
        tiles=study_findings.headline(document),
        notices=findings.notices(document),
        snippet=study_findings.snippet(document),
        command=study_findings.apply_command(document),
        space=study_tables.space(document),
        windows=study_tables.windows(document),
        of_windows=study_tables.window_headings(document),
        best=study_tables.best_trials(document, known),
        of_trials=study_tables.trial_headings(document),
        listed=study_tables.LISTED,
        evidence=study_findings.evidence(document),
        correlation=study_charts.rank_correlation(document, known),
        shades=study_space_charts.surface_range(document, known),
        failures=study_findings.failures(document),
        provenance=study_findings.provenance(document),
        counted=counted(document),
        slices=slices,
        most_slices=SLICES,
        most_rows=ROWS,
        most_drawn=DRAWN,
        known=len(known),
        first=objectives(document)[0].metric.title,
    )


def _charts(document: Document, trials: Sequence[Trial], equity: Columns) -> dict[str, Option | None]:
    """Every chart of the page by name, None where there is nothing to draw."""
    charts: dict[str, Option | None] = {"account": study_charts.account(document, equity)}
    charts |= {name: study_charts.windows(document, metric) for name, metric in _window_charts(document).items()}
    charts["history"] = study_charts.history(document, trials)
    charts |= {name: study_charts.front(document, trials, other) for name, other in _fronts(document).items()}
    charts["generalisation"] = study_charts.generalisation(document, trials)
    charts["logits"] = study_charts.logits(document)
    charts["surface"] = study_space_charts.surface(document, trials)
    charts["parallel"] = study_space_charts.parallel(document, trials)
    for field in fields(document)[:SLICES]:
        charts[f"slice:{field['name']}"] = study_space_charts.slice_of(document, field, trials)
    return charts


def _frames(document: Document) -> dict[str, Frame]:
    """Titles and heights."""
    rows = min(len(document["space"]), ROWS) + 1
    frames = {
        "account": Frame("Account out of sample, and drawdown", 478),
        **dict.fromkeys(_window_charts(document), Frame("In sample and out of sample, by window", 274)),
        "history": Frame("Trials in their order", 310),
        **dict.fromkeys(_fronts(document), Frame("Pareto front", 344)),
        "generalisation": Frame("Each trial in sample and out of sample", 322),
        "logits": Frame("The best of one half in the other half", 322),
        "surface": Frame("Over the two fields that matter most", 400),
        "parallel": Frame("Trials as lines through their values", 60 + ROW_HEIGHT * rows),
    }
    return frames | {f"slice:{field['name']}": Frame(field["name"], 190) for field in fields(document)[:SLICES]}


def _window_charts(document: Document) -> dict[str, str]:
    """The charts of windows, by name: the figure that each shows."""
    metrics = dict.fromkeys((document["objectives"][0]["metric"], *_OF_WINDOWS))
    return {f"windows:{metric}" if index else "windows": metric for index, metric in enumerate(metrics)}


def _fronts(document: Document) -> dict[str, int]:
    """The charts of the first objective against another one, by name: which other one."""
    return {f"front:{other}" if other > 1 else "front": other for other in range(1, len(document["objectives"]))}


def _choices(document: Document, drawn: dict[str, Option]) -> dict[str, dict[str, str]]:
    """By chart, what it may show, where a reader can choose."""
    of_windows = {name: objective(metric).metric.title for name, metric in _window_charts(document).items()}
    wanted = objectives(document)
    of_fronts = {name: f"Against {wanted[other].metric.title}" for name, other in _fronts(document).items()}
    choices = {"windows": of_windows, "front": of_fronts}
    kept = {
        chart: {name: title for name, title in of_chart.items() if name in drawn} for chart, of_chart in choices.items()
    }
    return {chart: of_chart for chart, of_chart in kept.items() if len(of_chart) > 1 and chart in of_chart}
