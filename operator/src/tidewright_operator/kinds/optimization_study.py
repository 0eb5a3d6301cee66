"""OptimizationStudy: workers that search, then one that concludes, and what became of it.

Workers share their trials in a store, so a Job of theirs may be stopped, made smaller or larger, and made anew at any time. What counts is the record of the Job that concludes, and nothing else.
"""

from tidewright.domain.timeframe import milliseconds
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.specs.pod import Pod
from tidewright.specs.work_record import StudyRecord
from tidewright_operator.clock import seconds_until
from tidewright_operator.cluster import JOB, OPTIMIZATION_STUDY, Object
from tidewright_operator.kinds.jobs import hold_or_release, is_suspended, last_words, made, over, succeeded
from tidewright_operator.kinds.reporting import recovered, write
from tidewright_operator.kinds.study_deletion import held, let_go
from tidewright_operator.kinds.study_jobs import (
    at_a_time,
    conclusion_job,
    conclusion_name,
    progress_key,
    search_job,
    search_name,
    trials_of,
    workers_of,
)
from tidewright_operator.kinds.study_status import (
    Standing,
    attempts_of,
    is_finished,
    search_failed,
    status_of,
    told,
)
from tidewright_operator.kinds.work_input import NotAccepted, model_of, snapshot
from tidewright_operator.kinds.work_status import MOST_ATTEMPTS, Attempt, Ending, ending_of
from tidewright_operator.names import TRIALS
from tidewright_operator.ownership import owner_labels
from tidewright_operator.progress import Told
from tidewright_operator.reconcile import Outcome, Site


async def reconcile(site: Site, namespace: str, name: str) -> Outcome:
    """Bring the study one step further; the same call again is harmless at any time."""
    study = await site.cluster.get(OPTIMIZATION_STUDY, namespace, name)
    if study is None:
        return Outcome()
    if "deletionTimestamp" in study["metadata"]:
        return await let_go(site, study)
    if is_finished(study):
        return await _clean_up(site, study)
    try:
        standing = await _standing(site, study)
    except NotAccepted as refusal:
        ending = None if refusal.waits else Ending(complete=False, reason=refusal.reason, message=str(refusal))
        standing = Standing(refusal.finding, ending=ending)
    if standing is None:
        return Outcome(again=True)
    await _write(site, study, standing)
    return Outcome(again=standing.ending is not None)


async def _standing(site: Site, study: Object) -> Standing | None:
    """Where the study stands, after the next step is made; None where the step has changed the study itself."""
    number = attempts_of(study)
    if number:
        return await _concluding(site, study, number)
    cluster = site.cluster
    search = await cluster.get(JOB, study["metadata"]["namespace"], search_name(study))
    if search is None:
        return await _search(site, study)
    ending = search_failed(search, await last_words(cluster, search)) if over(search) else None
    if over(search) and ending is None:
        return await _conclude(site, study, 1)
    if ending is None:
        await _scale(site, study, search)
    return Standing(search=search, ending=ending, told=await _going_on(site, study, search, ending))


async def _concluding(site: Site, study: Object, number: int) -> Standing:
    """Where the attempt to conclude of this number stands; another one is begun where its record is lost."""
    cluster, namespace, name = site.cluster, study["metadata"]["namespace"], conclusion_name(study, number)
    job = await cluster.get(JOB, namespace, name)
    if job is not None:
        attempt = Attempt(number, job, await last_words(cluster, job) if over(job) else "", StudyRecord)
        if attempt.last_words or not succeeded(job):
            ending = ending_of(attempt)
            return Standing(conclusion=attempt, ending=ending, told=await _going_on(site, study, job, ending))
    if number >= MOST_ATTEMPTS:
        attempt = Attempt(number, None, kind=StudyRecord)
        return Standing(conclusion=attempt, ending=ending_of(attempt))
    await cluster.delete(JOB, namespace, name)
    return await _conclude(site, study, number + 1)


async def _going_on(site: Site, study: Object, job: Object, ending: Ending | None) -> Told | None:
    """Hold or release a Job that goes on, and look up what its workers have told."""
    meta, key = study["metadata"], progress_key(study, job["metadata"]["name"])
    if ending is None and not over(job):
        await hold_or_release(site.cluster, job, hold=is_suspended(study))
    known = site.progress.of(key, OPTIMIZATION_STUDY.name, meta["namespace"], meta["name"])
    if ending is not None:
        site.progress.forget(key)
    return known


async def _scale(site: Site, study: Object, search: Object) -> None:
    """Have as many workers as are asked for by now."""
    wanted = at_a_time(workers_of(study))
    if any(search["spec"].get(name) != value for name, value in wanted.items()):
        meta = search["metadata"]
        await site.cluster.merge(JOB, meta["namespace"], meta["name"], {"spec": wanted})


async def _search(site: Site, study: Object) -> Standing | None:
    """Make the Job of the workers, in the place of those for another number of trials; None where the study had to be held first."""
    model, payload = await _begun(site, study)
    if not await held(site.cluster, study):
        return None
    meta = study["metadata"]
    for job in await site.cluster.list(JOB, meta["namespace"], owner_labels(study)):
        if job["metadata"]["labels"].get(TRIALS) != str(trials_of(study)):
            await site.cluster.delete(JOB, meta["namespace"], job["metadata"]["name"])
            site.progress.forget(progress_key(study, job["metadata"]["name"]))
    wanted = search_job(study, model.spec.pod or Pod(), payload["spec"]["strategy"], site.settings)
    return Standing(search=await made(site.cluster, wanted), strategy_digest=payload["strategyDigest"])


async def _conclude(site: Site, study: Object, number: int) -> Standing:
    """Make the Job of an attempt to conclude."""
    model, payload = await _begun(site, study)
    wanted = conclusion_job(study, model.spec.pod or Pod(), payload["spec"]["strategy"], number, site.settings)
    site.progress.forget(progress_key(study, search_name(study)))
    attempt = Attempt(number, await made(site.cluster, wanted), kind=StudyRecord)
    return Standing(conclusion=attempt, strategy_digest=payload["strategyDigest"])


async def _begun(site: Site, study: Object) -> tuple[OptimizationStudy, Object]:
    """The study as a model, and its payload. Raises NotAccepted."""
    model = model_of(OptimizationStudy, study)
    if not site.settings.study_secret:
        message = (
            "the operator knows no store for the trials of studies: set TIDEWRIGHT_STUDY_SECRET (the chart's operator.studies.secretName) to the name of a "
            "Secret of this namespace that has the URL of a Postgres under the key url; the work begins then"
        )
        raise NotAccepted("NoStudyStore", message, waits=True)
    return model, await snapshot(site.cluster, study, model)


async def _write(site: Site, study: Object, standing: Standing) -> None:
    status = status_of(study, standing, site.now())
    warns = standing.refused is not None or (standing.ending is not None and not standing.ending.complete)
    job = standing.job.get("metadata", {}).get("name", "")
    await write(site, OPTIMIZATION_STUDY, study, status, lambda reason: told(reason, study, status, job), warns=warns)


async def _clean_up(site: Site, study: Object) -> Outcome:
    """Delete the Jobs of a finished study once they have been kept as long as was asked for; its ConfigMap goes with the study, its trials as its deletionPolicy says."""
    study = await recovered(site, OPTIMIZATION_STUDY, study)
    kept, ended = study["spec"].get("ttlAfterFinished"), study["status"].get("completionTime")
    if kept is None or ended is None:
        return Outcome()
    left = seconds_until(ended, milliseconds(kept) / 1000, site.now())
    if left > 0:
        return Outcome(after=left)
    namespace = study["metadata"]["namespace"]
    for job in await site.cluster.list(JOB, namespace, owner_labels(study)):
        await site.cluster.delete(JOB, namespace, job["metadata"]["name"])
    return Outcome()
