"""The cluster that the operator is tested on."""

import hashlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import httpx
import pytest

from cluster.access import Access
from cluster.build import NoGo, build, built
from cluster.control_plane import ControlPlane
from cluster.find import ForeignCluster, NoCluster, find
from cluster.images import archive

REPOSITORY = Path(__file__).parents[2]


def test_a_control_plane_serves_a_kubernetes_that_tidewright_supports(kube, cluster):
    version = kube.get("/version").json()

    assert (int(version["major"]), int(version["minor"])) >= (1, 30)
    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0


def test_each_test_has_a_namespace_of_its_own(kube, namespace):
    assert kube.get(f"/api/v1/namespaces/{namespace}").json()["status"]["phase"] == "Active"
    assert kube.get(f"/api/v1/namespaces/{namespace}/pods").json()["items"] == []


def test_who_has_no_token_is_nobody(kube, cluster):
    answer = kube.get("/api/v1/namespaces", headers={"Authorization": "Bearer guessed"})

    assert answer.status_code == 401


@pytest.mark.parametrize("restart", ["restart_apiserver", "restart_etcd"])
def test_what_was_written_survives_a_restart(control_plane, kube, namespace, restart):
    address = f"/api/v1/namespaces/{namespace}/configmaps"
    kube.post(address, json={"metadata": {"name": "kept"}, "data": {"a": "b"}}).raise_for_status()
    before = (control_plane.apiserver.pid, control_plane.etcd.pid)

    getattr(control_plane, restart)()

    assert (control_plane.apiserver.pid, control_plane.etcd.pid) != before
    assert kube.get(f"{address}/kept").json()["data"] == {"a": "b"}


def test_an_outage_lasts_as_long_as_a_test_wants(control_plane, kube):
    control_plane.apiserver.kill()
    with pytest.raises(httpx.TransportError):
        kube.get("/version")

    control_plane.apiserver.start()
    control_plane.wait_until_ready()
    assert kube.get("/version").status_code == 200


def test_a_server_that_ends_at_once_says_why(tmp_path):
    (tmp_path / "etcd").write_text("#!/bin/sh\necho no room\nexit 1\n")
    (tmp_path / "kube-apiserver").write_text("#!/bin/sh\nexec sleep 600\n")
    for program in ("etcd", "kube-apiserver"):
        (tmp_path / program).chmod(0o755)

    with pytest.raises(RuntimeError, match="no room"), ControlPlane(tmp_path, tmp_path / "home"):
        pass


def test_servers_end_with_their_owner_even_when_it_is_killed(tmp_path):
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with owner:
        ends = [os.pidfd_open(int(pid)) for pid in owner.stdout.readline().split()]
        assert len(ends) == 2
        owner.send_signal(signal.SIGKILL)
        for end in ends:
            assert select.select([end], [], [], 30)[0]
            os.close(end)


OWNER = f"""
import sys, pathlib, time
sys.path.insert(0, {str(REPOSITORY / "hack")!r})
from cluster.processes import Processes
with Processes() as processes:
    servers = [processes.process(str(i), ["sleep", "600"], pathlib.Path(sys.argv[1]) / "log") for i in range(2)]
    for server in servers:
        server.start()
    servers[0].kill()
    servers[0].start()
    print(*(server.pid for server in servers), flush=True)
    time.sleep(600)
"""


def test_the_servers_are_not_compiled_twice(cluster):
    if not built():
        pytest.skip("no servers are compiled here: compile them with `make cluster-build`")
    folder = built()
    before = (folder / "kube").stat().st_mtime_ns

    assert build() == folder
    assert (folder / "kube").stat().st_mtime_ns == before


def test_assets_of_kubebuilder_come_first(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBEBUILDER_ASSETS", "/assets")

    assert find(tmp_path).apiserver.command[0] == "/assets/kube-apiserver"


def test_without_compiled_servers_a_running_kind_is_next(monkeypatch, tmp_path, cluster, kube):
    answers = {"clusters": "other\n", "kubeconfig": cluster.kubeconfig.read_text()}
    for name, text in answers.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "kind").write_text(f'#!/bin/sh\ncat "{tmp_path}/$2"\n')
    (tmp_path / "kind").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))

    with find(tmp_path / "home") as found:
        assert isinstance(found, ForeignCluster)
        assert found.server == cluster.server
        assert found.access() == cluster.access()


def test_where_there_is_nothing_the_remedy_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))

    with pytest.raises(NoCluster, match="make cluster-build"):
        find(tmp_path)


def test_a_go_that_is_too_old_is_named(monkeypatch, tmp_path):
    (tmp_path / "go").write_text("#!/bin/sh\necho go1.19.8\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))

    with pytest.raises(NoGo, match=r"go1\.19\.8, older than go1\.21"):
        build()


def test_a_kubeconfig_keeps_a_client_certificate(tmp_path):
    access = Access("https://localhost:6443", authority="authority", certificate="certificate", key="key")

    assert Access.read(access.write(tmp_path / "kubeconfig").read_text()) == access


def test_an_image_of_one_program_is_a_docker_archive(tmp_path):
    (tmp_path / "hello").write_bytes(b"binary")
    archive(tmp_path / "hello", "docker.io/local/hello:1", tmp_path / "hello.tar")

    with tarfile.open(tmp_path / "hello.tar") as image:
        (manifest,) = json.load(image.extractfile("manifest.json"))
        configuration = json.load(image.extractfile(manifest["Config"]))
        layer = image.extractfile(manifest["Layers"][0]).read()
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        assert files.extractfile("hello").read() == b"binary"
    assert manifest["RepoTags"] == ["docker.io/local/hello:1"]
    assert configuration["config"]["Entrypoint"] == ["/hello"]
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
