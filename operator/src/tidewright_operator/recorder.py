"""Events: what happened to a resource, for `kubectl describe`."""

import hashlib

from tidewright_operator.clock import now, written
from tidewright_operator.cluster import EVENT, Cluster, Conflict, Object, Refused, Unavailable


class Recorder:
    """Writes events, best effort: none is worth a failure. The same event of the same resource is written once."""

    def __init__(self, cluster: Cluster, identity: str) -> None:
        self._cluster, self._identity = cluster, identity

    async def tell(self, thing: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """Tell that something has happened to `thing`."""
        meta, moment = thing["metadata"], written(now())
        told = f"{meta['uid']}/{reason}/{message}/{meta.get('generation')}"
        event = {
            "metadata": {
                "name": f"{meta['name'][:200].rstrip('-.')}.{hashlib.sha256(told.encode()).hexdigest()[:16]}",
                "namespace": meta["namespace"],
            },
            "involvedObject": {
                "apiVersion": thing["apiVersion"],
                "kind": thing["kind"],
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
            },
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "source": {"component": "tidewright-operator"},
            "reportingComponent": "tidewright.io/operator",
            "reportingInstance": self._identity,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
        try:
            await self._cluster.create_once(EVENT, event)
        except (Unavailable, Conflict, Refused):
            return
