"""Who owns what: the owner reference and the labels of everything that the operator makes."""

from tidewright_operator.cluster import Object
from tidewright_operator.names import MANAGED_BY, OWNER_KIND, OWNER_NAME, OWNER_UID


def owned_metadata(owner: Object, name: str, labels: Object | None = None, annotations: Object | None = None) -> Object:
    """The metadata of a child of `owner`, which goes with it."""
    meta = owner["metadata"]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    found: Object = {
        "name": name,
        "namespace": meta["namespace"],
        "labels": owner_labels(owner) | (labels or {}),
        "ownerReferences": [reference],
    }
    if annotations:
        found["annotations"] = annotations
    return found


def owner_labels(owner: Object) -> dict[str, str]:
    """What every child of `owner` is labelled with."""
    meta = owner["metadata"]
    return {**MANAGED_BY, OWNER_KIND: owner["kind"], OWNER_NAME: meta["name"][:63].rstrip("-."), OWNER_UID: meta["uid"]}


def owns(owner: Object, child: Object) -> bool:
    """Whether `child` is of this very `owner`, and not of another or an earlier one of the same name."""
    return any(one["uid"] == owner["metadata"]["uid"] for one in child["metadata"].get("ownerReferences", ()))
