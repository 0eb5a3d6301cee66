"""A cluster of its own to install the chart on: its kinds, roles and policies are there for all namespaces, and other tests must not notice them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from chart import tools
from cluster.access import Access
from cluster.build import NoGo
from cluster.control_plane import ControlPlane
from cluster.find import NoCluster, find

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def helm(*arguments: str | Path) -> str:
    """What helm prints; the test is skipped where there is neither helm nor Go to compile it. Raises RuntimeError with what it says when it refuses."""
    try:
        tools.build()
    except NoGo as missing:
        pytest.skip(f"no helm of the pinned version, and {missing}: make it once with `make chart`")
    return tools.run("helm", *arguments)


@dataclass(frozen=True)
class ChartCluster:
    """Its servers, and its administrator's client and helm."""

    plane: ControlPlane
    kube: httpx.Client

    def helm(self, *arguments: str | Path) -> str:
        return helm(*arguments, "--kubeconfig", self.plane.kubeconfig)

    def create_namespace(self, name: str, labels: Mapping[str, str] = RESTRICTED) -> str:
        self.kube.post("/api/v1/namespaces", json={"metadata": {"name": name, "labels": labels}}).raise_for_status()
        return name

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at a path, None where there is none."""
        answer = self.kube.get(path)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def account(self, namespace: str, name: str) -> Access:
        """The identity of a service account, by a token that the API server makes for it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer = self.kube.post(path, json={"spec": {"expirationSeconds": 600}}).raise_for_status()
        admin = self.plane.access()
        return Access(admin.server, authority=admin.authority, token=answer.json()["status"]["token"])


@contextmanager
def chart_cluster(home: Path) -> Iterator[ChartCluster]:
    """The cluster with its controllers; the test is skipped where there is none that is ours alone."""
    try:
        found = find(home)
    except NoCluster as remedy:
        pytest.skip(str(remedy))
    if not isinstance(found, ControlPlane):
        pytest.skip(
            "nothing is installed on a cluster that others use: compile one of our own with `make cluster-build`"
        )
    with found as plane:
        plane.controllers.start()
        access = plane.access()
        options = {"verify": access.ssl_context(), "headers": access.headers, "timeout": 30}
        with httpx.Client(base_url=access.server, **options) as kube:
            yield ChartCluster(plane, kube)
