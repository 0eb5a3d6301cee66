"""A node on which pods really run. It takes root and Debian packages, and one at a time; so it is no part of the usual tests."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cluster import node
from cluster.build import NoGo, build
from cluster.images import archive


@pytest.fixture
def home():
    """A folder with a short name: a kubelet has sockets deep in it, whose paths have 107 bytes at most."""
    with TemporaryDirectory(prefix="node-") as folder:
        yield Path(folder)


@pytest.mark.soak
def test_pods_run_on_a_node_and_leave_nothing_behind(tmp_path, home):
    try:
        servers = build(node=True)
        node.require()
    except (NoGo, RuntimeError) as remedy:
        pytest.skip(str(remedy))
    archive(servers / "pause", "docker.io/local/mine:1", tmp_path / "mine.tar")

    with node.Node(servers, home) as cluster:
        cluster.controllers.start()
        cluster.scheduler.start()
        node.load(home, tmp_path / "mine.tar")
        cluster.kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=60s")
        cluster.kubectl("run", "mine", "--image=local/mine:1")
        cluster.kubectl("wait", "pod/mine", "--for=condition=Ready", "--timeout=60s")

    left = node.run("ip", "netns", "list") + node.run("mount")
    assert "cni-" not in left
    assert str(home) not in left


def test_a_home_in_which_no_socket_has_room_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is too long for the sockets of a kubelet"):
        node.Node(tmp_path, Path("/run") / ("x" * 70))
