"""How an OptimizationStudy stands: what became of its Jobs, and the status that follows from it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from tidewright.specs.work_record import StudyRecord, StudyStanding
from tidewright_operator.clock import written
from tidewright_operator.cluster import Object
from tidewright_operator.conditions import Finding, condition, is_true, merged
from tidewright_operator.kinds.jobs import stage_of, succeeded
from tidewright_operator.kinds.study_jobs import trials_of, workers_of
from tidewright_operator.kinds.work_status import Attempt, Ending, failure_of, findings
from tidewright_operator.progress import Told

RUNNING, EVALUATING = "Running", "Evaluating"
_STAGES = {RUNNING: "Searching", EVALUATING: "Evaluating"}

SEARCHED = 90
"""Percent of a study that is done once its search is; the rest is the evaluation."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a study stands, from which its status follows: refused, searching, or at an attempt to conclude, of which its workers have `told`; `strategy_digest` is of what it searches."""

    refused: Finding | None = None
    search: Object | None = None
    conclusion: Attempt | None = None
    ending: Ending | None = None
    strategy_digest: str | None = None
    told: Told | None = None

    @property
    def job(self) -> Object:
        return (self.conclusion.job if self.conclusion else self.search) or {}

    @property
    def stage(self) -> str:
        return stage_of(self.job, EVALUATING if self.conclusion else RUNNING)

    @property
    def record(self) -> StudyRecord | None:
        """The record of a study that is complete."""
        found = self.conclusion.record if self.conclusion else None
        return found if isinstance(found, StudyRecord) and self.ending is not None and self.ending.complete else None


def is_outdated(study: Object) -> bool:
    """Whether the study's status is of another number of trials than is asked for now."""
    return bool(_counted(study).get("asked") != trials_of(study))


def is_finished(study: Object) -> bool:
    """Whether there is nothing left to do for the study: it has ended, and no more trials are asked for than then. Fewer change nothing any more."""
    ended = is_true(study.get("status", {}).get("conditions", ()), "Finished")
    return ended and trials_of(study) <= int(_counted(study).get("asked", 0))


def attempts_of(study: Object) -> int:
    """How many attempts to conclude the trials asked for were begun."""
    return 0 if is_outdated(study) else int(study.get("status", {}).get("attempts", 0))


def _counted(study: Object) -> Object:
    return dict(study.get("status", {}).get("trials") or {})


def search_failed(search: Object, last_words: str) -> Ending | None:
    """How a search that is over has failed; None where it has found what there was to find.

    Workers that died too often leave their work to the others: it is enough that one of them has found none left. What was refused ends the search for all.
    """
    if succeeded(search):
        return None
    failed = condition(search.get("status", {}).get("conditions", ()), "Failed") or {}
    if failed.get("reason") != "PodFailurePolicy" and search.get("status", {}).get("succeeded"):
        return None
    return failure_of(search, StudyRecord.read(last_words))


def status_of(study: Object, standing: Standing, now: datetime) -> Object:
    """The study's whole status. What was written once and cannot be found out again is kept, as far as it is of the trials asked for."""
    before, ending, record = study.get("status", {}), standing.ending, standing.record
    generation, moment = study["metadata"].get("generation", 0), written(now)
    conclusion = standing.conclusion
    status: Object = {
        "observedGeneration": generation,
        "conditions": merged(
            before.get("conditions", ()),
            findings(study, standing.refused, ending, standing.stage),
            generation,
            moment,
        ),
        "attempts": conclusion.number if conclusion else attempts_of(study),
        "progress": _progress(study, standing),
        **_found(study, standing),
    }
    if started := before.get("startTime") or standing.job.get("status", {}).get("startTime"):
        status["startTime"] = started
    if ending is not None:
        status["completionTime"] = ending.time or moment
    searched = standing.strategy_digest or before.get("provenance", {}).get("strategyDigest")
    provenance = {"strategyDigest": searched} if searched else {}
    if record is not None:
        written_down = record.record()
        provenance = written_down["provenance"] | provenance
        status |= {part: written_down[part] for part in ("result", "tested")}
    if provenance:
        status["provenance"] = provenance
    return status


def _found(study: Object, standing: Standing) -> Object:
    """The trials and the best of them: as the record has them, as workers told last, or as they were known before."""
    told = standing.record or _understood(standing.told)
    known = told.record() if told is not None else study.get("status", {})
    trials = {**(known.get("trials") or {}), "asked": trials_of(study)}
    if standing.ending is not None:
        trials.pop("running", None)
    return {"trials": trials} | ({"best": known["best"]} if known.get("best") else {})


def _understood(told: Told | None) -> StudyStanding | None:
    """What workers told; None where it is nothing of ours."""
    if told is None or told.details is None:
        return None
    try:
        return StudyStanding.model_validate(dict(told.details))
    except ValidationError:
        return None


def _progress(study: Object, standing: Standing) -> Object:
    if standing.ending is not None:
        return {"percent": 100, "stage": "Done"} if standing.ending.complete else {"percent": 0}
    if not standing.job:
        return {"percent": 0}
    told, stage = standing.told, standing.stage
    percent = _percent(study, standing)
    shown = {"percent": percent, "stage": _STAGES.get(stage, stage)}
    return shown | ({"eta": told.eta} if told and told.eta and stage in _STAGES else {})


def _percent(study: Object, standing: Standing) -> int:
    """Of the whole; what was shown before counts where nothing is told: trials that are finished are kept, whatever becomes of a worker."""
    before = 0 if is_outdated(study) else int(study.get("status", {}).get("progress", {}).get("percent", 0))
    told = standing.told.percent if standing.told else None
    if standing.conclusion is not None:
        return max(before, SEARCHED) if told is None else SEARCHED + told * (100 - SEARCHED) // 100
    return before if told is None else told * SEARCHED // 100


def told(reason: str, study: Object, status: Object, job: str) -> str:
    """What an event says of a study that has come to this; `job` is the name of the Job that works on it."""
    result: dict[str, Any] = status.get("result", {})
    if reason == "Complete":
        trials = status["trials"].get("complete", 0)
        return (
            f"{result.get('verdict', 'No verdict')}: trial {status['best']['trial']} of {trials}, out of sample Sharpe "
            f"{result.get('outOfSampleSharpe', '–')}, deflated Sharpe {result.get('deflatedSharpe', '–')}, PBO {result.get('pbo', '–')}"
        )
    return {
        "Pending": f"Waiting for the pods of Job {job}",
        "Queued": f"Job {job} waits in its queue",
        RUNNING: f"{workers_of(study)} workers search for {trials_of(study)} trials; kubectl logs -f job/{job}",
        EVALUATING: f"The search is over; kubectl logs -f job/{job}",
        "Suspended": "Held back by spec.suspend; finished trials are kept",
    }.get(reason, reason)
