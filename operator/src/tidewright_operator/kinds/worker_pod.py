"""The pod of a worker and when its Job gives up, whatever it works on. Pure."""

from collections.abc import Sequence

from tidewright.runs.exits import DATA_MISSING, DISRUPTED, REFUSED
from tidewright.specs.pod import Pod
from tidewright_operator.cluster import Object
from tidewright_operator.kinds.strategy_container import ENDPOINT, strategy_containers
from tidewright_operator.restricted import container_security, pod_security
from tidewright_operator.settings import Settings

CONTAINER = "worker"
SPEC_FOLDER = "/etc/tidewright"
"""Where the worker finds what is in its ConfigMap."""


def worker_pod(
    pod: Pod, settings: Settings, image: str, args: Sequence[str], env: Sequence[Object], spec_map: str, source: Object
) -> Object:
    """A pod that works on what the ConfigMap `spec_map` has, of a strategy of this `source`, by `image` where the resource names none.

    Code of a user's own runs beside it.
    """
    volumes, mounts = _volumes(spec_map, settings)
    code = strategy_containers(source)
    told = [*args, *(["--strategy-endpoint", ENDPOINT] if code else [])]
    found = locked_pod(pod, image, told, [*env, *_tracking(settings)], volumes, mounts)
    return {**found, "initContainers": code} if code else found


def locked_pod(
    pod: Pod,
    image: str,
    args: Sequence[str],
    env: Sequence[Object],
    volumes: Sequence[Object] = (),
    mounts: Sequence[Object] = (),
) -> Object:
    """A pod of one container that is as restricted as pods can be, and has no credentials of the cluster."""
    found: Object = {
        "restartPolicy": "Never",
        **pod_security(),
        "terminationGracePeriodSeconds": 30,
        "containers": [
            {
                "name": CONTAINER,
                "image": pod.image or image,
                "args": [*args],
                "env": [
                    {"name": "TMPDIR", "value": "/tmp"},  # noqa: S108 - a volume of the pod's own
                    {"name": "XDG_CACHE_HOME", "value": "/tmp/cache"},  # noqa: S108
                    *env,
                ],
                "resources": _resources(pod),
                "securityContext": container_security(),
                "terminationMessagePolicy": "File",
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *mounts],  # noqa: S108
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *volumes],
    }
    if pod.node_selector:
        found["nodeSelector"] = dict(pod.node_selector)
    if pod.tolerations:
        found["tolerations"] = [toleration.record() for toleration in pod.tolerations]
    return found


def queue_label(pod: Pod) -> dict[str, str]:
    """The label by which Kueue knows the Job's queue."""
    return {} if pod.queue_name is None else {"kueue.x-k8s.io/queue-name": pod.queue_name}


def failure_policy() -> Object:
    """A disruption is no failure; input that was refused is not tried again, and neither is data that is missing."""
    return {
        "rules": [
            _on_exit("FailJob", REFUSED, DATA_MISSING),
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            _on_exit("Ignore", DISRUPTED),
        ]
    }


def _on_exit(action: str, *codes: int) -> Object:
    return {"action": action, "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": sorted(codes)}}


def progress_told(key: str, settings: Settings) -> list[Object]:
    """Environment: where the worker tells how far it is, and under which key."""
    if not settings.streams:
        return []
    secret = {"secretKeyRef": {"name": settings.streams_secret, "key": "url", "optional": True}}
    url = {"valueFrom": secret} if settings.streams_secret else {"value": settings.streams}
    return [{"name": "TIDEWRIGHT_STREAMS", **url}, {"name": "TIDEWRIGHT_PROGRESS_KEY", "value": key}]


def _tracking(settings: Settings) -> list[Object]:
    return [{"name": "TIDEWRIGHT_TRACKING", "value": settings.tracking}] if settings.tracking else []


def _volumes(spec_map: str, settings: Settings) -> tuple[list[Object], list[Object]]:
    claims = {"data": settings.data_claim, "artifacts": settings.artifacts_claim}
    volumes: list[Object] = [{"name": "spec", "configMap": {"name": spec_map}}]
    volumes += [
        {"name": name, **({"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}})}
        for name, claim in claims.items()
    ]
    mounts: list[Object] = [
        {"name": "spec", "mountPath": SPEC_FOLDER, "readOnly": True},
        {"name": "data", "mountPath": "/data", "readOnly": bool(settings.data_claim)},
        {"name": "artifacts", "mountPath": "/artifacts"},
    ]
    return volumes, mounts


def _resources(pod: Pod) -> Object:
    if pod.resources is not None:
        return pod.resources.record()
    return {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
