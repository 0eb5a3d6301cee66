"""A cluster for tests and benchmarks, wherever this machine has one."""

import os
import shutil
import subprocess
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from cluster.access import Access
from cluster.build import NoGo, build, built
from cluster.control_plane import ControlPlane

REMEDY = (
    "compile a control plane once with `make cluster-build`; "
    "or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver; or start a cluster with `kind create cluster`"
)


class NoCluster(Exception):
    """This machine has no cluster; the message is the remedy."""


@dataclass(frozen=True)
class ForeignCluster:
    """A cluster that runs already, whose servers and nodes are not ours to stop."""

    kubeconfig: Path
    server: str

    def access(self) -> Access:
        return Access.read(self.kubeconfig.read_text())


def find(home: Path) -> AbstractContextManager[ControlPlane | ForeignCluster]:
    """A control plane of `KUBEBUILDER_ASSETS`, else of the servers compiled before, else a running kind, else compiled by Go now.

    Raises:
        NoCluster: none of these is there.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return ControlPlane(Path(assets), home)
    if servers := built():
        return ControlPlane(servers, home)
    if kind := running_kind(home):
        return nullcontext(kind)
    try:
        return ControlPlane(build(), home)
    except NoGo as reason:
        raise NoCluster(f"no Kubernetes cluster for tests, and {reason}: {REMEDY}") from reason


def running_kind(home: Path) -> ForeignCluster | None:
    """The first cluster that `kind` runs."""
    if shutil.which("kind") is None:
        return None
    names = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=False).stdout.split()
    if not names:
        return None
    text = subprocess.run(
        ["kind", "get", "kubeconfig", "--name", names[0]], capture_output=True, text=True, check=True
    ).stdout
    access = Access.read(text)
    home.mkdir(parents=True, exist_ok=True)
    return ForeignCluster(access.write(home / "kind.kubeconfig"), access.server)
