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

COMPONENT = "app.kubernetes.io/component"
STRATEGY_DIGEST, EXCHANGE = f"{GROUP}/strategy-digest", f"{GROUP}/exchange"
"""Annotations: the digest of the strategy that is served, and the exchange whose bars it is fed."""

TRIALS = f"{GROUP}/trials"
"""Label of a study's Jobs: how many trials were asked for when they were made. As a finalizer of a study: its trials are to be removed before it goes."""

RESTART = f"{GROUP}/restart"
"""Annotation of a strategy: another value than before asks for new pods, which take up what has changed."""

_LONGEST = 63


def child_name(name: str, uid: str, suffix: str = "", longest: int = _LONGEST) -> str:
    """``name-1a2b3c4d`` with `suffix`: at most 63 characters, or as many as are left, the name cut and the rest kept."""
    tail = f"-{content_hash(uid)}{f'-{suffix}' if suffix else ''}"
    return f"{name[: longest - len(tail)].rstrip('-.')}{tail}".replace(".", "-")


def fixed_name(prefix: str, name: str) -> str:
    """``prefix-name``: what others find by the name of the resource alone. Fit for a Service: at most 63 characters and no dots; where that changes the name, a hash of it is added."""
    plain = f"{prefix}-{name}"
    if len(plain) <= _LONGEST and "." not in plain:
        return plain
    return child_name(plain, name)


def content_hash(text: str) -> str:
    """Eight hexadecimal digits of the text's SHA-256: another text gets others."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
