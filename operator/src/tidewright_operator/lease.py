"""One operator at a time: the holder of a Lease acts, all others wait, and say so."""

import asyncio
import logging
from datetime import UTC, datetime

from tidewright_operator import metrics
from tidewright_operator.cluster import LEASE, Cluster, Conflict, Object, Refused, Unavailable

log = logging.getLogger(__name__)

NAME = "tidewright-operator"
DURATION = 15.0
DEADLINE = 10.0
"""Seconds that the lease is good for, and after which a holder that could not renew it has stopped: what is left between the two is for what it had sent already."""

RENEWAL = 5.0
RETRY = 2.0
"""Seconds between renewals, and until one that failed is tried again; also how often who waits for the lease asks for it."""


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
        """Whether this process may act now."""
        return _monotonic() - self._renewed < DEADLINE

    async def acquire(self) -> None:
        """Wait until the lease is held."""
        metrics.LEADER.labels(NAME).set(0)
        told = None
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
            await asyncio.sleep(RETRY)

    async def keep(self) -> None:
        """Renew the lease for ever; raises LeaseLost as soon as it may not be held any more, whatever the API server takes its time for."""
        pause = RENEWAL
        while True:
            await asyncio.sleep(pause)
            try:
                async with asyncio.timeout_at(self._renewed + DEADLINE):
                    holder = await self._try()
            except TimeoutError:
                holder = ""
            if holder not in ("", self._identity):
                raise LeaseLost(f"the lease is held by {holder}")
            if not self.held:
                raise LeaseLost("the lease could not be renewed in time")
            pause = RENEWAL if holder else RETRY

    async def release(self) -> None:
        """Let another operator begin at once; where that takes long, let it wait."""
        self._renewed = float("-inf")
        try:
            async with asyncio.timeout(RENEWAL):
                await self._give_back()
        except (Unavailable, Conflict, Refused, TimeoutError) as error:
            log.info("the lease was not released: %s", error)

    async def _give_back(self) -> None:
        lease = await self._cluster.get(LEASE, self._namespace, NAME)
        if lease is not None and lease.get("spec", {}).get("holderIdentity") == self._identity:
            lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
            await self._cluster.replace(LEASE, lease)
            log.info("released the lease %s/%s", self._namespace, NAME)

    async def _try(self) -> str:
        """Take or renew the lease if it is there to be taken; returns who holds it, empty if nobody knows."""
        began = _monotonic()
        try:
            lease = await self._cluster.get(LEASE, self._namespace, NAME)
            if lease is None:
                if await self._cluster.create_once(LEASE, self._written(0)) is not None:
                    self._renewed = began
                    return self._identity
                return ""
            spec = lease.get("spec", {})
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
