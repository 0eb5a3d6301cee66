"""The API server, as the operator sees it: plain objects in and out, and every call with an end. The one module that imports lightkube."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx2
import msgspec
from lightkube import AsyncClient
from lightkube.config.kubeconfig import KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import CascadeType, PatchType

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON values."""

FIELD_MANAGER = "tidewright-operator"
TIMEOUT = 30.0
"""Seconds after which any call has failed."""

PAGE = 500
"""Objects a page of a list."""


class Unavailable(Exception):
    """The API server did not answer, or said that it cannot now; the same call may succeed later. `after` is when it asked to be called again, in seconds."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Conflict(Exception):
    """The object is not what it was when it was read."""


class Refused(Exception):
    """The API server will not have this, now or later; the message is its own."""


class Invalid(Refused):
    """What was sent is wrong in itself, and will be the next time."""


class Terminating(Refused):
    """The namespace is going: nothing new can be made in it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object, and where the API server has it."""

    group: str
    version: str
    name: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


BACKTEST_RUN = Kind("tidewright.io", "v1alpha1", "BacktestRun", "backtestruns")
TRADING_STRATEGY = Kind("tidewright.io", "v1alpha1", "TradingStrategy", "tradingstrategies")
OPTIMIZATION_STUDY = Kind("tidewright.io", "v1alpha1", "OptimizationStudy", "optimizationstudies")
RL_TRAINING = Kind("tidewright.io", "v1alpha1", "RLTraining", "rltrainings")
JOB = Kind("batch", "v1", "Job", "jobs")
POD = Kind("", "v1", "Pod", "pods")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
EVENT = Kind("", "v1", "Event", "events")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")


class Cluster:
    """The API server. Every method raises `Unavailable`, `Conflict` or `Refused`, and asyncio.TimeoutError never."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object as it is now, None where there is none."""
        try:
            async with _told():
                return dict(await self._client.get(_resource(kind), name, namespace=namespace))
        except _Missing:
            return None

    async def list(self, kind: Kind, namespace: str | None, labels: Mapping[str, str] | None = None) -> list[Object]:
        """All objects of a namespace, or of all namespaces for None, page by page."""
        async with _told(limit=10 * TIMEOUT):
            pages = self._client.list(
                _resource(kind), namespace=namespace or "*", chunk_size=PAGE, labels=dict(labels or {}) or None
            )
            return [dict(one) async for one in pages]

    async def serves(self, kind: Kind, namespace: str | None) -> bool:
        """Whether the API server knows the kind."""
        try:
            async with _told():
                async for _ in self._client.list(_resource(kind), namespace=namespace or "*", chunk_size=1):
                    break
        except _Missing:
            return False
        return True

    async def create_once(self, kind: Kind, thing: Object) -> Object | None:
        """Create the object, and give it as it is then; None where one of its name is there already, whatever it is."""
        try:
            async with _told():
                return dict(await self._client.create(_made(kind, thing)))
        except _AlreadyThere:
            return None

    async def apply(self, kind: Kind, thing: Object) -> None:
        """Write the fields of `thing` and leave all others to whoever owns them."""
        async with _told():
            await self._client.apply(_made(kind, thing), force=True)

    async def apply_status(self, kind: Kind, thing: Object) -> None:
        """As `apply`, for the status alone. Raises `Conflict` where the object is gone, or no longer that of `metadata.resourceVersion`, if given."""
        resource = _resource(kind)
        meta = thing["metadata"]
        try:
            async with _told():
                await self._client.patch(
                    resource.Status,
                    meta["name"],
                    _made_status(kind, thing),
                    namespace=meta["namespace"],
                    patch_type=PatchType.APPLY,
                    force=True,
                    field_manager=FIELD_MANAGER,
                )
        except _Missing as error:
            raise Conflict(f"{kind.name} {meta['name']} is gone") from error

    async def merge(self, kind: Kind, namespace: str, name: str, change: Object) -> None:
        """Change some fields of an object; nothing where it is gone."""
        try:
            async with _told():
                await self._client.patch(_resource(kind), name, change, namespace=namespace, patch_type=PatchType.MERGE)
        except _Missing:
            return

    async def replace(self, kind: Kind, thing: Object) -> None:
        """Write the whole object; raises `Conflict` where it has changed since it was read."""
        async with _told():
            await self._client.replace(_made(kind, thing))

    async def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete the object and, in the background, what it owns; nothing where it is gone."""
        try:
            async with _told():
                await self._client.delete(_resource(kind), name, namespace=namespace, cascade=CascadeType.BACKGROUND)
        except _Missing:
            return


@asynccontextmanager
async def connected(kubeconfig: str | None = None) -> AsyncIterator[Cluster]:
    """The cluster that the environment names: a kubeconfig, or the service account of the pod."""
    config = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_env()
    client = AsyncClient(config, timeout=httpx2.Timeout(TIMEOUT), lazy=True, field_manager=FIELD_MANAGER)
    try:
        yield Cluster(client)
    finally:
        await client.close()


def as_read(thing: Object) -> Object:
    """Metadata that holds a write to the very object that was read, as it was then: no two objects of a cluster, and no two states of one, have the same version."""
    return {name: thing["metadata"][name] for name in ("name", "namespace", "resourceVersion")}


class _Missing(Refused):
    """There is no such object."""


class _AlreadyThere(Conflict):
    """There is an object of this name."""


@asynccontextmanager
async def _told(limit: float = TIMEOUT) -> AsyncIterator[None]:
    """A call's failures in this module's words, and an end to it whatever happens."""
    try:
        async with asyncio.timeout(limit):
            yield
    except httpx2.HTTPStatusError as error:
        raise _translated(error.response, str(error)) from error
    except httpx2.HTTPError as error:
        raise Unavailable(str(error) or type(error).__name__) from error
    except TimeoutError as error:
        raise Unavailable(f"no answer within {limit:.0f} s") from error
    # So answers no API server, but something before it: content of no type, or JSON that is none.
    except (KeyError, json.JSONDecodeError, msgspec.DecodeError) as error:
        raise Unavailable(f"not an API server's answer: {error!r}") from error


def _translated(response: httpx2.Response, message: str) -> Exception:
    status, said = response.status_code, _said(response)
    message = str(said.get("message") or message)
    if status == 404:
        return _Missing(message)
    if status == 409:
        return _AlreadyThere(message) if said.get("reason") == "AlreadyExists" else Conflict(message)
    if status in {408, 410, 429} or status >= 500:
        return Unavailable(message, _retry_after(response))
    if any(cause.get("reason") == "NamespaceTerminating" for cause in (said.get("details") or {}).get("causes") or ()):
        return Terminating(message)
    return Invalid(message) if status in {400, 413, 422} else Refused(message)


def _said(response: httpx2.Response) -> Object:
    """The Status that the API server refuses with; empty where it is something else that refuses."""
    try:
        said = response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _retry_after(response: httpx2.Response) -> float:
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isdigit() else 0.0


_RESOURCES: dict[Kind, Any] = {}


def _resource(kind: Kind) -> Any:  # noqa: ANN401 - a class that lightkube makes
    if kind not in _RESOURCES:
        _RESOURCES[kind] = create_namespaced_resource(kind.group, kind.version, kind.name, kind.plural)
    return _RESOURCES[kind]


def _made(kind: Kind, thing: Object) -> Any:  # noqa: ANN401
    return _resource(kind)({"apiVersion": kind.api_version, "kind": kind.name, **thing})


def _made_status(kind: Kind, thing: Object) -> Any:  # noqa: ANN401
    return _resource(kind).Status({"apiVersion": kind.api_version, "kind": kind.name, **thing})
