"""The part of `tidewright_operator.cluster.Cluster` that needs no API server: objects in memory, and answers that can be planned."""

import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from tidewright_operator.cluster import Conflict, Kind

Object = dict[str, Any]


class FakeCluster:
    """Objects by kind, namespace and name. `before`, if set, is called with the name of each method and may raise or wait what the API server would."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.before: Callable[[str], Any] | None = None
        self._versions = itertools.count(1)

    def put(self, kind: Kind, thing: Object) -> Object:
        """Have the object there, whatever was there before."""
        meta = {"namespace": "default", "uid": f"uid-{next(self._versions)}", **thing["metadata"]}
        made = {**copy.deepcopy(thing), "metadata": {**meta, "resourceVersion": str(next(self._versions))}}
        self.objects[kind.plural, meta["namespace"], meta["name"]] = made
        return made

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        await self._asked("get")
        return copy.deepcopy(self.objects.get((kind.plural, namespace, name)))

    async def list(self, kind: Kind, namespace: str | None, labels: Mapping[str, str] | None = None) -> list[Object]:
        await self._asked("list")
        found = [
            one
            for (plural, where, _), one in self.objects.items()
            if plural == kind.plural and namespace in (None, where) and _has(one, labels or {})
        ]
        return copy.deepcopy(found)

    async def create_once(self, kind: Kind, thing: Object) -> Object | None:
        await self._asked("create_once")
        meta = thing["metadata"]
        taken = (kind.plural, meta["namespace"], meta["name"]) in self.objects
        return None if taken else copy.deepcopy(self.put(kind, thing))

    async def replace(self, kind: Kind, thing: Object) -> None:
        await self._asked("replace")
        meta = thing["metadata"]
        there = self.objects.get((kind.plural, meta["namespace"], meta["name"]))
        if there is None or there["metadata"]["resourceVersion"] != meta["resourceVersion"]:
            raise Conflict("the object has been modified")
        self.put(kind, thing)

    async def _asked(self, method: str) -> None:
        if self.before is not None:
            answer = self.before(method)
            if answer is not None:
                await answer


def _has(thing: Object, labels: Mapping[str, str]) -> bool:
    return labels.items() <= thing["metadata"].get("labels", {}).items()
