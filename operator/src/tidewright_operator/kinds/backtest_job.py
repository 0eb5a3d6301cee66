"""The objects of a BacktestRun: the ConfigMap with what is to be run, and the Job that runs it. Pure."""

import json
from typing import Any

from tidewright.runs.exits import DATA_MISSING, REFUSED
from tidewright.specs.pod import Pod
from tidewright_operator.cluster import Object
from tidewright_operator.names import ATTEMPT, MANAGED_BY, OWNER_KIND, OWNER_NAME, OWNER_UID, child_name
from tidewright_operator.settings import Settings

CONTAINER = "worker"
SPEC_KEY, SPEC_FOLDER = "run.json", "/etc/tidewright"

_MAX_SECRET_SIZE = 900_000
_NOBODY = 65532


def spec_name(run: Object) -> str:
    """The name of the run's ConfigMap."""
    return child_name(run["metadata"]["name"], run["metadata"]["uid"])


def job_name(run: Object, attempt: int) -> str:
    """The name of an attempt's Job."""
    return child_name(run["metadata"]["name"], run["metadata"]["uid"], str(attempt))


def spec_config_map(run: Object, payload: Object) -> Object:
    """The resolved spec, strategy included: a later edit of the strategy cannot change what is tested. Raises ValueError where it is too large for a ConfigMap."""
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False)
    if len(text.encode()) > _MAX_SECRET_SIZE:
        raise ValueError("the run with its strategy is larger than a ConfigMap may be; shorten the strategy's rules")
    return {
        "metadata": _metadata(run, spec_name(run), {}),
        "immutable": True,
        "data": {SPEC_KEY: text},
    }


def backtest_job(run: Object, pod: Pod, attempt: int, settings: Settings, *, suspended: bool) -> Object:
    """One attempt at the run. Its pods are as restricted as pods can be, and have no credentials of the cluster.

    A disruption is no failure; input that was refused is not tried again, and neither is data that is missing.
    """
    spec = run["spec"]
    labels = {ATTEMPT: str(attempt)}
    if pod.queue_name is not None:
        labels["kueue.x-k8s.io/queue-name"] = pod.queue_name
    job: Object = {
        "metadata": _metadata(run, job_name(run, attempt), labels),
        "spec": {
            "suspend": suspended,
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": spec.get("retries", 2),
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": CONTAINER,
                            "operator": "In",
                            "values": sorted({REFUSED, DATA_MISSING}),
                        },
                    },
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                ]
            },
            "template": {"metadata": {"labels": _labels(run) | labels}, "spec": _pod(run, pod, settings)},
        },
    }
    if "deadline" in spec:
        job["spec"]["activeDeadlineSeconds"] = _seconds(spec["deadline"])
    return job


def _pod(run: Object, pod: Pod, settings: Settings) -> Object:
    volumes, mounts = _volumes(run, settings)
    found: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "fsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
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
                ],
                "resources": _resources(pod),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "terminationMessagePolicy": "File",
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
    if pod.node_selector:
        found["nodeSelector"] = dict(pod.node_selector)
    if pod.tolerations:
        found["tolerations"] = [toleration.record() for toleration in pod.tolerations]
    return found


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


def _metadata(run: Object, name: str, labels: Object) -> Object:
    meta = run["metadata"]
    owner = {
        "apiVersion": run["apiVersion"],
        "kind": run["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "name": name,
        "namespace": meta["namespace"],
        "labels": _labels(run) | labels,
        "ownerReferences": [owner],
    }


def _labels(run: Object) -> dict[str, Any]:
    meta = run["metadata"]
    return {**MANAGED_BY, OWNER_KIND: run["kind"], OWNER_NAME: meta["name"][:63].rstrip("-."), OWNER_UID: meta["uid"]}


def _seconds(duration: str) -> int:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    return max(int(duration[:-1]) * units[duration[-1]], 1)
