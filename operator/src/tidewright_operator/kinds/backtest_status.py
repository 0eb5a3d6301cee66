"""How a BacktestRun stands: what became of its attempts, and the status that follows from it. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from tidewright.domain.timeframe import milliseconds
from tidewright.specs.work_record import WorkRecord
from tidewright_operator.clock import seconds_until, written
from tidewright_operator.cluster import Object
from tidewright_operator.conditions import DEGRADED, Finding, condition, is_true, merged
from tidewright_operator.kinds.backtest_job import job_name
from tidewright_operator.progress import Told

MOST_ATTEMPTS = 3
"""Jobs of one run. A second and a third one are for records that were lost with their pods; what failed is repeated within the Job."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The current attempt: its number, its Job, which is None where the last attempt that there may be is lost, and the termination message that its pod left."""

    number: int
    job: Object | None
    last_words: str = ""

    @property
    def record(self) -> WorkRecord | None:
        return WorkRecord.read(self.last_words)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: a reason that a script can switch on, a message, and when."""

    complete: bool
    reason: str
    message: str = ""
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands, from which its status follows: refused, or at an attempt, of which the worker has `told` how far it is; `strategy_digest` is of what it tests."""

    refused: Finding | None = None
    attempt: Attempt | None = None
    ending: Ending | None = None
    strategy_digest: str | None = None
    told: Told | None = None


class Settled(NamedTuple):
    """What is left of a finished run: its last Job, which is kept for so many seconds since its end, or as long as the run for infinity."""

    job: str
    ended: str
    kept: float

    def left(self, now: datetime) -> float:
        """Seconds until the Job is to be deleted."""
        return self.kept if math.isinf(self.kept) else seconds_until(self.ended, self.kept, now)


def settled(run: Object) -> Settled | None:
    """What is left of the run as it is shown; None where there may be something else to do."""
    status, kept = run.get("status", {}), run["spec"].get("ttlAfterFinished")
    conditions, attempts, ended = status.get("conditions", ()), status.get("attempts"), status.get("completionTime")
    if not is_true(conditions, "Finished") or is_true(conditions, DEGRADED):
        return None
    if not attempts or kept is None or ended is None:
        return Settled("", "", math.inf)
    return Settled(job_name(run, int(attempts)), ended, milliseconds(kept) / 1000)


def succeeded(job: Object) -> bool:
    return is_true(job.get("status", {}).get("conditions", ()), "Complete")


def over(job: Object) -> bool:
    """Whether the Job has ended, and none of its pods is left running."""
    return succeeded(job) or is_true(job.get("status", {}).get("conditions", ()), "Failed")


def ending_of(attempt: Attempt) -> Ending | None:
    """How the attempt has ended, None as long as it has not."""
    if attempt.job is None:
        message = f"{MOST_ATTEMPTS} attempts ended without leaving a record (their pods or Jobs were deleted); make the run anew"
        return Ending(complete=False, reason="RecordLost", message=message)
    status, record = attempt.job.get("status", {}), attempt.record
    if succeeded(attempt.job):
        time = status.get("completionTime")
        if record is None:
            message = (
                "what the worker left is no record of this version; use a worker image of the operator's own version"
            )
            return Ending(complete=False, reason="RecordUnreadable", message=message, time=time)
        return Ending(record.reason == "Complete", record.reason, record.message or "", time)
    failed = condition(status.get("conditions", ()), "Failed")
    return _failure(failed, record) if failed is not None and failed["status"] == "True" else None


def _failure(failed: Object, record: WorkRecord | None) -> Ending:
    """Why a Job has failed: what the worker says, unless it did not come to say it."""
    reason, message = str(failed.get("reason") or "Failed"), str(failed.get("message") or "")
    if reason == "DeadlineExceeded":
        message = "the run took longer than its deadline; make it anew with a longer one"
    elif record is not None and record.reason != "Complete":
        reason, message = record.reason, record.message or ""
    return Ending(complete=False, reason=reason, message=message, time=failed.get("lastTransitionTime"))


def status_of(run: Object, standing: Standing, now: datetime) -> Object:
    """The run's whole status. What was written once and cannot be found out again is kept."""
    before, attempt, ending = run.get("status", {}), standing.attempt, standing.ending
    generation, moment = run["metadata"].get("generation", 0), written(now)
    status: Object = {
        "observedGeneration": generation,
        "conditions": merged(before.get("conditions", ()), findings_of(run, standing), generation, moment),
        "attempts": attempt.number if attempt else before.get("attempts", 0),
        "progress": _progress(standing),
    }
    job = (attempt.job if attempt else None) or {}
    if started := before.get("startTime") or job.get("status", {}).get("startTime"):
        status["startTime"] = started
    if ending is not None:
        status["completionTime"] = ending.time or moment
    provenance = before.get("provenance", {})
    if standing.strategy_digest is not None:
        provenance = {"strategyDigest": standing.strategy_digest}
    if ending is not None and ending.complete and attempt is not None and attempt.record is not None:
        record = attempt.record.record()
        provenance = record.get("provenance", {})
        status |= {part: record[part] for part in ("result", "tested") if record.get(part)}
    if provenance:
        status["provenance"] = provenance
    return status


def findings_of(run: Object, standing: Standing) -> Sequence[Finding]:
    """What is true of the run."""
    ending, refused = standing.ending, standing.refused
    accepted = refused or Finding("Accepted", status=True, reason="Valid")
    suspended = is_suspended(run) and ending is None
    found = [accepted]
    if suspended or condition(run.get("status", {}).get("conditions", ()), "Suspended"):
        reason = "SuspendedByUser" if suspended else "Resumed"
        found.append(Finding("Suspended", status=suspended, reason=reason))
    if ending is None:
        waiting = refused.reason if refused else "Suspended" if suspended else _stage(standing.attempt)
        return [*found, Finding("Finished", status=False, reason=waiting, message=refused.message if refused else "")]
    found.append(Finding("Finished", status=True, reason=ending.reason, message=ending.message))
    found.append(Finding("Complete", status=ending.complete, reason=ending.reason, message=ending.message))
    if not ending.complete:
        found.append(Finding("Failed", status=True, reason=ending.reason, message=ending.message))
    return found


def is_suspended(run: Object) -> bool:
    """Whether the run is to be held back."""
    return bool(run["spec"].get("suspend", False))


def _stage(attempt: Attempt | None) -> str:
    """Queued (a queue holds the Job back), Pending (its pod does not run) or Running."""
    job = (attempt.job if attempt else None) or {}
    if job.get("spec", {}).get("suspend"):
        return "Queued"
    return "Running" if job.get("status", {}).get("ready") else "Pending"


def _progress(standing: Standing) -> Object:
    if standing.ending is not None and standing.ending.complete:
        return {"percent": 100, "stage": "Done"}
    if standing.ending is not None or standing.attempt is None:
        return {"percent": 0}
    stage, known = _stage(standing.attempt), standing.told
    if known is None or stage != "Running":
        return {"percent": 0, "stage": stage}
    return {"percent": known.percent, "stage": stage} | ({"eta": known.eta} if known.eta else {})


def told(reason: str, status: Object, job: str) -> str:
    """What an event says of a run that has come to this; `job` is the name of its attempt's."""
    result: dict[str, Any] = status.get("result", {})
    if reason == "Complete":
        return f"Return {result.get('totalReturn', '–')}, Sharpe {result.get('sharpe', '–')}, {result.get('trades', '–')} trades"
    return {
        "Pending": f"Waiting for the pod of Job {job}",
        "Queued": f"Job {job} waits in its queue",
        "Running": f"Attempt {status['attempts']} is running; kubectl logs -f job/{job}",
        "Suspended": "Held back by spec.suspend",
    }.get(reason, reason)
