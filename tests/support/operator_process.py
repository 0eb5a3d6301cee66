"""The operator as a process of its own, as it runs on a cluster: told by its environment, killed as the kernel kills."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from chart_cluster import ChartCluster

from cluster.processes import free_port

PATIENCE = 30.0


class OperatorProcess:
    """A context manager; `environment` are settings without their prefix. Its output is in `log`.

    Started again it is the same operator, as a container is that its kubelet starts again.
    """

    def __init__(self, kubeconfig: Path, log: Path, namespace: str, **environment: str) -> None:
        self.log, self.health, self.metrics_port = log, free_port(), free_port()
        settings = {
            "NAMESPACES": namespace,
            "LEASE_NAMESPACE": namespace,
            "WORKER_IMAGE": "tidewright:test",
            "IDENTITY": "operator-0",
            **environment,
            "HEALTH_PORT": str(self.health),
            "METRICS_PORT": str(self.metrics_port),
        }
        named = {f"TIDEWRIGHT_{name}": value for name, value in settings.items()}
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), **named}
        self._process: subprocess.Popen[bytes] | None = None
        self._kept = False
        self.restarts = 0

    def __enter__(self) -> "OperatorProcess":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, **environment: str) -> "OperatorProcess":
        """Start it, from now on with other settings if any are given; it may still wait for its lease."""
        self._environment |= {f"TIDEWRIGHT_{name}": value for name, value in environment.items()}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tidewright_operator"], env=self._environment, stdout=log, stderr=log
            )
        return self

    def kill(self) -> None:
        """As ``kill -9`` does it."""
        if (process := self._process) is not None:
            process.kill()
            process.wait()

    def stop(self) -> int:
        """As Kubernetes does it; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE)

    def wait(self) -> int:
        """Wait until it ends by itself; returns the exit code."""
        assert self._process is not None
        return self._process.wait(3 * PATIENCE)

    @contextmanager
    def kept_running(self) -> Iterator["OperatorProcess"]:
        """As a kubelet has it: whenever it ends, however it ends, it is started again."""
        leaving = threading.Event()

        def keep() -> None:
            while not leaving.is_set():
                assert self._process is not None
                try:
                    self._process.wait(0.1)
                except subprocess.TimeoutExpired:
                    continue
                if not leaving.is_set():
                    self.restarts += 1
                    self.start()

        keeping = threading.Thread(target=keep)
        keeping.start()
        self._kept = True
        try:
            yield self
        finally:
            self._kept = False
            leaving.set()
            keeping.join()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def wait_until_ready(self) -> "OperatorProcess":
        """Wait until it holds the lease and reconciles."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{self.health}/readyz").is_success:
                    return self
            except httpx.TransportError:
                pass
            if not (self.running or self._kept) or time.monotonic() > deadline:
                raise RuntimeError(f"the operator is not ready:\n{self.log.read_text()[-5000:]}")
            time.sleep(0.05)

    def metrics(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text


@contextmanager
def operating(
    cluster: ChartCluster, folder: Path, name: str = "tidewright-operator", namespace: str = "tidewright-system"
) -> Iterator[Path]:
    """The operator of a release of the chart, with its service account and its environment, once it works; gives its log. It must end by itself when it is told to."""
    deployment = cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    assert deployment is not None
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    told = {
        one["name"].removeprefix("TIDEWRIGHT_"): one.get("value", "")  # the API server leaves empty ones out
        for one in container["env"]
        if "valueFrom" not in one
    }
    kubeconfig = cluster.account(namespace, name).write(folder / "operator.kubeconfig")
    with OperatorProcess(kubeconfig, folder / "operator.log", namespace, **told) as process:
        yield process.wait_until_ready().log
        process.stop()
