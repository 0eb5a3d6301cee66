"""The pages for whoever installs are executed, block by block, as their reader would; pods run on a fake kubelet, and the operator beside the cluster."""

import os
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from chart_cluster import chart_cluster, helm
from fake_kubelet import FakeKubelet
from operator_process import operating
from pod_life import Ending, Stays

from chart import tools
from cluster.build import built
from tidewright.runs.exits import REFUSED

PROJECT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lives(pod):
    """The platform's pods run, and those that end succeed; a worker refuses its input, which needs no image."""
    if pod["spec"]["restartPolicy"] == "Always":
        return Stays.RUNNING
    return Ending() if pod["metadata"]["namespace"] == "tidewright-system" else Ending(exit_code=REFUSED)


def blocks_of(page):
    return BLOCK.findall((PROJECT / "docs" / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["install.md", "upgrade.md", "backup.md", "troubleshooting.md"])
def test_every_block_runs(page, tmp_path, monkeypatch):
    """On a cluster where nothing is installed, or the platform is, by the first block of the page on installing. What is done inside of Postgres is for another test."""
    helm("version")
    blocks = [] if page == "install.md" else blocks_of("install.md")[:1]
    blocks += [block for block in blocks_of(page) if "pg_restore" not in block]
    with chart_cluster(tmp_path / "cluster") as cluster, ExitStack() as running:
        if not built():
            pytest.skip("the page needs kubectl: compile it with `make cluster-build`")
        folder = tmp_path / "checkout"
        folder.mkdir()
        for name in ("helm", "manifests", "crds"):
            (folder / name).symlink_to(PROJECT / name)
        monkeypatch.setenv("PATH", os.pathsep.join([str(tools.build()), str(built()), os.environ["PATH"]]))
        monkeypatch.setenv("KUBECONFIG", str(cluster.plane.kubeconfig))
        for namespace in ("tidewright-system", "default"):
            running.enter_context(FakeKubelet(cluster.plane.access(), namespace, lives))
        operator = ExitStack()
        running.push(operator)
        for text in blocks:
            if "helm uninstall tidewright " in text:
                operator.close()  # as its pod ends
            subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, check=True, timeout=240)
            if "helm install tidewright " in text and "--wait" in text:
                operator.enter_context(operating(cluster, tmp_path))
