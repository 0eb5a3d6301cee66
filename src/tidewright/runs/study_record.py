"""The record of a study: one JSON document. Ratios are plain numbers, percentages that were searched are strings such as ``2.5%``, undefined figures null."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.cscv import Pbo
from tidewright.domain.instant import utc
from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.metrics.measure import as_record
from tidewright.domain.metrics.periods import periods_per_year
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.timeframe import DAY
from tidewright.domain.trials import FIGURE, Dimension, Trial
from tidewright.domain.trying import days_of_a_period, mean_of_windows
from tidewright.domain.walk_forward import Span
from tidewright.runs.record import document_of, number_of, package_version
from tidewright.runs.study_findings import Evidence, StudyFindings
from tidewright.runs.warnings import warnings_of
from tidewright.specs.manifest import API_VERSION

Table = dict[str, np.ndarray[Any, Any]]

_EDGES = np.linspace(-5.0, 5.0, 41)
"""Logits are counted between these; those beyond are in the outermost."""

_FRONT = 500
"""Most trials of a Pareto front that a record lists."""

_REASONS = 20
"""Most kinds of failure that a record lists."""


def study_document(
    found: StudyFindings, asked: int, importance: Sequence[tuple[str, float]], started: int, finished: int
) -> dict[str, Any]:
    """The record as JSON values: `asked` trials were wanted, and the study ran from `started` to `finished`, in milliseconds."""
    plan, data, evidence = found.plan, found.data, found.evidence
    setting, strategy = data.setting, plan.backtest.strategy
    source = plan.backtest.strategy.spec.source.record()
    selected = found.selected
    values = {} if selected is None else selected.parameters
    run = None if selected is None else _run(found)
    return {
        "apiVersion": API_VERSION,
        "kind": "OptimizationStudy",
        "name": plan.name,
        "spec": plan.spec.record() | {"strategy": strategy.spec.record()},
        "strategy": {
            "name": strategy.strategy.name,
            "source": next(iter(source)),
            "parameters": dict(plan.space.written(values).parameters),
            "risk": plan.space.written(values).risk.record(),
        },
        "symbols": [market.symbol for market in plan.backtest.markets],
        "timeframe": plan.backtest.markets[0].timeframe,
        "exchange": plan.backtest.markets[0].exchange,
        "period": {
            **_span(setting.period),
            "bars": sum(len(one.period) for one in setting.series),
            "history": max(one.start for one in setting.series),
        },
        "objectives": [
            {"metric": name, "direction": direction}
            for name, direction in zip(plan.objectives, plan.directions, strict=True)
        ],
        "sampler": {"name": plan.spec.sampler.name, "seed": plan.spec.sampler.seed},
        "selection": plan.spec.selection,
        "space": [_dimension(one) for one in plan.space.dimensions],
        "trials": _trials(found, asked),
        "result": _headlines(found),
        "selected": None if selected is None else _selected(found, selected),
        "candidates": {
            name: _candidate(one)
            for name, one in (("best", found.best), ("robust", found.robust), ("knee", found.knee))
        },
        "front": [_candidate(trial) for trial in found.front[:_FRONT]],
        "windows": _windows(found),
        "walkForward": _walk_forward(found),
        "overfitting": None if evidence is None else _overfitting(found, evidence),
        "verdict": _verdict(found),
        "importance": [{"name": name, "share": share} for name, share in importance],
        "warnings": [{"reason": reason, "message": message} for reason, message in _warnings(found)],
        "checks": {} if found.whole is None else document_of(found.whole)["checks"],
        "run": run,
        "provenance": {
            "dataDigest": data.digest,
            "strategyDigest": strategy.digest,
            "selectedDigest": None if found.whole is None else found.whole.plan.strategy.digest,
            "resultDigest": found.digest,
            "arithmeticRevision": ARITHMETIC_REVISION,
            "engineVersion": package_version(),
            "seed": plan.spec.sampler.seed,
            "data": {"simulated": data.simulated},
        },
        "times": {"started": utc(started), "finished": utc(finished)},
        "artifacts": {},
    }


def equity_table(found: StudyFindings) -> Table:
    """The out-of-sample account: one row a bar of the out-of-sample parts, with the window that it belongs to, and what buying and holding in each part would have been worth."""
    stitched = found.walked.stitched
    if stitched is None:
        return {
            "time": np.empty(0, np.int64),
            "equity": np.empty(0),
            "window": np.empty(0, np.int64),
            "benchmark": np.empty(0),
        }
    return {
        "time": stitched.clock.time,
        "equity": stitched.ledger.equity,
        "window": stitched.part,
        "benchmark": found.walked.benchmark,
    }


def _verdict(found: StudyFindings) -> dict[str, Any]:
    reasons = found.verdict.reasons
    told = [{"reason": one.reason, "speaksFor": one.speaks_for, "message": one.message} for one in reasons]
    return {"word": found.verdict.word, "reasons": told}


def _trials(found: StudyFindings, asked: int) -> dict[str, Any]:
    states = Counter(trial.state for trial in found.trials)
    failed = [trial for trial in found.trials if trial.state == "Failed"]
    examples = {(trial.reason, trial.message): trial for trial in reversed(failed)}
    counts = Counter((trial.reason, trial.message) for trial in failed)
    return {
        "asked": asked,
        "complete": states["Complete"],
        "pruned": states["Pruned"],
        "failed": states["Failed"],
        "infeasible": sum(trial.state == "Complete" and not trial.feasible for trial in found.trials),
        "failures": [
            {"reason": key[0], "message": key[1], "count": count, "parameters": dict(examples[key].parameters)}
            for key, count in counts.most_common(_REASONS)
        ],
    }


def _headlines(found: StudyFindings) -> dict[str, Any]:
    stitched = found.walked.stitched
    if stitched is None:
        return {metric.name: None for metric in METRICS} | {"finalEquity": None}
    return {"finalEquity": number_of(stitched.ledger.equity[-1]), **as_record(stitched.metrics)}


def _selected(found: StudyFindings, selected: Trial) -> dict[str, Any]:
    whole = {} if found.whole is None else as_record(found.whole.outcome.metrics)
    return {
        **_candidate_of(selected),
        "inSample": _figures(np.array([mean_of_windows(column) for column in selected.in_sample.T])),
        "outOfSample": _figures(np.array([mean_of_windows(column) for column in selected.out_of_sample.T])),
        "wholePeriod": whole,
    }


def _windows(found: StudyFindings) -> list[dict[str, Any]]:
    told = []
    for index, (window, chosen) in enumerate(zip(found.data.setting.windows, found.walked.windows, strict=True)):
        trial, selected = chosen.trial, found.selected
        told.append(
            {
                "inSample": _span(window.in_sample),
                "outOfSample": _span(window.out_of_sample),
                "chosen": None if trial is None else {"number": trial.number, "parameters": dict(trial.parameters)},
                "inSampleFigures": None if trial is None else _figures(trial.in_sample[index]),
                "outOfSampleFigures": None if trial is None else _figures(trial.out_of_sample[index]),
                "selectedInSample": None if selected is None else _figures(selected.in_sample[index]),
                "selectedOutOfSample": None if selected is None else _figures(selected.out_of_sample[index]),
            }
        )
    return told


def _walk_forward(found: StudyFindings) -> dict[str, Any]:
    walked = found.walked
    returns = [one.out_of_sample.metrics.total_return for one in walked.windows if one.out_of_sample is not None]
    return {
        "efficiency": number_of(walked.efficiency),
        "degradation": number_of(walked.degradation),
        "growthInSample": number_of(walked.growth_in_sample),
        "growthOutOfSample": number_of(walked.growth_out_of_sample),
        "profitableWindows": sum(one > 0.0 for one in returns),
        "undefinedWindows": len(walked.windows) - len(returns),
    }


def _overfitting(found: StudyFindings, evidence: Evidence) -> dict[str, Any]:
    asked, luck = found.plan.spec.overfitting, evidence.deflated
    yearly = sqrt(_periods_per_year(found))
    return {
        "deflatedSharpe": number_of(luck.probability),
        "sharpe": number_of(luck.sharpe * yearly),
        "sharpeOfLuck": number_of(luck.luck * yearly),
        "trials": len(found.trials),
        "judged": evidence.judged,
        "independentTrials": number_of(luck.independent),
        "pbo": _pbo(evidence.pbo, asked.pbo_splits),
        "test": {"name": asked.test, "pValue": number_of(evidence.p_value), "samples": asked.bootstrap_samples},
        "stability": {
            "score": number_of(evidence.stability.score),
            "neighbours": evidence.stability.neighbours,
            "shape": evidence.stability.shape,
        },
    }


def _periods_per_year(found: StudyFindings) -> float:
    """Periods of a trial's returns in a year."""
    step, period = found.data.setting.series[0].bars.step, found.data.setting.period
    days = (period.end - period.start) // max(step, DAY)
    return periods_per_year(step) / days_of_a_period(days)


def _pbo(pbo: Pbo, splits: int) -> dict[str, Any]:
    counts, _ = np.histogram(np.clip(pbo.logits, _EDGES[0], _EDGES[-1]), _EDGES)
    return {
        "probability": number_of(pbo.probability),
        "splits": splits,
        "halves": len(pbo.logits),
        "logits": {"edges": _EDGES.tolist(), "counts": counts.tolist()},
        "slope": number_of(pbo.slope),
        "lossProbability": number_of(pbo.loss),
    }


def _run(found: StudyFindings) -> dict[str, Any]:
    """The backtest of the selected, ready to be run."""
    selected, plan = found.selected, found.plan
    assert selected is not None  # noqa: S101 - asked for where there is one
    name = f"{plan.name[:50].rstrip('.-')}-best"
    spec = plan.backtest_with(selected.parameters).record()
    return {"apiVersion": API_VERSION, "kind": "BacktestRun", "metadata": {"name": name}, "spec": spec}


def _warnings(found: StudyFindings) -> list[tuple[str, str]]:
    told = []
    if found.selected is None:
        told.append(("NothingSelected", _nothing_selected(found)))
    elif found.whole is not None:
        told += warnings_of(found.whole)
    idle = sum(one.trial is None for one in found.walked.windows)
    if idle:
        told.append(
            (
                "WindowsWithoutChoice",
                f"In {idle} of {len(found.walked.windows)} windows no trial had the first objective in sample: nothing was traded after them.",
            )
        )
    failed = sum(trial.state == "Failed" for trial in found.trials)
    if failed:
        told.append(
            (
                "TrialsFailed",
                f"{failed} of {len(found.trials)} trials failed; they count as attempts, but nothing is known of what they would have earned.",
            )
        )
    if found.evidence is not None and found.evidence.judged + failed < len(found.trials):
        told.append(
            (
                "EvidenceOfSome",
                f"The returns of {found.evidence.judged:,} evenly spaced trials of {len(found.trials):,} went into the overfitting statistics.",
            )
        )
    if found.plan.spec.sampler.name not in ("Grid", "Random", "QMC") and len(found.data.setting.windows) > 1:
        told.append(
            (
                "PoolSawLaterWindows",
                "The sampler learned from all in-sample parts, so which trials there were to choose from at an early window owes something to later ones; Grid and Random owe them nothing.",
            )
        )
    return told


def _nothing_selected(found: StudyFindings) -> str:
    states = Counter(trial.state for trial in found.trials)
    if not states["Complete"]:
        reasons = Counter(trial.reason for trial in found.trials).most_common(3)
        told = ", ".join(f"{count} {reason}" for reason, count in reasons)
        return (
            f"No trial was evaluated to its end ({told or 'there are none'}): search another space, or a longer period."
        )
    return f"None of {states['Complete']} complete trials meets the requirements: lower them, or search another space."


def _candidate(trial: Trial | None) -> dict[str, Any] | None:
    return None if trial is None else _candidate_of(trial)


def _candidate_of(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "parameters": dict(trial.parameters),
        "values": [number_of(value) for value in trial.values],
    }


def _dimension(one: Dimension) -> dict[str, Any]:
    choices: list[Value] = list(one.choices)
    return {
        "name": one.name,
        "kind": one.kind,
        "low": one.low,
        "high": one.high,
        "step": one.step,
        "log": one.log,
        "choices": choices,
    }


def _figures(row: Floats) -> dict[str, float | None]:
    return {name: number_of(row[column]) for name, column in FIGURE.items()}


def _span(span: Span) -> Mapping[str, str]:
    return {"start": utc(span.start), "end": utc(span.end)}
