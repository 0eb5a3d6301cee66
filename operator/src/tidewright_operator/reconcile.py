"""The level-triggered core: keys from a queue, one reconciliation each, and what to do when it fails."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tidewright_operator import metrics
from tidewright_operator.cluster import Cluster, Conflict, Refused, Unavailable
from tidewright_operator.progress import ProgressWatch
from tidewright_operator.runs import Runs, studies
from tidewright_operator.settings import Settings
from tidewright_operator.work_queue import WorkQueue

log = logging.getLogger(__name__)

NOT_NOW = 1.0
"""Seconds until a key is looked at again that came up while the lease could not be renewed."""


class Key(NamedTuple):
    """A resource to reconcile."""

    kind: str
    namespace: str
    name: str


class Outcome(NamedTuple):
    """What a reconciliation wants of its key: to be asked again `after` so many seconds, or at once."""

    after: float | None = None
    again: bool = False


Tell = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Site:
    """What a reconciliation works with."""

    cluster: Cluster
    settings: Settings
    now: Callable[[], datetime]
    tell: Tell
    runs: Runs = field(default_factory=Runs)
    studies: Runs = field(default_factory=studies)
    progress: ProgressWatch = field(default_factory=ProgressWatch)


Reconcile = Callable[[Site, str, str], Awaitable[Outcome]]
Degrade = Callable[[Site, Key, str], Awaitable[None]]


class Controller:
    """Workers on one queue of keys of all kinds; `leads` says whether this process may act."""

    def __init__(
        self,
        site: Site,
        kinds: Mapping[str, Reconcile],
        degrade: Degrade,
        queue: WorkQueue[Key],
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self.site, self.queue = site, queue
        self._kinds, self._degrade, self._leads = kinds, degrade, leads
        metrics.DEPTH.labels(metrics.QUEUE).set_function(queue.__len__)

    async def run(self, workers: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.queue.run())
            for _ in range(workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                if self._leads():
                    await self._once(key)
                else:
                    self.queue.add_after(key, NOT_NOW)
            finally:
                self.queue.done(key)

    async def _once(self, key: Key) -> None:
        began = time.perf_counter()
        try:
            outcome = await self._kinds[key.kind](self.site, key.namespace, key.name)
        except (Unavailable, Conflict) as error:
            delay = self.queue.add_failed(key, getattr(error, "after", 0.0))
            metrics.RETRIES.labels(metrics.QUEUE).inc()
            metrics.RECONCILED.labels(key.kind, "requeue").inc()
            log.warning("%s %s/%s: %s; again in %.1f s", *key, error, delay)
        except Exception as error:
            delay = self.queue.add_failed(key)
            metrics.RETRIES.labels(metrics.QUEUE).inc()
            metrics.RECONCILED.labels(key.kind, "error").inc()
            metrics.ERRORS.labels(key.kind).inc()
            log.exception("%s %s/%s failed; again in %.1f s", *key, delay, exc_info=not isinstance(error, Refused))
            await self._say_degraded(key, error)
        else:
            self.queue.forget(key)
            if outcome.again:
                self.queue.add_after(key, 0.0)
            elif outcome.after is not None:
                self.queue.add_after(key, outcome.after)
            metrics.RECONCILED.labels(key.kind, "success").inc()
        finally:
            metrics.SECONDS.labels(key.kind).observe(time.perf_counter() - began)

    async def _say_degraded(self, key: Key, error: Exception) -> None:
        """Write why on the resource itself; if that fails as well, the log has it."""
        try:
            await self._degrade(self.site, key, f"{type(error).__name__}: {error}")
        except Exception as other:  # one resource's failure must not end the work on all others
            known = isinstance(other, Unavailable | Conflict | Refused)
            log.warning("%s %s/%s: cannot be told that it failed: %s", *key, other, exc_info=not known)
