"""How work ends, and the conditions that follow, whatever the work. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tidewright.specs.work_record import StudyRecord, WorkRecord
from tidewright_operator.cluster import Object
from tidewright_operator.conditions import Finding, condition
from tidewright_operator.kinds.jobs import is_suspended, succeeded

MOST_ATTEMPTS = 3
"""Jobs that may come to a result. A second and a third one are for records that were lost with their pods; what failed is repeated within the Job."""

Record: TypeAlias = WorkRecord | StudyRecord


@dataclass(frozen=True, slots=True)
class Attempt:
    """The current attempt: its number, its Job, which is None where the last attempt that there may be is lost, and the termination message that its pod left, a `kind` of record."""

    number: int
    job: Object | None
    last_words: str = ""
    kind: type[Record] = WorkRecord

    @property
    def record(self) -> Record | None:
        return self.kind.read(self.last_words)


@dataclass(frozen=True, slots=True)
class Ending:
    """How work ended: a reason that a script can switch on, a message, and when."""

    complete: bool
    reason: str
    message: str = ""
    time: str | None = None


def ending_of(attempt: Attempt) -> Ending | None:
    """How the attempt has ended, None as long as it has not."""
    if attempt.job is None:
        message = (
            f"{MOST_ATTEMPTS} attempts ended without leaving a record (their pods or Jobs were deleted); make it anew"
        )
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
    return failure_of(attempt.job, record)


def failure_of(job: Object, record: Record | None) -> Ending | None:
    """Why a Job has failed, None where it has not: what the worker says, unless it did not come to say it."""
    failed = condition(job.get("status", {}).get("conditions", ()), "Failed")
    if failed is None or failed["status"] != "True":
        return None
    reason, message = str(failed.get("reason") or "Failed"), str(failed.get("message") or "")
    if reason == "DeadlineExceeded":
        message = "it took longer than its deadline; make it anew with a longer one"
    elif record is not None and record.reason != "Complete":
        reason, message = record.reason, record.message or ""
    return Ending(complete=False, reason=reason, message=message, time=failed.get("lastTransitionTime"))


def findings(thing: Object, refused: Finding | None, ending: Ending | None, stage: str) -> Sequence[Finding]:
    """What is true of the resource; `stage` is where its work stands that is neither refused nor held back nor over."""
    accepted = refused or Finding("Accepted", status=True, reason="Valid")
    suspended = is_suspended(thing) and ending is None
    found = [accepted]
    if suspended or condition(thing.get("status", {}).get("conditions", ()), "Suspended"):
        reason = "SuspendedByUser" if suspended else "Resumed"
        found.append(Finding("Suspended", status=suspended, reason=reason))
    if ending is None:
        waiting = refused.reason if refused else "Suspended" if suspended else stage
        return [*found, Finding("Finished", status=False, reason=waiting, message=refused.message if refused else "")]
    found.append(Finding("Finished", status=True, reason=ending.reason, message=ending.message))
    found.append(Finding("Complete", status=ending.complete, reason=ending.reason, message=ending.message))
    if not ending.complete:
        found.append(Finding("Failed", status=True, reason=ending.reason, message=ending.message))
    return found
