"""BacktestRun: a Job for each attempt, and what became of it."""

import math

from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.pod import Pod
from tidewright_operator.cluster import BACKTEST_RUN, JOB, Object
from tidewright_operator.conditions import is_true
from tidewright_operator.kinds.backtest_job import backtest_job, job_name, progress_key
from tidewright_operator.kinds.backtest_status import Standing, settled, status_of, told
from tidewright_operator.kinds.jobs import hold_or_release, is_suspended, last_words, made, over, succeeded
from tidewright_operator.kinds.reporting import recovered, write
from tidewright_operator.kinds.work_input import NotAccepted, model_of, snapshot
from tidewright_operator.kinds.work_status import MOST_ATTEMPTS, Attempt, Ending, ending_of
from tidewright_operator.reconcile import Outcome, Site


async def reconcile(site: Site, namespace: str, name: str) -> Outcome:
    """Bring the run one step further; the same call again is harmless at any time."""
    run = await site.cluster.get(BACKTEST_RUN, namespace, name)
    if run is None or "deletionTimestamp" in run["metadata"]:
        return Outcome()
    if is_true(run.get("status", {}).get("conditions", ()), "Finished"):
        return await _clean_up(site, run)
    try:
        standing = await _standing(site, run)
    except NotAccepted as refusal:
        ending = None if refusal.waits else Ending(complete=False, reason=refusal.reason, message=str(refusal))
        standing = Standing(refusal.finding, ending=ending)
    await _write(site, run, standing)
    return Outcome(again=standing.ending is not None)


async def _standing(site: Site, run: Object) -> Standing:
    """Where the run stands, after the next step is made."""
    cluster, meta = site.cluster, run["metadata"]
    number = int(run.get("status", {}).get("attempts", 0))
    if number:
        job = await cluster.get(JOB, meta["namespace"], job_name(run, number))
        if job is not None:
            attempt = Attempt(number, job, await last_words(cluster, job) if over(job) else "")
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
        await hold_or_release(site.cluster, attempt.job, hold=is_suspended(run))
    told = None if ending else site.progress.of(key, BACKTEST_RUN.name, meta["namespace"], meta["name"])
    return Standing(attempt=attempt, ending=ending, told=told)


async def _begun(site: Site, run: Object, number: int) -> Standing:
    """Make the attempt's Job."""
    model = model_of(BacktestRun, run)
    payload = await snapshot(site.cluster, run, model)
    wanted = backtest_job(run, model.spec.pod or Pod(), payload["spec"]["strategy"], number, site.settings)
    return Standing(
        attempt=Attempt(number, await made(site.cluster, wanted)), strategy_digest=payload["strategyDigest"]
    )


async def _write(site: Site, run: Object, standing: Standing) -> None:
    status = status_of(run, standing, site.now())
    warns = standing.refused is not None or (standing.ending is not None and not standing.ending.complete)
    job = job_name(run, status["attempts"])
    await write(site, BACKTEST_RUN, run, status, lambda reason: told(reason, status, job), warns=warns)


async def _clean_up(site: Site, run: Object) -> Outcome:
    """Delete the Job of a finished run once it has been kept as long as was asked for; the run's ConfigMap goes with the run."""
    rest = settled(await recovered(site, BACKTEST_RUN, run))
    if rest is None or rest.kept == math.inf:
        return Outcome()
    if (left := rest.left(site.now())) > 0:
        return Outcome(after=left)
    await site.cluster.delete(JOB, run["metadata"]["namespace"], rest.job)
    return Outcome()
