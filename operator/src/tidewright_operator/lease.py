"""One operator at a time: the holder of a Lease acts, all others wait, and say so."""

import asyncio
import logging
from datetime import UTC, datetime

from tidewright_operator import metrics
from tidewright_operator.cluster import LEASE, Cluster, Conflict, Object, Refused, Unavailable

log = logging.getLogger(__name__)

NAME = "tidewright-operator"
DURATION = 15.0
RENEWAL = 5.0
"""Seconds that the lease is good for, and between its renewals."""


class LeaseLost(RuntimeError):
    """Another operator holds the lease, or it could not be renewed in time: this one must stop acting at once."""


class Leadership:
    """Whether this process holds the lease. A holder that cannot renew it stops acting before anybody else may begin."""

    def __init__(self, cluster: Cluster, namespace: str, identity: str) -> None:
        self._cluster, self._namespace, self._identity = cluster, namespace, identity
        self._renewed = float("-inf")
        self._seen: tuple[str, float] = ("", float("-inf"))

    @property
    def held(self) -> bool:
        """Whether this process may act now; a third of the lease's time is left for what it is doing."""
        return _monotonic() - self._renewed < DURATION * 2 / 3

    async def acquire(self) -> None:
        """Wait until the lease is held."""
        told = ""
        while True:
            holder = await self._try()
            if holder == self._identity:
                metrics.LEADER.labels(NAME).set(1)
                log.info("holding the lease %s/%s as %s", self._namespace, NAME, self._identity)
                return
            if holder != told:
                log.info(
                    "waiting: the lease %s/%s is held by %s", self._namespace, NAME, holder or "nobody that answers"
                )
                told = holder
            await asyncio.sleep(RENEWAL / 2)

    async def keep(self) -> None:
        """Renew the lease for ever; raises LeaseLost."""
        while True:
            await asyncio.sleep(RENEWAL)
            holder = await self._try()
            if holder not in ("", self._identity):
                raise LeaseLost(f"the lease is held by {holder}")
            if not self.held:
                raise LeaseLost("the lease could not be renewed in time")

    async def release(self) -> None:
        """Let another operator begin at once."""
        self._renewed = float("-inf")
        try:
            lease = await self._cluster.get(LEASE, self._namespace, NAME)
            if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                await self._cluster.replace(LEASE, lease)
        except (Unavailable, Conflict, Refused) as error:
            log.info("the lease was not released: %s", error)

    async def _try(self) -> str:
        """Take or renew the lease if it is there to be taken; returns who holds it, empty if nobody knows."""
        began = _monotonic()
        try:
            lease = await self._cluster.get(LEASE, self._namespace, NAME)
            if lease is None:
                if await self._cluster.create_once(LEASE, self._written(0)):
                    self._renewed = began
                    return self._identity
                return ""
            spec = lease["spec"]
            holder = str(spec.get("holderIdentity") or "")
            if holder not in ("", self._identity) and not self._expired(spec):
                return holder
            changes = int(spec.get("leaseTransitions", 0)) + (holder != self._identity)
            await self._cluster.replace(LEASE, {**self._written(changes), "metadata": lease["metadata"]})
        except (Unavailable, Conflict, Refused) as error:
            log.info("the lease cannot be had now: %s", error)
            return ""
        self._renewed = began
        return self._identity

    def _expired(self, spec: Object) -> bool:
        """Whether its holder has let it run out, by this machine's own clock: since when it has not changed."""
        renewed = str(spec.get("renewTime"))
        if renewed != self._seen[0]:
            self._seen = (renewed, _monotonic())
        return _monotonic() - self._seen[1] > float(spec.get("leaseDurationSeconds", DURATION))

    def _written(self, transitions: int) -> Object:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "metadata": {"name": NAME, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(DURATION),
                "renewTime": moment,
                "leaseTransitions": transitions,
            },
        }


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
