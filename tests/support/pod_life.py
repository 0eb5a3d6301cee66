"""How the pods of a fake kubelet live and end, as the status that a kubelet would write."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

Pod = dict[str, Any]
Status = dict[str, Any]

LONGEST_MESSAGE = 4096
"""Bytes of a termination message that a kubelet keeps, from its end."""

ANNOTATION = "fake-kubelet/ending"
"""A pod's own ending, as JSON with the fields of `Ending`."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a pod ends. The exit code and the termination message are those of `container`, by default the first one; the others end with 0, and sidecars by SIGTERM after them.

    `disruption` is the reason of a DisruptionTarget condition, as of a pod that is evicted when its node runs out of memory.
    """

    exit_code: int = 0
    message: str = ""
    container: str | None = None
    disruption: str | None = None


STOPPED = Ending(exit_code=143)
"""Of a pod that is deleted while it runs: its processes end by SIGTERM."""


class Stays(Enum):
    """A pod that does not end by itself."""

    PENDING = "its image cannot be pulled, say"
    RUNNING = "until it is deleted or told to finish"


Script = Callable[[Pod], Ending | Stays]


def by_annotation(pod: Pod) -> Ending | Stays:
    """The ending that the pod is annotated with; without one a pod that restarts stays, and another succeeds."""
    if text := pod["metadata"].get("annotations", {}).get(ANNOTATION):
        return Ending(**json.loads(text))
    return Stays.RUNNING if pod["spec"]["restartPolicy"] == "Always" else Ending()


def running(pod: Pod) -> Status:
    """Every container runs and is ready."""
    state = {"running": {"startedAt": now()}}
    return {
        "phase": "Running",
        "startTime": now(),
        "conditions": [{"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")],
        "containerStatuses": [_container(spec, state, ready=True) for spec in pod["spec"]["containers"]],
        "initContainerStatuses": [_container(spec, state, ready=True) for spec in _sidecars(pod)],
    }


def ended(pod: Pod, end: Ending) -> Status:
    """Every container has terminated."""
    specs = pod["spec"]["containers"]
    named = end.container or specs[0]["name"]
    conditions = [{"type": kind, "status": "False"} for kind in ("ContainersReady", "Ready")]
    if end.disruption:
        conditions.append({"type": "DisruptionTarget", "status": "True", "reason": end.disruption})
    return {
        "phase": "Failed" if end.exit_code or end.disruption else "Succeeded",
        "conditions": conditions,
        "containerStatuses": [
            _container(spec, {"terminated": _terminated(end if spec["name"] == named else Ending())}, ready=False)
            for spec in specs
        ],
        "initContainerStatuses": [
            _container(spec, {"terminated": _terminated(STOPPED)}, ready=False) for spec in _sidecars(pod)
        ],
    }


def now(timespec: str = "seconds") -> str:
    return datetime.now(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _sidecars(pod: Pod) -> list[dict[str, Any]]:
    """Init containers that live as long as the others do."""
    return [spec for spec in pod["spec"].get("initContainers", ()) if spec.get("restartPolicy") == "Always"]


def _container(spec: dict[str, Any], state: Status, *, ready: bool) -> Status:
    image = {"image": spec["image"], "imageID": spec["image"]}
    return {"name": spec["name"], "state": state, "ready": ready, "started": ready, "restartCount": 0, **image}


def _terminated(end: Ending) -> Status:
    return {
        "exitCode": end.exit_code,
        "reason": "Error" if end.exit_code else "Completed",
        "message": end.message.encode()[-LONGEST_MESSAGE:].decode(errors="ignore"),
        "startedAt": now(),
        "finishedAt": now(),
    }
