"""BacktestRun: a Job for each attempt, and what became of it."""

import json
import math
from collections.abc import Iterable

from pydantic import ValidationError

from tidewright.runs.payload import payload_of
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document
from tidewright.specs.pod import Pod
from tidewright.specs.problems import Problem, explain
from tidewright.specs.trading_strategy import TradingStrategy
from tidewright_operator.cluster import (
    BACKTEST_RUN,
    CONFIG_MAP,
    JOB,
    POD,
    TRADING_STRATEGY,
    Cluster,
    Conflict,
    Invalid,
    Object,
    as_read,
)
from tidewright_operator.conditions import DEGRADED, Finding, condition, differ, is_true, shortened
from tidewright_operator.kinds.backtest_job import (
    CONTAINER,
    SPEC_KEY,
    backtest_job,
    job_name,
    progress_key,
    spec_config_map,
    spec_name,
)
from tidewright_operator.kinds.backtest_status import (
    MOST_ATTEMPTS,
    Attempt,
    Ending,
    Standing,
    ending_of,
    is_suspended,
    over,
    settled,
    status_of,
    succeeded,
    told,
)
from tidewright_operator.reconcile import Outcome, Site


class _NotAccepted(Exception):
    """The run cannot be worked on: a reason and a message; for ever, unless it waits for something."""

    def __init__(self, reason: str, message: str, *, waits: bool = False) -> None:
        super().__init__(message)
        self.reason, self.waits = reason, waits

    @property
    def standing(self) -> Standing:
        ending = None if self.waits else Ending(complete=False, reason=self.reason, message=str(self))
        return Standing(Finding("Accepted", status=False, reason=self.reason, message=str(self)), ending=ending)


async def reconcile(site: Site, namespace: str, name: str) -> Outcome:
    """Bring the run one step further; the same call again is harmless at any time."""
    run = await site.cluster.get(BACKTEST_RUN, namespace, name)
    if run is None or "deletionTimestamp" in run["metadata"]:
        return Outcome()
    if is_true(run.get("status", {}).get("conditions", ()), "Finished"):
        return await _clean_up(site, run)
    try:
        standing = await _standing(site, run)
    except _NotAccepted as refusal:
        standing = refusal.standing
    await _write(site, run, standing)
    return Outcome(again=standing.ending is not None)


async def _standing(site: Site, run: Object) -> Standing:
    """Where the run stands, after the next step is made."""
    cluster, meta = site.cluster, run["metadata"]
    number = int(run.get("status", {}).get("attempts", 0))
    if number:
        job = await cluster.get(JOB, meta["namespace"], job_name(run, number))
        if job is not None:
            attempt = Attempt(number, job, await _last_words(cluster, job) if over(job) else "")
            if attempt.last_words or not succeeded(job):
                return await _going_on(site, run, attempt)
        if number >= MOST_ATTEMPTS:
            attempt = Attempt(number, None)
            return Standing(attempt=attempt, ending=ending_of(attempt))
        await cluster.delete(JOB, meta["namespace"], job_name(run, number))
    return await _begun(site, run, number + 1)


async def _going_on(site: Site, run: Object, attempt: Attempt) -> Standing:
    ending, meta, key = ending_of(attempt), run["metadata"], progress_key(run, attempt.number)
    if ending is not None:
        site.progress.forget(key)
    elif attempt.job is not None:
        await _hold_or_release(site.cluster, run, attempt.job)
    told = None if ending else site.progress.of(key, meta["namespace"], meta["name"])
    return Standing(attempt=attempt, ending=ending, told=told)


async def _begun(site: Site, run: Object, number: int) -> Standing:
    """Make the attempt's Job, unless it is there: whoever made it may not have lived to say so."""
    model = _model(run)
    payload = await _snapshot(site.cluster, run, model)
    try:
        wanted = backtest_job(run, model.spec.pod or Pod(), payload["spec"]["strategy"], number, site.settings)
        meta = wanted["metadata"]
        job = await site.cluster.create_once(JOB, wanted) or await site.cluster.get(
            JOB, meta["namespace"], meta["name"]
        )
    except Invalid as error:
        raise _NotAccepted("InvalidSpec", f"the API server refuses the run's Job: {error}") from error
    if job is None:
        raise Conflict(f"the Job {meta['name']} was there, and is gone")
    return Standing(attempt=Attempt(number, job), strategy_digest=payload["strategyDigest"])


def _model(run: Object) -> BacktestRun:
    try:
        return BacktestRun.model_validate(run)
    except ValidationError as error:
        problems = explain(error, BacktestRun, Document("", run, {(): 0}))
        raise _NotAccepted("InvalidSpec", _in_words(problems)) from error


async def _snapshot(cluster: Cluster, run: Object, model: BacktestRun) -> Object:
    """The payload in the run's ConfigMap, made once: what is tested stays what it was when the run began."""
    meta = run["metadata"]
    kept = await cluster.get(CONFIG_MAP, meta["namespace"], spec_name(run))
    if kept is not None:
        return dict(json.loads(kept["data"][SPEC_KEY]))
    payload = await _payload(cluster, model, meta)
    tested = run.get("status", {}).get("provenance", {}).get("strategyDigest")
    if tested not in (None, payload["strategyDigest"]):
        message = (
            "the ConfigMap with what this run tests is gone, and the strategy is not what it was; make the run anew"
        )
        raise _NotAccepted("StrategyChanged", message)
    try:
        made = await cluster.create_once(CONFIG_MAP, spec_config_map(run, payload))
    except ValueError as error:
        raise _NotAccepted("InvalidSpec", str(error)) from error
    if made is None:
        raise Conflict(f"the ConfigMap {spec_name(run)} was made by somebody else just now")
    return payload


async def _payload(cluster: Cluster, model: BacktestRun, meta: Object) -> Object:
    """What the run would test if it began now."""
    named, strategy = model.spec.strategy.name, None
    if named is not None:
        found = await cluster.get(TRADING_STRATEGY, meta["namespace"], named)
        if found is None:
            message = f"there is no TradingStrategy {named} in this namespace; the run begins when there is one"
            raise _NotAccepted("StrategyNotFound", message, waits=True)
        try:
            strategy = TradingStrategy.model_validate(found)
        except ValidationError as error:
            problems = explain(error, TradingStrategy, Document("", found, {(): 0}))
            raise _NotAccepted("InvalidStrategy", f"TradingStrategy {named}: {_in_words(problems)}") from error
    try:
        return payload_of(model, strategy, meta["uid"]) | {"metadata": {part: meta[part] for part in _IDENTITY}}
    except InputRefused as refused:
        raise _NotAccepted("InvalidStrategy", _in_words(refused.problems)) from refused
    except ValueError as error:
        raise _NotAccepted("InvalidSpec", str(error)) from error


_IDENTITY = ("name", "namespace", "uid")


def _in_words(problems: Iterable[Problem]) -> str:
    return "; ".join(str(problem) for problem in problems)


async def _last_words(cluster: Cluster, job: Object) -> str:
    """The termination message of the pod that decided how the Job ended, empty where it is gone: the last to end, and of a complete Job one that succeeded."""
    meta = job["metadata"]
    pods = await cluster.list(POD, meta["namespace"], {"batch.kubernetes.io/job-name": meta["name"]})
    endings = [ending for pod in pods if (ending := _terminated(pod)) is not None]
    if succeeded(job):
        endings = [ending for ending in endings if ending.get("exitCode") == 0]
    last = max(endings, key=lambda ending: str(ending.get("finishedAt") or ""), default={})
    return str(last.get("message") or "")


def _terminated(pod: Object) -> Object | None:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    found = next((one.get("state", {}).get("terminated") for one in statuses if one["name"] == CONTAINER), None)
    return dict(found) if found else None


async def _hold_or_release(cluster: Cluster, run: Object, job: Object) -> None:
    """Suspend the Job or resume it, as the run says; Kueue's own suspension of a queued Job is left to Kueue."""
    wanted = is_suspended(run)
    queued = "kueue.x-k8s.io/queue-name" in job["metadata"].get("labels", {})
    if bool(job["spec"].get("suspend", False)) != wanted and (wanted or not queued):
        meta = job["metadata"]
        await cluster.merge(JOB, meta["namespace"], meta["name"], {"spec": {"suspend": wanted}})


async def _write(site: Site, run: Object, standing: Standing) -> None:
    """Write the status where it differs, and tell of a transition."""
    status, before = status_of(run, standing, site.now()), run.get("status", {})
    same = all(before.get(name) == value for name, value in status.items() if name != "conditions")
    if same and not differ(before.get("conditions", ()), status["conditions"]):
        return
    await site.cluster.apply_status(BACKTEST_RUN, {"metadata": as_read(run), "status": status})
    old, new = condition(before.get("conditions", ()), "Finished"), condition(status["conditions"], "Finished")
    if new is not None and (old is None or old["reason"] != new["reason"]):
        warns = standing.refused is not None or (standing.ending is not None and not standing.ending.complete)
        message = new["message"] or told(new["reason"], status, job_name(run, status["attempts"]))
        await site.tell(run, new["reason"], shortened(message, 1024), warning=warns)


async def _clean_up(site: Site, run: Object) -> Outcome:
    """Delete the Job of a finished run once it has been kept as long as was asked for; the run's ConfigMap goes with the run."""
    status = run["status"]
    if is_true(status["conditions"], DEGRADED):
        conditions = [one for one in status["conditions"] if one["type"] != DEGRADED]
        status = status | {"conditions": conditions}
        await site.cluster.apply_status(BACKTEST_RUN, {"metadata": as_read(run), "status": status})
    rest = settled({**run, "status": status})
    if rest is None or rest.kept == math.inf:
        return Outcome()
    if (left := rest.left(site.now())) > 0:
        return Outcome(after=left)
    await site.cluster.delete(JOB, run["metadata"]["namespace"], rest.job)
    return Outcome()
