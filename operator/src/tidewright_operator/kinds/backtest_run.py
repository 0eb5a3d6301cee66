"""BacktestRun: a Job for each attempt, and what became of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from tidewright.domain.timeframe import milliseconds
from tidewright.runs.payload import payload_of
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document
from tidewright.specs.pod import Pod
from tidewright.specs.problems import explain
from tidewright.specs.trading_strategy import TradingStrategy
from tidewright_operator.clock import seconds_until, written
from tidewright_operator.cluster import BACKTEST_RUN, CONFIG_MAP, JOB, POD, TRADING_STRATEGY, Cluster, Object
from tidewright_operator.conditions import Finding, condition, is_true, merged, shortened
from tidewright_operator.kinds.backtest_job import CONTAINER, backtest_job, job_name, spec_config_map, spec_name
from tidewright_operator.reconcile import Outcome, Site

LOST_RECORDS = 2
"""How many attempts may end without a record (a node gone, a Job deleted by hand) before the run has failed."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What there is of the current attempt: its number, 0 before the first, its Job, and what its pod left behind."""

    number: int = 0
    job: Object | None = None
    record: Object | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: a reason that a script can switch on, and a message."""

    complete: bool
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands, from which its status follows."""

    refused: Finding | None = None
    attempt: Attempt = field(default_factory=Attempt)
    ending: Ending | None = None


async def reconcile(site: Site, namespace: str, name: str) -> Outcome:
    """Bring the run one step further; the same call again is harmless at any time."""
    cluster = site.cluster
    run = await cluster.get(BACKTEST_RUN, namespace, name)
    if run is None or "deletionTimestamp" in run["metadata"]:
        return Outcome()
    status = run.get("status", {})
    if is_true(status.get("conditions", ()), "Finished"):
        return await _clean_up(site, run)
    resolved = await _resolved(cluster, run)
    if isinstance(resolved, Finding):
        terminal = resolved.reason not in _WAITS_FOR_OTHERS
        ending = Ending(complete=False, reason=resolved.reason, message=resolved.message) if terminal else None
        await _write(site, run, Standing(refused=resolved, ending=ending))
        return Outcome()
    attempt = await _attempt(site, run, resolved)
    ending = ending_of(attempt)
    if ending is None and attempt.job is not None:
        await _hold_or_release(cluster, run, attempt.job)
    lost = attempt.number > int(run["spec"].get("retries", 2)) + 1 + LOST_RECORDS
    if lost:
        ending = Ending(
            complete=False, reason="RecordLost", message="the record of every attempt was lost with its pod"
        )
    await _write(site, run, Standing(attempt=attempt, ending=ending))
    return Outcome(again=ending is not None)


_WAITS_FOR_OTHERS = {"StrategyNotFound"}


async def _resolved(cluster: Cluster, run: Object) -> Pod | Finding:
    """The run's ConfigMap, made once; how its pods are scheduled, or why it cannot be run."""
    namespace = run["metadata"]["namespace"]
    try:
        model = BacktestRun.model_validate(run)
    except ValidationError as error:
        problems = explain(error, BacktestRun, Document("", run, {(): 0}))
        message = "; ".join(str(problem) for problem in problems)
        return Finding("Accepted", status=False, reason="InvalidSpec", message=message)
    if await cluster.get(CONFIG_MAP, namespace, spec_name(run)) is not None:
        return model.spec.pod or Pod()
    named, strategy = model.spec.strategy.name, None
    if named is not None:
        found = await cluster.get(TRADING_STRATEGY, namespace, named)
        if found is None:
            message = f"there is no TradingStrategy {named} in this namespace; the run begins when there is one"
            return Finding("Accepted", status=False, reason="StrategyNotFound", message=message)
        strategy = TradingStrategy.model_validate(found)
    try:
        payload = payload_of(model, strategy) | {"metadata": _identity(run)}
        await cluster.create_once(CONFIG_MAP, spec_config_map(run, payload))
    except InputRefused as refused:
        message = "; ".join(str(problem) for problem in refused.problems)
        return Finding("Accepted", status=False, reason="InvalidStrategy", message=message)
    except ValueError as error:
        return Finding("Accepted", status=False, reason="InvalidSpec", message=str(error))
    return model.spec.pod or Pod()


def _identity(run: Object) -> Object:
    return {name: run["metadata"][name] for name in ("name", "namespace", "uid")}


async def _attempt(site: Site, run: Object, pod: Pod) -> Attempt:
    """The current attempt; a first one, or one more where the last was lost before its end was seen."""
    cluster, namespace = site.cluster, run["metadata"]["namespace"]
    number = int(run.get("status", {}).get("attempts", 0))
    if number:
        job = await cluster.get(JOB, namespace, job_name(run, number))
        if job is not None:
            record = await _record(cluster, job)
            if record is not None or not _succeeded(job):
                return Attempt(number, job, record)
            await cluster.delete(JOB, namespace, job["metadata"]["name"])
    return await _begun(site, run, pod, number + 1)


async def _begun(site: Site, run: Object, pod: Pod, number: int) -> Attempt:
    """Make the attempt's Job, unless it is there: whoever made it may not have lived to say so."""
    namespace = run["metadata"]["namespace"]
    suspended = bool(run["spec"].get("suspend", False))
    wanted = backtest_job(run, pod, number, site.settings, suspended=suspended)
    await site.cluster.create_once(JOB, wanted)
    return Attempt(number, await site.cluster.get(JOB, namespace, wanted["metadata"]["name"]))


async def _record(cluster: Cluster, job: Object) -> Object | None:
    """What the last pod of the Job to end left in its termination message."""
    if not _over(job):
        return None
    meta = job["metadata"]
    pods = await cluster.list(POD, meta["namespace"], {"batch.kubernetes.io/job-name": meta["name"]})
    endings = [ending for pod in pods if (ending := _terminated(pod)) is not None]
    for ended in sorted(endings, key=lambda one: str(one.get("finishedAt") or ""), reverse=True):
        try:
            record = json.loads(ended.get("message") or "")
        except ValueError:
            continue
        if isinstance(record, dict):
            return record
    return None


def _terminated(pod: Object) -> Object | None:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    found = next((one.get("state", {}).get("terminated") for one in statuses if one["name"] == CONTAINER), None)
    return dict(found) if found else None


async def _hold_or_release(cluster: Cluster, run: Object, job: Object) -> None:
    """Suspend the Job or resume it, as the run says; Kueue's own suspension of a queued Job is left to Kueue."""
    wanted = bool(run["spec"].get("suspend", False))
    queued = "kueue.x-k8s.io/queue-name" in job["metadata"].get("labels", {})
    if bool(job["spec"].get("suspend", False)) != wanted and (wanted or not queued):
        meta = job["metadata"]
        await cluster.merge(JOB, meta["namespace"], meta["name"], {"spec": {"suspend": wanted}})


def ending_of(attempt: Attempt) -> Ending | None:
    """How the attempt has ended, None as long as it has not."""
    if attempt.job is None:
        return None
    record = attempt.record or {}
    if _succeeded(attempt.job):
        return Ending(complete=True, reason="Complete") if attempt.record is not None else None
    failed = condition(attempt.job.get("status", {}).get("conditions", ()), "Failed")
    if failed is None or failed["status"] != "True":
        return None
    if failed.get("reason") == "DeadlineExceeded":
        return Ending(
            complete=False, reason="DeadlineExceeded", message="the run took longer than its deadline; raise it"
        )
    reason = str(record.get("reason") or failed.get("reason") or "Failed")
    return Ending(complete=False, reason=reason, message=str(record.get("message") or failed.get("message") or ""))


def _succeeded(job: Object) -> bool:
    return is_true(job.get("status", {}).get("conditions", ()), "Complete")


def _over(job: Object) -> bool:
    conditions = job.get("status", {}).get("conditions", ())
    return is_true(conditions, "Complete") or is_true(conditions, "Failed")


def status_of(run: Object, standing: Standing, now: datetime) -> Object:
    """The run's whole status."""
    before, attempt, ending = run.get("status", {}), standing.attempt, standing.ending
    generation, moment = run["metadata"].get("generation", 0), written(now)
    conditions = merged(before.get("conditions", ()), findings_of(run, standing), generation, moment)
    status: Object = {
        "observedGeneration": generation,
        "conditions": conditions,
        "attempts": attempt.number or before.get("attempts", 0),
        "progress": _progress(standing),
    }
    started = (attempt.job or {}).get("status", {}).get("startTime") or before.get("startTime")
    if started:
        status["startTime"] = before.get("startTime") or started
    if ending is not None:
        status["completionTime"] = before.get("completionTime") or moment
    record = attempt.record or {}
    for part in ("provenance", "result"):
        if record.get(part):
            status[part] = record[part]
    return status


def findings_of(run: Object, standing: Standing) -> Sequence[Finding]:
    """What is true of the run."""
    ending, refused = standing.ending, standing.refused
    accepted = refused or Finding("Accepted", status=True, reason="Valid")
    suspended = bool(run["spec"].get("suspend", False)) and ending is None
    found = [accepted]
    if suspended or condition(run.get("status", {}).get("conditions", ()), "Suspended"):
        reason = "SuspendedByUser" if suspended else "Resumed"
        found.append(Finding("Suspended", status=suspended, reason=reason))
    if ending is None:
        waiting = refused.reason if refused else "Suspended" if suspended else _stage(standing.attempt)
        return [*found, Finding("Finished", status=False, reason=waiting)]
    found.append(Finding("Finished", status=True, reason=ending.reason, message=ending.message))
    found.append(Finding("Complete", status=ending.complete, reason=ending.reason, message=ending.message))
    if not ending.complete:
        found.append(Finding("Failed", status=True, reason=ending.reason, message=ending.message))
    return found


def _stage(attempt: Attempt) -> str:
    status = (attempt.job or {}).get("status", {})
    return "Running" if status.get("ready") or (status.get("active") and status.get("startTime")) else "Pending"


def _progress(standing: Standing) -> Object:
    if standing.ending is not None and standing.ending.complete:
        return {"percent": 100, "stage": "Done"}
    return {"percent": 0, "stage": _stage(standing.attempt)}


async def _write(site: Site, run: Object, standing: Standing) -> None:
    """Write the status where it differs, and tell of a transition."""
    status = status_of(run, standing, site.now())
    before = run.get("status", {})
    if all(before.get(name) == value for name, value in status.items()):
        return
    meta = run["metadata"]
    await site.cluster.apply_status(
        BACKTEST_RUN, {"metadata": {"name": meta["name"], "namespace": meta["namespace"]}, "status": status}
    )
    old, new = condition(before.get("conditions", ()), "Finished"), condition(status["conditions"], "Finished")
    if new is not None and (old is None or old["reason"] != new["reason"]):
        warns = standing.refused is not None or (standing.ending is not None and not standing.ending.complete)
        note = new["message"] or (standing.refused.message if standing.refused else _told(new["reason"], status))
        await site.tell(run, new["reason"], shortened(note, 1024), warning=warns)


def _told(reason: str, status: Object) -> str:
    result: dict[str, Any] = status.get("result", {})
    if reason == "Complete":
        return f"Return {result.get('totalReturn', '–')}, Sharpe {result.get('sharpe', '–')}, {result.get('trades', '–')} trades"
    return {
        "Pending": "Waiting for its pod",
        "Running": f"Attempt {status['attempts']} is running",
        "Suspended": "Suspended",
    }.get(reason, reason)


async def _clean_up(site: Site, run: Object) -> Outcome:
    """Delete the Job of a finished run once it has been kept as long as was asked for."""
    kept = run["spec"].get("ttlAfterFinished")
    status, meta = run["status"], run["metadata"]
    if kept is None or not status.get("attempts") or "completionTime" not in status:
        return Outcome()
    left = seconds_until(status["completionTime"], timedelta(milliseconds=milliseconds(kept)), site.now())
    if left > 0:
        return Outcome(after=left)
    await site.cluster.delete(JOB, meta["namespace"], job_name(run, int(status["attempts"])))
    return Outcome()
