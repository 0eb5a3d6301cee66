"""The real operator as the chart has it: with its service account and its environment, but on this machine."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from chart_cluster import ChartCluster
from installed import until

from cluster.processes import free_port

GRACE = 30.0
"""Seconds that a pod has to end by itself, as the chart has it."""


@contextmanager
def operating(
    cluster: ChartCluster, folder: Path, name: str = "tidewright-operator", namespace: str = "tidewright-system"
) -> Iterator[Path]:
    """The operator of a release, once it works; gives its log. It must end by itself when it is told to."""
    log, health = folder / "operator.log", free_port()
    deployment = cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    assert deployment is not None
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    kubeconfig = cluster.account(namespace, name).write(folder / "operator.kubeconfig")
    ports = {"TIDEWRIGHT_HEALTH_PORT": str(health), "TIDEWRIGHT_METRICS_PORT": str(free_port())}
    environment = {**os.environ, **told, **ports, "KUBECONFIG": str(kubeconfig)}
    command = [sys.executable, "-m", "tidewright_operator"]
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            until(lambda: process.poll() is not None or _ready(health), "the operator works")
            assert process.poll() is None, log.read_text()
            yield log
            process.send_signal(signal.SIGTERM)
            process.wait(GRACE)
        finally:
            process.kill()


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False
