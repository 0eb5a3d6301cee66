"""The end of an OptimizationStudy whose trials are to go with it (`deletionPolicy: Delete`): nobody works on it any more, then its trials are removed, then it goes.

A finalizer holds it back meanwhile, the only one that the operator ever sets; not for ever, whatever is in the way.
"""

from tidewright.specs.pod import Pod
from tidewright_operator.clock import seconds_until
from tidewright_operator.cluster import JOB, OPTIMIZATION_STUDY, POD, Cluster, Object, Terminating
from tidewright_operator.kinds.jobs import made, over, succeeded
from tidewright_operator.kinds.study_jobs import FORGETTING, LONGEST_FORGETTING, forgetting_job, forgetting_name
from tidewright_operator.kinds.work_input import NotAccepted
from tidewright_operator.names import COMPONENT, TRIALS
from tidewright_operator.ownership import owner_labels
from tidewright_operator.reconcile import Outcome, Site

_SOON = 2.0
"""Seconds until it is looked again whether the last pods are gone, of which no event tells."""


async def held(cluster: Cluster, study: Object) -> bool:
    """Whether the study cannot go without its trials, where these are to go with it; if not it is held now, and is to be read anew."""
    there = study["metadata"].get("finalizers", [])
    if study["spec"].get("deletionPolicy") != "Delete" or TRIALS in there:
        return True
    await _finalizers(cluster, study, [*there, TRIALS])
    return False


async def let_go(site: Site, study: Object) -> Outcome:
    """Bring the deletion of the study one step further."""
    meta = study["metadata"]
    if TRIALS not in meta.get("finalizers", ()):
        return Outcome()
    left = seconds_until(meta["deletionTimestamp"], LONGEST_FORGETTING, site.now())
    try:
        problem = "its time is over" if left <= 0 else await _in_the_way(site, study)
    except _NotYet:
        return Outcome(after=min(left, _SOON))
    if problem:
        message = (
            f"the trials of {meta['namespace']}/{meta['name']} are still in the store, and the study goes without them: {problem}; "
            f"remove them with python -m optuna_optimizer.work forget --study {meta['namespace']}/{meta['name']}"
        )
        await site.tell(study, "TrialsLeft", message, warning=True)
    await _finalizers(site.cluster, study, [one for one in meta["finalizers"] if one != TRIALS])
    return Outcome()


class _NotYet(Exception):
    """The trials are going to be removed."""


async def _in_the_way(site: Site, study: Object) -> str:
    """Why the trials will not be removed, empty once they are. Raises _NotYet."""
    cluster, namespace = site.cluster, study["metadata"]["namespace"]
    if not site.settings.study_secret:
        return "the operator no longer knows where they are (TIDEWRIGHT_STUDY_SECRET)"
    job = await cluster.get(JOB, namespace, forgetting_name(study))
    if job is None:
        if await _somebody_works(cluster, study):
            raise _NotYet
        try:
            await made(cluster, forgetting_job(study, Pod.model_validate(study["spec"].get("pod", {})), site.settings))
        except (Terminating, NotAccepted) as refused:
            return str(refused)
        raise _NotYet
    if not over(job):
        raise _NotYet
    return "" if succeeded(job) else f"the Job {job['metadata']['name']} has failed"


async def _somebody_works(cluster: Cluster, study: Object) -> bool:
    """Whether any pod may still put a trial into the store; the Jobs that make them are deleted."""
    namespace, labels = study["metadata"]["namespace"], owner_labels(study)
    for job in await cluster.list(JOB, namespace, labels):
        if job["metadata"]["labels"].get(COMPONENT) != FORGETTING:
            await cluster.delete(JOB, namespace, job["metadata"]["name"])
    pods = await cluster.list(POD, namespace, labels)
    return any(pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"} for pod in pods)


async def _finalizers(cluster: Cluster, study: Object, wanted: list[str]) -> None:
    """Write the study's finalizers, unless it is no longer as it was read."""
    meta = study["metadata"]
    change = {"metadata": {"finalizers": wanted, "resourceVersion": meta["resourceVersion"]}}
    await cluster.merge(OPTIMIZATION_STUDY, meta["namespace"], meta["name"], change)
