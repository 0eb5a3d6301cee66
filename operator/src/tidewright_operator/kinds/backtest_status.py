"""How a BacktestRun stands: what became of its attempts, and the status that follows from it. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from tidewright.domain.timeframe import milliseconds
from tidewright_operator.clock import seconds_until, written
from tidewright_operator.cluster import Object
from tidewright_operator.conditions import DEGRADED, Finding, is_true, merged
from tidewright_operator.kinds.backtest_job import job_name
from tidewright_operator.kinds.jobs import stage_of
from tidewright_operator.kinds.work_status import Attempt, Ending, findings
from tidewright_operator.progress import Told


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
    return findings(run, standing.refused, standing.ending, _stage(standing))


def _stage(standing: Standing) -> str:
    return stage_of((standing.attempt.job if standing.attempt else None) or {})


def _progress(standing: Standing) -> Object:
    if standing.ending is not None and standing.ending.complete:
        return {"percent": 100, "stage": "Done"}
    if standing.ending is not None or standing.attempt is None:
        return {"percent": 0}
    stage, known = _stage(standing), standing.told
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
