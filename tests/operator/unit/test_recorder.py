"""Events, for `kubectl describe`."""

import asyncio
import re

import pytest
from fake_cluster import FakeCluster

from tidewright_operator.cluster import Refused, Unavailable
from tidewright_operator.recorder import Recorder

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def run_named(name="ma-cross", generation=1):
    meta = {"name": name, "namespace": "research", "uid": "u", "generation": generation}
    return {"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "metadata": meta}


@pytest.fixture
def cluster():
    return FakeCluster()


@pytest.fixture
def tell(cluster):
    recorder = Recorder(cluster, "operator-0")
    return lambda *told, **how: asyncio.run(recorder.tell(*told, **how))


def events(cluster):
    return [one for (plural, _, _), one in cluster.objects.items() if plural == "events"]


def test_an_event_is_about_its_resource(cluster, tell):
    tell(run_named(), "Complete", "Return 12 %")
    tell(run_named(), "Failed", "no", warning=True)

    first, second = events(cluster)
    assert first["involvedObject"] == {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "BacktestRun",
        "name": "ma-cross",
        "namespace": "research",
        "uid": "u",
    }
    assert (first["reason"], first["message"], first["type"]) == ("Complete", "Return 12 %", "Normal")
    assert second["type"] == "Warning"
    assert first["metadata"]["namespace"] == "research"


def test_the_same_is_told_once(cluster, tell):
    tell(run_named(), "Complete", "Return 12 %")
    tell(run_named(), "Complete", "Return 12 %")
    tell(run_named(generation=2), "Complete", "Return 12 %")

    assert len(events(cluster)) == 2


@pytest.mark.parametrize("name", ["a", "a.b", "x" * 253, "x" * 199 + "-y", "x" * 199 + ".y"])
def test_an_event_has_a_right_name_whatever_it_is_about(cluster, tell, name):
    tell(run_named(name), "Complete", "")

    (event,) = events(cluster)
    assert SUBDOMAIN.fullmatch(event["metadata"]["name"])
    assert len(event["metadata"]["name"]) <= 253


@pytest.mark.parametrize("error", [Unavailable("503"), Refused("403")])
def test_no_event_is_worth_a_failure(cluster, tell, error):
    def fail(method):
        raise error

    cluster.before = fail
    tell(run_named(), "Complete", "")

    assert events(cluster) == []
