"""The container of a user's own code, beside the trusted one of whichever pod asks it. Pure."""

from tidewright_operator.cluster import Object
from tidewright_operator.restricted import container_security

CONTAINER, PORT = "strategy", 9000

ENDPOINT = f"127.0.0.1:{PORT}"
"""Where the containers of the same pod find it."""


def strategy_containers(source: Object) -> list[Object]:
    """The init containers of a pod that asks the strategy of this source: one for a `classRef`, whose image is named by digest, none for any other.

    It lives as long as the pod's other containers do, so that a Job is done when its worker is; it is started before them and not waited for, so that they can tell when it
    does not come up. It holds no volume, no credentials and no record.
    """
    class_ref = source.get("classRef")
    if class_ref is None:
        return []
    told = {"TIDEWRIGHT_STRATEGY": f"{class_ref['module']}:{class_ref['class']}", "TIDEWRIGHT_GRPC_PORT": str(PORT)}
    container = {
        "name": CONTAINER,
        "image": class_ref["image"],
        "restartPolicy": "Always",
        "env": [{"name": name, "value": value} for name, value in told.items()],
        "ports": [{"name": CONTAINER, "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": container_security(),
    }
    return [container]
