"""What a tracker is told of a study: one run of the whole, and below it runs of its windows and of its best trials, no more than were asked for."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any

from tidewright.domain.bars import Floats
from tidewright.domain.provenance import record_digest
from tidewright.domain.trials import FIGURE, Trial
from tidewright.ports.tracking import TrackedData, TrackedRun
from tidewright.runs.tracking import leaves, numbers

EXPERIMENT = "tidewright/studies"
"""The experiment that all studies are told under."""

_TOLD = ("sharpe", "totalReturn", "maxDrawdown", "trades")


def tracked_study(document: Mapping[str, Any], trials: Sequence[Trial], files: Sequence[Path] = ()) -> TrackedRun:
    """The run of a study's record; `trials` are those of the study. Of them the best become runs of their own, as many as its ``tracking.childRuns`` says; every window does."""
    digest = study_run_digest(document)
    children = [*_windows(document, digest), *_best(document, trials, digest)]
    return TrackedRun(
        experiment=EXPERIMENT,
        name=str(document["name"]),
        digest=digest,
        parameters=dict(leaves(document["spec"])),
        metrics=dict(_metrics(document)),
        tags=_tags(document),
        data=(_data(document),),
        files=tuple(files),
        children=tuple(children),
    )


def study_run_digest(document: Mapping[str, Any]) -> str:
    """The digest of a study's run: its name, what it was made of and what came of it, and how it was judged."""
    made_of = {name: document[name] for name in ("name", "provenance", "selection", "overfitting")}
    return record_digest(made_of)


def _metrics(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    yield from numbers("outOfSample.", document["result"])
    yield from numbers("walkForward.", document["walkForward"])
    yield from numbers("trials.", {name: count for name, count in document["trials"].items() if name != "failures"})
    evidence = document["overfitting"]
    if evidence is not None:
        plain = {name: value for name, value in evidence.items() if not isinstance(value, Mapping)}
        yield from numbers("overfitting.", plain)
        yield from numbers("overfitting.pbo.", {"probability": evidence["pbo"]["probability"]})
        yield from numbers("overfitting.test.", {"pValue": evidence["test"]["pValue"]})
        yield from numbers("overfitting.stability.", {"score": evidence["stability"]["score"]})
    selected = document["selected"]
    if selected is not None:
        yield from numbers("selected.", selected["wholePeriod"])
        names = [one["metric"] for one in document["objectives"]]
        yield from numbers("objective.", dict(zip(names, selected["values"], strict=True)))
    yield from numbers("importance.", {one["name"]: one["share"] for one in document["importance"]})


def _tags(document: Mapping[str, Any]) -> dict[str, str]:
    made_of = document["provenance"]
    selected = document["selected"]
    chosen = (
        {} if selected is None else {f"selected.{name}": str(value) for name, value in selected["parameters"].items()}
    )
    return {
        "kind": str(document["kind"]),
        "strategy": str(document["strategy"]["name"]),
        "verdict": str(document["verdict"]["word"]),
        "resultDigest": str(made_of["resultDigest"]),
        "dataDigest": str(made_of["dataDigest"]),
        "strategyDigest": str(made_of["strategyDigest"]),
        "engineVersion": str(made_of["engineVersion"]),
        "arithmeticRevision": str(made_of["arithmeticRevision"]),
        "seed": str(made_of["seed"]),
        **chosen,
    }


def _data(document: Mapping[str, Any]) -> TrackedData:
    made_of = document["provenance"]
    name = f"{document['exchange']} {', '.join(document['symbols'])} {document['timeframe']}"
    return TrackedData(
        name, str(made_of["dataDigest"]), {**document["period"], "simulated": made_of["data"]["simulated"]}
    )


def _windows(document: Mapping[str, Any], of: str) -> Iterator[TrackedRun]:
    for index, window in enumerate(document["windows"]):
        chosen = window["chosen"] or {"number": None, "parameters": {}}
        yield TrackedRun(
            experiment=EXPERIMENT,
            name=f"{document['name']} window {index + 1}",
            digest=record_digest({"study": of, "window": index}),
            parameters=dict(leaves(chosen["parameters"])),
            metrics={
                **dict(numbers("inSample.", window["inSampleFigures"] or {})),
                **dict(numbers("outOfSample.", window["outOfSampleFigures"] or {})),
            },
            tags={
                "window": str(index + 1),
                "trial": str(chosen["number"]),
                **{
                    f"{part}.{end}": window[part][end]
                    for part in ("inSample", "outOfSample")
                    for end in ("start", "end")
                },
            },
        )


def _best(document: Mapping[str, Any], trials: Sequence[Trial], of: str) -> Iterator[TrackedRun]:
    """The best trials by the first objective, the selected one first."""
    most = document["spec"]["tracking"]["childRuns"]
    first = document["objectives"][0]
    sign = -1.0 if first["direction"] == "Maximize" else 1.0
    selected = None if document["selected"] is None else document["selected"]["number"]
    ranked = sorted(
        (trial for trial in trials if trial.feasible),
        key=lambda trial: (
            trial.number != selected,
            sign * trial.values[0] if isfinite(trial.values[0]) else inf,
            trial.number,
        ),
    )
    for trial in ranked[:most]:
        values = {one["metric"]: value for one, value in zip(document["objectives"], trial.values, strict=True)}
        yield TrackedRun(
            experiment=EXPERIMENT,
            name=f"{document['name']} trial {trial.number}",
            digest=record_digest({"study": of, "trial": trial.number}),
            parameters={name: str(value) for name, value in trial.parameters.items()},
            metrics={
                **dict(numbers("objective.", values)),
                **dict(numbers("inSample.", _by_window(trial.in_sample))),
                **dict(numbers("outOfSample.", _by_window(trial.out_of_sample))),
            },
            tags={"trial": str(trial.number), "selected": str(trial.number == selected).lower()},
        )


def _by_window(rows: Floats) -> dict[str, float]:
    return {f"{name}.{index + 1}": float(row[FIGURE[name]]) for index, row in enumerate(rows) for name in _TOLD}
