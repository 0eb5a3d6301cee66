"""What every pod and every container is held to: the restricted pod security standard, and a root that cannot be written."""

from tidewright_operator.cluster import Object

_NOBODY = 65532


def pod_security() -> Object:
    """The fields of a pod's spec: nobody's user, no credentials of the cluster, no list of its services."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "fsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def container_security() -> Object:
    """The security context of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
