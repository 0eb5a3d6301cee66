"""Jobs, whatever runs in them: made once, held and released, and what was said at their end."""

from tidewright_operator.cluster import JOB, POD, Cluster, Conflict, Invalid, Object
from tidewright_operator.conditions import is_true
from tidewright_operator.kinds.work_input import NotAccepted
from tidewright_operator.kinds.worker_pod import CONTAINER


def succeeded(job: Object) -> bool:
    return is_true(job.get("status", {}).get("conditions", ()), "Complete")


def over(job: Object) -> bool:
    """Whether the Job has ended, and none of its pods is left running."""
    return succeeded(job) or is_true(job.get("status", {}).get("conditions", ()), "Failed")


def stage_of(job: Object, running: str = "Running") -> str:
    """Queued (a queue holds the Job back), Pending (its pods do not run), or the word for `running`."""
    if job.get("spec", {}).get("suspend"):
        return "Queued"
    return running if job.get("status", {}).get("ready") else "Pending"


def is_suspended(thing: Object) -> bool:
    """Whether the resource is to be held back."""
    return bool(thing["spec"].get("suspend", False))


async def made(cluster: Cluster, wanted: Object) -> Object:
    """The Job, created unless it is there: whoever made it may not have lived to say so. Raises NotAccepted where the API server will never have it."""
    meta = wanted["metadata"]
    try:
        job = await cluster.create_once(JOB, wanted) or await cluster.get(JOB, meta["namespace"], meta["name"])
    except Invalid as error:
        owner = meta["ownerReferences"][0]["kind"]
        raise NotAccepted("InvalidSpec", f"the API server refuses the Job of this {owner}: {error}") from error
    if job is None:
        raise Conflict(f"the Job {meta['name']} was there, and is gone")
    return job


async def hold_or_release(cluster: Cluster, job: Object, *, hold: bool) -> None:
    """Suspend the Job or resume it; Kueue's own suspension of a queued Job is left to Kueue."""
    queued = "kueue.x-k8s.io/queue-name" in job["metadata"].get("labels", {})
    if bool(job["spec"].get("suspend", False)) != hold and (hold or not queued):
        meta = job["metadata"]
        await cluster.merge(JOB, meta["namespace"], meta["name"], {"spec": {"suspend": hold}})


async def last_words(cluster: Cluster, job: Object) -> str:
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
