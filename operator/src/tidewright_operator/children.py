"""Children that are kept as they should be: written only where they differ, and never taken from somebody else."""

import json

from tidewright_operator.cluster import Cluster, Conflict, Kind, Object
from tidewright_operator.comparison import contains
from tidewright_operator.names import GROUP, content_hash
from tidewright_operator.ownership import owns

WANTED = f"{GROUP}/wanted"
"""Annotation: a hash of the child as it was asked for last, so that a field that is no longer asked for is noticed too."""


class NotOurs(Exception):
    """A child cannot be made, because something of its name belongs to somebody else; the message says what to do."""


async def ensure(cluster: Cluster, owner: Object, kind: Kind, wanted: Object) -> Object:
    """Have the child of `owner` as it is wanted; returns it as it is now. Raises NotOurs, Conflict while what an earlier owner has left goes, and what `cluster` raises."""
    meta = wanted["metadata"]
    live = await cluster.get(kind, meta["namespace"], meta["name"])
    asked = marked(wanted)
    if live is not None:
        _refuse_others(owner, kind, live)
        if contains(live, asked):
            return live
        asked["metadata"]["uid"] = live["metadata"]["uid"]  # another than this one is not written to
    await cluster.apply(kind, asked)
    return await cluster.get(kind, meta["namespace"], meta["name"]) or asked


async def remove(cluster: Cluster, owner: Object, kind: Kind, name: str) -> None:
    """Have no child of this name; what belongs to somebody else stays."""
    namespace = owner["metadata"]["namespace"]
    live = await cluster.get(kind, namespace, name)
    if live is not None and owns(owner, live):
        await cluster.delete(kind, namespace, name)


def _refuse_others(owner: Object, kind: Kind, live: Object) -> None:
    if owns(owner, live):
        return
    meta, name = owner["metadata"], live["metadata"]["name"]
    of = [(one["kind"], one["name"]) for one in live["metadata"].get("ownerReferences", ())]
    if (owner["kind"], meta["name"]) in of:
        raise Conflict(f"{kind.name} {name} is of an earlier {owner['kind']} of this name, and still goes with it")
    raise NotOurs(
        f"there is a {kind.name} {name} that does not belong to {owner['kind']} {meta['name']}; "
        "delete it or give it another name, and the right one takes its place"
    )


def marked(wanted: Object) -> Object:
    """The child with a hash of itself."""
    meta = wanted["metadata"]
    mark = {WANTED: content_hash(json.dumps(wanted, sort_keys=True))}
    return {**wanted, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), **mark}}}
