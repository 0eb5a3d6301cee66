"""From the record of a study to what the resource's status tells of it: the verdict and the figures behind it, the selected trial, and what a promotion asks about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tidewright.domain.metrics.table import METRICS, Unit
from tidewright.domain.trials import Trial
from tidewright.runs.headlines import figure
from tidewright.specs.status import BestTrial, Provenance, StudyResult, StudyTested, Trials
from tidewright.specs.work_record import StudyRecord

Document = Mapping[str, Any]
"""A record as `tidewright.runs.study_record.study_document` makes it."""

_UNITS: dict[str, Unit] = {metric.name: metric.unit for metric in METRICS}


def study_record_of(document: Document, report: str, artifacts: str) -> StudyRecord:
    """How a study ended, with the URLs of its report and of the folder that it is in. One that selects nothing has failed for want of a trial to select, and says which there were."""
    if document["selected"] is None:
        message = next(one["message"] for one in document["warnings"] if one["reason"] == "NothingSelected")
        return StudyRecord(reason="StrategyFailed", message=f"{message} The report: {report}")
    return StudyRecord.of_study(
        trials=Trials.model_validate(
            {name: document["trials"][name] for name in ("asked", "complete", "pruned", "failed")}
        ),
        best=best_of(document["selected"], document["objectives"][0]["metric"]),
        result=result_of(document, report, artifacts),
        provenance=provenance_of(document),
        tested=tested_of(document),
    )


def result_of(document: Document, report: str, artifacts: str) -> StudyResult:
    """The verdict, and the figures that it rests on."""
    evidence, out_of_sample = document["overfitting"] or {}, document["result"]
    pbo, test = evidence.get("pbo", {}), evidence.get("test", {})
    return StudyResult.model_validate(
        {
            "verdict": document["verdict"]["word"],
            "deflatedSharpe": figure(evidence.get("deflatedSharpe"), "percent"),
            "pbo": figure(pbo.get("probability"), "percent"),
            "walkForwardEfficiency": figure(document["walkForward"]["efficiency"], "percent"),
            "outOfSampleReturn": figure(out_of_sample["totalReturn"], "percent"),
            "outOfSampleSharpe": figure(out_of_sample["sharpe"], "ratio"),
            "pValue": figure(test.get("pValue"), "ratio"),
            "report": report,
            "artifacts": artifacts,
        }
    )


def best_of(candidate: Mapping[str, Any], metric: str) -> BestTrial:
    """A trial of the record, as it is shown."""
    shown = figure(candidate["values"][0], _UNITS[metric])
    return BestTrial.model_validate(
        {"trial": candidate["number"], "value": shown or "", "parameters": dict(candidate["parameters"])}
    )


def standing_best(trial: Trial, metric: str) -> BestTrial:
    """A trial of a search that goes on."""
    return best_of({"number": trial.number, "values": trial.values, "parameters": trial.parameters}, metric)


def counted(trials: Sequence[Trial], asked: int) -> Trials:
    """How many trials there are of each state."""
    states = Counter(trial.state for trial in trials)
    return Trials(asked=asked, complete=states["Complete"], pruned=states["Pruned"], failed=states["Failed"])


def provenance_of(document: Document) -> Provenance:
    """What the study was made of."""
    made_of = document["provenance"]
    names = ("dataDigest", "strategyDigest", "resultDigest", "arithmeticRevision", "engineVersion", "seed")
    return Provenance.model_validate({name: made_of[name] for name in names})


def tested_of(document: Document) -> StudyTested:
    """What the selected strategy was tested on, and how it stood its checks."""
    period, broker, checks, evidence = (
        document["period"],
        document["spec"]["broker"],
        document["checks"],
        document["overfitting"] or {},
    )
    return StudyTested.model_validate(
        {
            **{name: period[name] for name in ("start", "end", "bars")},
            "simulated": document["provenance"]["data"]["simulated"],
            **{name: broker[name] for name in ("commission", "makerCommission", "slippage") if name in broker},
            **{name: checks[name]["passed"] for name in ("lookAhead", "dataQuality") if name in checks},
            "strategyDigest": document["provenance"]["selectedDigest"],
            "deflatedSharpe": evidence.get("deflatedSharpe"),
            "pbo": evidence.get("pbo", {}).get("probability"),
            "walkForwardEfficiency": document["walkForward"]["efficiency"],
        }
    )
