"""The Jobs of a BacktestRun. Pure."""

from tidewright.domain.timeframe import milliseconds
from tidewright.specs.pod import Pod
from tidewright_operator.cluster import Object
from tidewright_operator.kinds.work_input import SPEC_KEY, spec_name
from tidewright_operator.kinds.worker_pod import SPEC_FOLDER, failure_policy, progress_told, queue_label, worker_pod
from tidewright_operator.names import ATTEMPT, child_name
from tidewright_operator.ownership import owned_metadata, owner_labels
from tidewright_operator.settings import Settings

_LONGEST_DEADLINE = 2**31 - 1
"""Seconds; the Job controller counts nanoseconds in 64 bits, and goes wrong beyond 292 years."""


def job_name(run: Object, attempt: int) -> str:
    """The name of an attempt's Job."""
    return child_name(run["metadata"]["name"], run["metadata"]["uid"], str(attempt))


def progress_key(run: Object, attempt: int) -> str:
    """Under which an attempt tells how far it is: its Job's name, which no other attempt at any run has."""
    return f"{run['metadata']['namespace']}/{job_name(run, attempt)}"


def backtest_job(run: Object, pod: Pod, strategy: Object, attempt: int, settings: Settings) -> Object:
    """One attempt at the run, of the `strategy` in its payload."""
    spec = run["spec"]
    labels = {ATTEMPT: str(attempt), **queue_label(pod)}
    args = [
        "tidewright",
        "work",
        f"{SPEC_FOLDER}/{SPEC_KEY}",
        "--store",
        settings.store,
        "--artifacts",
        settings.artifacts,
    ]
    env = progress_told(progress_key(run, attempt), settings)
    job: Object = {
        "metadata": owned_metadata(run, job_name(run, attempt), labels),
        "spec": {
            "suspend": bool(spec.get("suspend", False)),
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": spec.get("retries", 2),
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": failure_policy(),
            "template": {
                "metadata": {"labels": owner_labels(run) | labels},
                "spec": worker_pod(pod, settings, settings.worker_image, args, env, spec_name(run), strategy["source"]),
            },
        },
    }
    if "deadline" in spec:
        job["spec"]["activeDeadlineSeconds"] = min(max(milliseconds(spec["deadline"]) // 1000, 1), _LONGEST_DEADLINE)
    return job
