"""The objects of a BacktestRun: the ConfigMap with what is to be run, and the Job that runs it. Pure."""

import json

from tidewright.domain.timeframe import milliseconds
from tidewright.runs.exits import DATA_MISSING, DISRUPTED, REFUSED
from tidewright.specs.pod import Pod
from tidewright_operator.cluster import Object
from tidewright_operator.kinds.strategy_container import ENDPOINT, strategy_containers
from tidewright_operator.names import ATTEMPT, child_name
from tidewright_operator.ownership import owned_metadata, owner_labels
from tidewright_operator.restricted import container_security, pod_security
from tidewright_operator.settings import Settings

CONTAINER = "worker"
SPEC_KEY, SPEC_FOLDER = "run.json", "/etc/tidewright"

_LARGEST = 900_000
"""Bytes of a payload; a ConfigMap may have a mebibyte, with its metadata."""

_LONGEST_DEADLINE = 2**31 - 1
"""Seconds; the Job controller counts nanoseconds in 64 bits, and goes wrong beyond 292 years."""


def spec_name(run: Object) -> str:
    """The name of the run's ConfigMap."""
    return child_name(run["metadata"]["name"], run["metadata"]["uid"])


def job_name(run: Object, attempt: int) -> str:
    """The name of an attempt's Job."""
    return child_name(run["metadata"]["name"], run["metadata"]["uid"], str(attempt))


def progress_key(run: Object, attempt: int) -> str:
    """Under which an attempt tells how far it is: its Job's name, which no other attempt at any run has."""
    return f"{run['metadata']['namespace']}/{job_name(run, attempt)}"


def spec_config_map(run: Object, payload: Object) -> Object:
    """The resolved spec, strategy included: a later edit of the strategy cannot change what is tested. Raises ValueError where it is too large for a ConfigMap."""
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False)
    if len(text.encode()) > _LARGEST:
        raise ValueError("the run with its strategy is larger than a ConfigMap may be; shorten the strategy's rules")
    return {
        "metadata": owned_metadata(run, spec_name(run)),
        "immutable": True,
        "data": {SPEC_KEY: text},
    }


def backtest_job(run: Object, pod: Pod, strategy: Object, attempt: int, settings: Settings) -> Object:
    """One attempt at the run, of the `strategy` in its payload. Its pods are as restricted as pods can be, and have no credentials of the cluster.

    A disruption is no failure; input that was refused is not tried again, and neither is data that is missing.
    """
    spec = run["spec"]
    labels = {ATTEMPT: str(attempt)}
    if pod.queue_name is not None:
        labels["kueue.x-k8s.io/queue-name"] = pod.queue_name
    job: Object = {
        "metadata": owned_metadata(run, job_name(run, attempt), labels),
        "spec": {
            "suspend": bool(spec.get("suspend", False)),
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": spec.get("retries", 2),
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [
                    _on_exit("FailJob", REFUSED, DATA_MISSING),
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    _on_exit("Ignore", DISRUPTED),
                ]
            },
            "template": {
                "metadata": {"labels": owner_labels(run) | labels},
                "spec": _pod(run, pod, strategy, attempt, settings),
            },
        },
    }
    if "deadline" in spec:
        job["spec"]["activeDeadlineSeconds"] = min(max(milliseconds(spec["deadline"]) // 1000, 1), _LONGEST_DEADLINE)
    return job


def _on_exit(action: str, *codes: int) -> Object:
    return {"action": action, "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": sorted(codes)}}


def _pod(run: Object, pod: Pod, strategy: Object, attempt: int, settings: Settings) -> Object:
    volumes, mounts = _volumes(run, settings)
    found: Object = {
        "restartPolicy": "Never",
        **pod_security(),
        "terminationGracePeriodSeconds": 30,
        "containers": [
            {
                "name": CONTAINER,
                "image": pod.image or settings.worker_image,
                "args": [
                    "tidewright",
                    "work",
                    f"{SPEC_FOLDER}/{SPEC_KEY}",
                    "--store",
                    settings.store,
                    "--artifacts",
                    settings.artifacts,
                ],
                "env": [
                    {"name": "TMPDIR", "value": "/tmp"},  # noqa: S108 - a volume of the pod's own
                    {"name": "XDG_CACHE_HOME", "value": "/tmp/cache"},  # noqa: S108
                    *_progress(run, attempt, settings),
                    *([{"name": "TIDEWRIGHT_TRACKING", "value": settings.tracking}] if settings.tracking else []),
                ],
                "resources": _resources(pod),
                "securityContext": container_security(),
                "terminationMessagePolicy": "File",
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
    if code := strategy_containers(strategy["source"]):
        found["initContainers"] = code
        found["containers"][0]["args"] += ["--strategy-endpoint", ENDPOINT]
    if pod.node_selector:
        found["nodeSelector"] = dict(pod.node_selector)
    if pod.tolerations:
        found["tolerations"] = [toleration.record() for toleration in pod.tolerations]
    return found


def _progress(run: Object, attempt: int, settings: Settings) -> list[Object]:
    """Where the worker tells how far it is."""
    if not settings.streams:
        return []
    secret = {"secretKeyRef": {"name": settings.streams_secret, "key": "url", "optional": True}}
    url = {"valueFrom": secret} if settings.streams_secret else {"value": settings.streams}
    return [
        {"name": "TIDEWRIGHT_STREAMS", **url},
        {"name": "TIDEWRIGHT_PROGRESS_KEY", "value": progress_key(run, attempt)},
    ]


def _volumes(run: Object, settings: Settings) -> tuple[list[Object], list[Object]]:
    claims = {"data": settings.data_claim, "artifacts": settings.artifacts_claim}
    volumes: list[Object] = [{"name": "spec", "configMap": {"name": spec_name(run)}}, {"name": "tmp", "emptyDir": {}}]
    volumes += [
        {"name": name, **({"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}})}
        for name, claim in claims.items()
    ]
    mounts: list[Object] = [
        {"name": "spec", "mountPath": SPEC_FOLDER, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        {"name": "data", "mountPath": "/data", "readOnly": bool(settings.data_claim)},
        {"name": "artifacts", "mountPath": "/artifacts"},
    ]
    return volumes, mounts


def _resources(pod: Pod) -> Object:
    if pod.resources is not None:
        return pod.resources.record()
    return {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
