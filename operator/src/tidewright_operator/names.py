"""The names of what belongs to a resource: derived from its own name and UID, so that the same child is never made twice."""

import hashlib

GROUP = "tidewright.io"
MANAGED_BY = {"app.kubernetes.io/managed-by": "tidewright-operator"}
"""What all children are labelled with, and watched by."""

OWNER_KIND, OWNER_NAME, OWNER_UID, ATTEMPT = (
    f"{GROUP}/owner-kind",
    f"{GROUP}/owner-name",
    f"{GROUP}/owner-uid",
    f"{GROUP}/attempt",
)

_LONGEST = 63


def child_name(name: str, uid: str, suffix: str = "") -> str:
    """``name-1a2b3c4d`` with `suffix`: at most 63 characters, the name cut and the rest kept."""
    tail = f"-{hashlib.sha256(uid.encode()).hexdigest()[:8]}{f'-{suffix}' if suffix else ''}"
    return f"{name[: _LONGEST - len(tail)].rstrip('-.')}{tail}".replace(".", "-")
