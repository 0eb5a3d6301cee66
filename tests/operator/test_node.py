"""A node on which pods really run. It takes root and Debian packages, and one at a time; so it is no part of the usual tests."""

import pytest

from cluster import node
from cluster.build import NoGo, build
from cluster.images import archive


@pytest.mark.soak
def test_pods_run_on_a_node_and_leave_nothing_behind(tmp_path):
    try:
        servers = build(node=True)
        node.require()
    except (NoGo, RuntimeError) as remedy:
        pytest.skip(str(remedy))
    archive(servers / "pause", "docker.io/local/mine:1", tmp_path / "mine.tar")

    with node.Node(servers, tmp_path / "home") as cluster:
        cluster.controllers.start()
        cluster.scheduler.start()
        node.load(tmp_path / "home", tmp_path / "mine.tar")
        cluster.kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=60s")
        cluster.kubectl("run", "mine", "--image=local/mine:1")
        cluster.kubectl("wait", "pod/mine", "--for=condition=Ready", "--timeout=60s")

    left = node.run("ip", "netns", "list") + node.run("mount")
    assert "cni-" not in left
    assert str(tmp_path) not in left
