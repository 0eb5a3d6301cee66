"""The watches, by way of kopf: it brings the events, and nothing else. The one module that imports kopf."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import kopf

from tidewright_operator.cluster import PAGE, Cluster, Kind, Refused, Unavailable
from tidewright_operator.names import MANAGED_BY
from tidewright_operator.observation import Observation, StaleWatch

log = logging.getLogger(__name__)

UNKNOWN = 2.0
"""Seconds until an API server is asked again that does not know a kind yet."""


async def watch(
    kinds: Mapping[str, Kind],
    children: Mapping[str, Kind],
    namespaces: tuple[str, ...],
    observation: Observation,
    stop: asyncio.Event,
    ready: asyncio.Event,
) -> None:
    """Tell `observation` of everything that happens until `stop`; `ready` is set once that begins.

    Raises StaleWatch, or what kopf raises, where it ends by itself: that is as bad as a watch that has.
    """
    await kopf.operator(
        registry=registry_of(kinds, children, observation),
        settings=settings_of_kopf(children.values()),
        clusterwide=not namespaces,
        namespaces=namespaces,
        ready_flag=ready,
        stop_flag=stop,
    )
    if not stop.is_set():
        raise StaleWatch("kopf has ended by itself")


async def until_served(cluster: Cluster, kinds: Iterable[Kind], namespaces: tuple[str, ...]) -> None:
    """Wait until the API server knows all kinds: kopf never looks again for one that it does not find when it begins."""
    for kind in kinds:
        while not await _served(cluster, kind, namespaces):
            await asyncio.sleep(UNKNOWN)


async def _served(cluster: Cluster, kind: Kind, namespaces: tuple[str, ...]) -> bool:
    try:
        if await cluster.serves(kind, namespaces[0] if namespaces else None):
            return True
        log.warning("waiting: the API server does not know %s; install the CRDs", kind.plural)
    except Unavailable as error:
        log.warning("waiting: %s", error)
    except Refused as error:
        log.warning("%s cannot be listed, and so not worked on: %s", kind.plural, error)
        return True
    return False


def registry_of(
    kinds: Mapping[str, Kind], children: Mapping[str, Kind], observation: Observation
) -> kopf.OperatorRegistry:
    """Handlers of events alone: no handlers of changes, so no finalizers, no annotations and no memory of kopf's own."""
    registry = kopf.OperatorRegistry()
    for see, watched in ((observation.see, kinds), (observation.see_child, children)):
        for name, kind in watched.items():
            seen = _seen(see, name)
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=f"see-{kind.plural}")(seen)
    kopf.on.login(registry=registry, id="login")(_login)
    return registry


def _seen(see: Callable[[str, str | None, Any], None], name: str) -> Any:  # noqa: ANN401 - kopf's
    async def seen(event: Any, **_: Any) -> None:  # noqa: ANN401
        see(name, event["type"], event["object"])

    return seen


def _login(**given: Any) -> Any:  # noqa: ANN401
    return kopf.login_with_service_account(**given) or kopf.login_with_kubeconfig(**given)


def settings_of_kopf(children: Iterable[Kind]) -> kopf.OperatorSettings:
    """Watches that begin again for ever, with a longest pause; no scanning for kinds that might come; nothing written."""
    settings = kopf.OperatorSettings()
    settings.networking.error_backoffs = _Endless()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.watching.server_timeout = 240
    settings.watching.client_timeout = 300
    settings.watching.chunk_size = PAGE
    labels = ",".join(f"{name}={value}" for name, value in MANAGED_BY.items())
    for kind in children:
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = labels
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _NoDifferences()
    settings.persistence.progress_storage = _NoProgress()
    settings.peering.standalone = True
    # A worker stays with its object while idle: with so few of them, events would wait seconds for workers with nothing to do.
    settings.queueing.worker_limit = 16
    settings.queueing.idle_timeout = 0.01
    return settings


class _NoDifferences(kopf.DiffBaseStorage):
    """kopf asks of every event what has changed since the last one, and copies the object twice to find out; nobody here wants to know."""

    def build(self, **_: Any) -> kopf.BodyEssence:  # noqa: ANN401
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:  # noqa: ANN401
        return None

    def store(self, **_: Any) -> None:  # noqa: ANN401
        return None


class _NoProgress(kopf.StatusProgressStorage):
    """Nothing of kopf's own is ever on an object."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


class _Endless:
    """0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 15, 15, ... seconds: kopf gives a watch up for good when a finite list of pauses ends."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.1, 0.2, 0.5, 1, 2, 5, 10), itertools.repeat(15))
