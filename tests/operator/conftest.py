"""A real API server for the operator's tests, a kubelet that follows a script, and faults on the way.

A control plane a test process: it takes three seconds and 250 MB, and one test's restarts disturb no other's.
"""

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from backtest_runs import BacktestRuns
from fake_kubelet import FakeKubelet
from fault_proxy import FaultProxy
from installed import install
from operator_process import OperatorProcess
from pod_life import by_annotation

from cluster.build import built
from cluster.control_plane import ControlPlane
from cluster.find import ForeignCluster, NoCluster, find

Cluster = ControlPlane | ForeignCluster
Object = dict[str, Any]
Wait = Callable[[str, Callable[[list[Object]], object]], list[Object]]

COMPILING = 1800
"""Seconds that a test may take whose cluster has to be compiled first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not built():
        for item in items:
            if "cluster" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.timeout(COMPILING))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """`kubeconfig` (a path), `server` (its address) and `access()` of an API server, for this test process."""
    try:
        found = find(tmp_path_factory.mktemp("cluster"))
    except NoCluster as remedy:
        pytest.skip(str(remedy))
    with found as cluster:
        yield cluster


@pytest.fixture
def control_plane(cluster: Cluster) -> Iterator[ControlPlane]:
    """The cluster as processes that a test may end and start; etcd and the API server run again after it."""
    if isinstance(cluster, ForeignCluster):
        pytest.skip("a cluster that others use is not restarted: compile one of our own with `make cluster-build`")
    yield cluster
    make_whole(cluster)


def make_whole(cluster: Cluster) -> None:
    """Start what a test has ended."""
    if isinstance(cluster, ControlPlane):
        cluster.etcd.start()
        cluster.apiserver.start()
        cluster.wait_until_ready()


@pytest.fixture
def controllers(control_plane: ControlPlane) -> ControlPlane:
    """The cluster with kube-controller-manager, and so with the Job controller; it goes on to the end of the session."""
    try:
        control_plane.controllers.start()
    except FileNotFoundError as missing:
        pytest.skip(f"{missing}: unset KUBEBUILDER_ASSETS and compile all servers with `make cluster-build`")
    return control_plane


@pytest.fixture
def no_controllers(control_plane: ControlPlane) -> ControlPlane:
    """The cluster without its controllers, for tests that play their part themselves."""
    control_plane.controllers.stop()
    return control_plane


@pytest.fixture(scope="session")
def kube(cluster: Cluster) -> Iterator[httpx.Client]:
    """A client of the API server, as its administrator."""
    access = cluster.access()
    with httpx.Client(
        base_url=access.server, verify=access.ssl_context(), headers=access.headers, timeout=30
    ) as client:
        yield client


@pytest.fixture(scope="session")
def api(kube: httpx.Client) -> httpx.Client:
    """The client of an API server that knows the kinds of Tidewright."""
    install(kube)
    return kube


@pytest.fixture
def namespace(cluster: Cluster, kube: httpx.Client) -> Iterator[str]:
    """A new namespace in which pods can be created; asked to go afterwards, which is not waited for."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    kube.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    account = {"metadata": {"name": "default"}}  # where no controller makes it
    created = kube.post(f"/api/v1/namespaces/{name}/serviceaccounts", json=account)
    assert created.status_code in {201, 409}, created.text
    yield name
    make_whole(cluster)
    kube.delete(f"/api/v1/namespaces/{name}").raise_for_status()


@pytest.fixture
def wait(kube: httpx.Client) -> Wait:
    """``wait(path, condition)`` waits on a watch until the objects of a resource satisfy a condition, and gives them."""

    def wait(path: str, condition: Callable[[list[Object]], object]) -> list[Object]:
        listed = kube.get(path).raise_for_status().json()
        objects = {item["metadata"]["uid"]: item for item in listed["items"]}
        if condition([*objects.values()]):
            return [*objects.values()]
        query = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        with kube.stream("GET", path, params=query) as events:
            for event in map(json.loads, events.iter_lines()):
                objects[event["object"]["metadata"]["uid"]] = event["object"]
                if event["type"] == "DELETED":
                    del objects[event["object"]["metadata"]["uid"]]
                if condition([*objects.values()]):
                    return [*objects.values()]
        raise ConnectionError(f"the watch of {path} ended")

    return wait


@pytest.fixture
def kubelet(controllers: ControlPlane, namespace: str) -> Iterator[Callable[..., FakeKubelet]]:
    """Starts a kubelet for the test's namespace: ``kubelet(script)``; without a script pods end as they are annotated."""
    with ExitStack() as started:
        yield lambda script=by_annotation, **options: started.enter_context(
            FakeKubelet(controllers.access(), namespace, script, **options)
        )


@pytest.fixture
def operator(
    api: httpx.Client, cluster: Cluster, namespace: str, tmp_path: Path
) -> Iterator[Callable[..., OperatorProcess]]:
    """Starts an operator of the test's namespace: ``operator(proxy, resync_seconds=1)``; ready on return, unless with `waits=False`.

    It talks to the API server, or to a proxy in front of it. Afterwards it is killed, and what it logged is shown with a test that fails.
    """
    with ExitStack() as started:

        def start(through: FaultProxy | None = None, *, waits: bool = True, **settings: object) -> OperatorProcess:
            name = str(settings.get("identity", "operator-0"))
            kubeconfig = through.access.write(tmp_path / f"{name}.kubeconfig") if through else cluster.kubeconfig
            told = {setting.upper(): str(value) for setting, value in settings.items()}
            process = OperatorProcess(kubeconfig, tmp_path / f"{name}.log", namespace, **told)
            started.callback(lambda: sys.stdout.write(f"{name}:\n{process.log.read_text()}"))
            started.enter_context(process)
            return process.wait_until_ready() if waits else process

        yield start


@pytest.fixture
def runs(api: httpx.Client, namespace: str) -> BacktestRuns:
    """The BacktestRuns of the test's namespace, and what became of them."""
    return BacktestRuns(api, namespace)


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[FaultProxy]:
    """A proxy in front of the API server; `proxy.access` is the administrator by way of it."""
    with FaultProxy(cluster.access()) as proxy:
        yield proxy
