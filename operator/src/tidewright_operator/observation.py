"""What has been seen of the resources, and whether a watch has gone deaf without saying so.

Every minute all resources are listed, page by page. What the list knows and no event told of, twice in a row, means that the watch is dead while the
process looks healthy: then the process ends, and begins anew. What events told of and the list no longer knows was deleted unseen.
"""

import logging
from collections.abc import Callable, Mapping

from tidewright_operator import metrics
from tidewright_operator.cluster import Cluster, Kind, Object, Refused, Unavailable
from tidewright_operator.conditions import is_true
from tidewright_operator.names import OWNER_KIND
from tidewright_operator.reconcile import Key
from tidewright_operator.work_queue import WorkQueue

log = logging.getLogger(__name__)


class StaleWatch(RuntimeError):
    """A watch has missed what a list knows."""


class Observation:
    """The resource versions that events told of, by key."""

    def __init__(self, queue: WorkQueue[Key]) -> None:
        self._queue = queue
        self._seen: dict[Key, str] = {}
        self._suspects: dict[Key, str] = {}

    def see(self, kind: str, happened: str | None, thing: Object) -> None:
        """An event told of this; `happened` is its type, None for what a watch begins with."""
        meta = thing["metadata"]
        key = Key(kind, meta["namespace"], meta["name"])
        metrics.EVENTS.labels(kind).inc()
        if happened == "DELETED":
            self._seen.pop(key, None)
        else:
            self._seen[key] = meta["resourceVersion"]
        self._queue.add(key)

    def see_child(self, thing: Object) -> None:
        """An event told of something that a resource owns: the resource may have something to do."""
        meta = thing["metadata"]
        kind = meta.get("labels", {}).get(OWNER_KIND)
        owner = next((one["name"] for one in meta.get("ownerReferences", ()) if one["kind"] == kind), None)
        if owner is not None:
            self._queue.add(Key(kind, meta["namespace"], owner))

    async def relist(
        self,
        cluster: Cluster,
        kinds: Mapping[str, Kind],
        namespaces: tuple[str, ...],
        unfinished: Callable[[Object], bool],
    ) -> None:
        """List everything and compare. Raises StaleWatch; a list that fails is tried again next time."""
        suspects: dict[Key, str] = {}
        for name, kind in kinds.items():
            try:
                listed = [one for namespace in namespaces or (None,) for one in await cluster.list(kind, namespace)]
            except (Unavailable, Refused) as error:
                log.warning("%s cannot be listed: %s", name, error)
                continue
            there = {Key(name, one["metadata"]["namespace"], one["metadata"]["name"]): one for one in listed}
            for key, one in there.items():
                version = one["metadata"]["resourceVersion"]
                if self._seen.get(key) != version:
                    suspects[key] = version
                if unfinished(one) or self._seen.get(key) != version:
                    self._queue.add(key)
            for key in [key for key in self._seen if key.kind == name and key not in there]:
                log.info("%s %s/%s was deleted unseen", *key)
                del self._seen[key]
                self._queue.add(key)
        missed = [key for key, version in suspects.items() if self._suspects.get(key) == version]
        self._suspects = suspects
        if missed:
            metrics.STALE.labels(missed[0].kind).inc()
            raise StaleWatch(f"the watch of {missed[0].kind} has missed {len(missed)} changes, first of {missed[0]}")


def unfinished(thing: Object) -> bool:
    """Whether there may be something to do for a resource that nothing has happened to."""
    if thing.get("kind") == "TradingStrategy":
        return True
    conditions = thing.get("status", {}).get("conditions", ())
    return not is_true(conditions, "Finished") or "ttlAfterFinished" in thing["spec"]
