"""What has been seen of the resources and their children, and whether a watch has gone deaf without saying so.

Every minute all of them are listed, page by page. What the list knows, no event told of, and no event has told of until the next list either, means that the
watch is dead while the process looks healthy: then the process ends, and begins anew. What events told of and the list no longer knows was deleted unseen.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Set
from datetime import datetime
from typing import NamedTuple

from tidewright_operator import clock, metrics
from tidewright_operator.cluster import (
    BACKTEST_RUN,
    JOB,
    OPTIMIZATION_STUDY,
    Cluster,
    Kind,
    Object,
    Refused,
    Unavailable,
)
from tidewright_operator.conditions import is_true
from tidewright_operator.names import GROUP, MANAGED_BY, OWNER_KIND
from tidewright_operator.reconcile import Key
from tidewright_operator.runs import Runs, studies
from tidewright_operator.work_queue import WorkQueue

log = logging.getLogger(__name__)


class StaleWatch(RuntimeError):
    """A watch has missed what a list knows."""


class _Seen(NamedTuple):
    """The version that the last event told of, and the how manieth event that was."""

    version: str
    number: int


class Observation:
    """What events told of, by key; a child has a key as well. `runs` and `studies` are kept up to date on the way.

    A finished BacktestRun is not looked at again, not even when a list brings it and its Job once more: it waits for the time at which its Job is to be deleted.
    """

    def __init__(
        self,
        queue: WorkQueue[Key],
        runs: Runs | None = None,
        known_studies: Runs | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._queue, self._now = queue, now
        self._runs = {BACKTEST_RUN.name: runs or Runs(), OPTIMIZATION_STUDY.name: known_studies or studies()}
        self._seen: dict[Key, _Seen] = {}
        self._suspects: dict[Key, _Seen | None] = {}
        self._events = 0

    def see(self, kind: str, happened: str | None, thing: Object) -> None:
        """An event told of this; `happened` is its type, None for what a watch begins with."""
        key = self._note(kind, happened, thing)
        self._wake_others(key, None if happened == "DELETED" else thing)
        self._wake(key)

    def see_child(self, kind: str, happened: str | None, thing: Object) -> None:
        """An event told of something that a resource owns: the resource may have something to do."""
        self._note(kind, happened, thing)
        self._wake_owner(thing)

    def _note(self, kind: str, happened: str | None, thing: Object) -> Key:
        meta = thing["metadata"]
        key = Key(kind, meta["namespace"], meta["name"])
        metrics.EVENTS.labels(kind).inc()
        self._events += 1
        if happened == "DELETED":
            self._seen.pop(key, None)
        else:
            self._seen[key] = _Seen(meta["resourceVersion"], self._events)
        return key

    def _wake(self, key: Key, *, by_child: bool = False) -> None:
        """Have the resource worked on: at once, unless all that is left of it is a Job, and its time has not come or nothing tells of it."""
        runs = self._runs.get(key.kind)
        rest = runs.settled(key.namespace, key.name) if runs else None
        if rest is None:
            self._queue.add(key)
        elif (left := rest.left(self._now())) > 0:
            if left < float("inf"):
                self._queue.add_after(key, left)
        elif by_child or Key(JOB.name, key.namespace, rest.job) in self._seen:
            self._queue.add(key)

    def _wake_others(self, key: Key, thing: Object | None) -> None:
        """A run or a study may be evidence for its strategy, and a strategy what they wait for; `thing` is None for what is gone."""
        runs = self._runs.get(key.kind)
        if runs is not None:
            strategy = runs.see(thing) if thing else runs.forget(key.namespace, key.name)
            if strategy is not None:
                self._queue.add(Key("TradingStrategy", key.namespace, strategy))
        elif key.kind == "TradingStrategy":
            for kind, waiting in self._runs.items():
                for run in waiting.waiting_for(key.namespace, key.name):
                    self._queue.add(Key(kind, key.namespace, run))

    def _wake_owner(self, child: Object) -> None:
        meta = child["metadata"]
        kind = meta.get("labels", {}).get(OWNER_KIND)
        for owner in meta.get("ownerReferences", ()):
            if owner["kind"] == kind and owner["apiVersion"].startswith(f"{GROUP}/"):
                self._wake(Key(kind, meta["namespace"], owner["name"]), by_child=True)

    async def learn_runs(self, cluster: Cluster, namespaces: tuple[str, ...]) -> None:
        """List the runs and the studies before anything is concluded from what is not among them; if that fails, the next re-list makes up for it."""
        for kind in (BACKTEST_RUN, OPTIMIZATION_STUDY):
            try:
                listed = await _listed(cluster, kind, namespaces)
            except (Unavailable, Refused) as error:
                log.warning("%s cannot be listed: %s", kind.name, error)
                continue
            there = {Key(kind.name, one["metadata"]["namespace"], one["metadata"]["name"]): one for one in listed}
            self._complete_runs(kind.name, there)

    async def relist(
        self, cluster: Cluster, kinds: Mapping[str, Kind], children: Mapping[str, Kind], namespaces: tuple[str, ...]
    ) -> None:
        """List everything and compare. Raises StaleWatch; a list that fails is tried again next time."""
        suspects: dict[Key, _Seen | None] = {}
        for name, kind in {**kinds, **children}.items():
            before = self._events
            try:
                listed = await _listed(cluster, kind, namespaces, MANAGED_BY if name in children else None)
            except (Unavailable, Refused) as error:
                log.warning("%s cannot be listed: %s", name, error)
                continue
            there = {Key(name, one["metadata"]["namespace"], one["metadata"]["name"]): one for one in listed}
            unseen = self._unseen(there, before)
            suspects |= {key: self._seen.get(key) for key in unseen}
            gone = self._forget_deleted(name, there, before)
            if name in children:
                for key in unseen:
                    self._wake_owner(there[key])
            else:
                self._look_at(name, there, unseen, gone)
        missed = [key for key, seen in suspects.items() if key in self._suspects and self._suspects[key] == seen]
        self._suspects = suspects
        if missed:
            metrics.STALE.labels(missed[0].kind).inc()
            raise StaleWatch(f"the watch of {missed[0].kind} has missed {len(missed)} changes, first of {missed[0]}")

    def _look_at(self, kind: str, there: Mapping[Key, Object], unseen: Set[Key], gone: Iterable[Key]) -> None:
        """Have worked on what of a kind may need it."""
        for key in unseen:
            self._wake_others(key, there[key])
        for key in gone:
            self._wake_others(key, None)
            self._queue.add(key)
        for key, one in there.items():
            if key in unseen or unfinished(one):
                self._wake(key)
        if kind in self._runs:
            self._complete_runs(kind, there)

    def _unseen(self, there: Mapping[Key, Object], before: int) -> set[Key]:
        """Of what a list knows, that which no event told of, neither earlier nor while it was listed."""
        found = set()
        for key, one in there.items():
            seen = self._seen.get(key)
            if seen is None or (seen.version != one["metadata"]["resourceVersion"] and seen.number <= before):
                found.add(key)
        return found

    def _forget_deleted(self, kind: str, there: Mapping[Key, Object], before: int) -> list[Key]:
        """Forget what events told of before the list began, and the list does not know; the owner of a child is looked at anyway."""
        gone = [
            key for key, seen in self._seen.items() if key.kind == kind and key not in there and seen.number <= before
        ]
        for key in gone:
            log.info("%s %s/%s was deleted unseen", *key)
            del self._seen[key]
        return gone

    def _complete_runs(self, kind: str, there: Mapping[Key, Object]) -> None:
        """Know the runs that no event has told of yet, and forget those that were deleted while they were listed."""
        for key, run in there.items():
            if key not in self._seen:
                self._wake_others(key, run)
        for namespace, name in self._runs[kind].names():
            key = Key(kind, namespace, name)
            if key not in there and key not in self._seen:
                self._wake_others(key, None)
        self._runs[kind].complete = True


async def _listed(
    cluster: Cluster, kind: Kind, namespaces: tuple[str, ...], labels: Mapping[str, str] | None = None
) -> list[Object]:
    return [one for namespace in namespaces or (None,) for one in await cluster.list(kind, namespace, labels)]


def unfinished(thing: Object) -> bool:
    """Whether there may be something to do for a resource that nothing has happened to. A finished one waits for its time in the queue."""
    return not is_true(thing.get("status", {}).get("conditions", ()), "Finished")
