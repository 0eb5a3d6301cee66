"""Faults on the way to a real API server, and that nothing else changes on it."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from api_call import ApiCall
from faults import delay, killed_after, killed_before, lost_answer, noticed, reset, stall, status


@pytest.fixture
def through(proxy):
    """A client of the API server by way of the proxy."""
    with httpx.Client(base_url=proxy.url, headers=proxy.access.headers, timeout=30) as client:
        yield client


@pytest.fixture
def config_maps(namespace):
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
def create(kube, config_maps):
    """Creates a ConfigMap, by way of the proxy or not."""

    def create(name, client=kube):
        return client.post(config_maps, json={"metadata": {"name": name}})

    return create


@pytest.fixture
def names(kube, config_maps):
    """The ConfigMaps that are there."""
    return lambda: [item["metadata"]["name"] for item in kube.get(config_maps).json()["items"]]


@pytest.fixture
def watching(through, kube, config_maps, proxy):
    """An open watch by way of the proxy, as an iterator over its events."""

    @contextmanager
    def watching():
        since = kube.get(config_maps).json()["metadata"]["resourceVersion"]
        query = {"watch": "1", "resourceVersion": since}
        with through.stream("GET", config_maps, params=query) as answer:
            yield map(json.loads, answer.iter_lines())

    return watching


def test_without_faults_the_proxy_is_the_api_server(through, kube, create, config_maps):
    assert create("a", through).status_code == 201
    assert create("a", through).json()["reason"] == "AlreadyExists"
    assert through.get(config_maps).json() == kube.get(config_maps).json()
    assert through.get("/version").json() == kube.get("/version").json()


def test_who_asks_stays_who_it_is(through):
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

    assert through.post(whoami, json=review).json()["status"]["userInfo"]["username"] == "admin"
    assert through.post(whoami, json=review, headers={"Authorization": "Bearer guessed"}).status_code == 401


def test_a_kubeconfig_leads_through_the_proxy(proxy, tmp_path):
    kubeconfig = proxy.access.write(tmp_path / "kubeconfig").read_text()

    assert json.loads(kubeconfig)["clusters"][0]["cluster"] == {"server": proxy.url}


@pytest.mark.parametrize("code", [403, 404, 410, 429, 503])
def test_the_next_call_that_matches_is_refused(proxy, through, create, names, code):
    proxy.fail(status(code, retry_after=1), verb="create", resource="configmaps")

    refused = create("a", through)
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (code, code, "1")
    assert "a" not in names()
    assert create("a", through).status_code == 201


def test_the_api_server_is_away_for_a_time(proxy, through, config_maps):
    with proxy.failing(status(503)):
        assert {through.get(config_maps).status_code for _ in range(3)} == {503}

    assert through.get(config_maps).status_code == 200


def test_a_fault_may_let_some_calls_pass_first(proxy, through, create):
    proxy.fail(status(503), skip=1, times=2, writes=True)

    assert [create(name, through).status_code for name in "abcd"] == [201, 503, 503, 201]


def test_a_connection_ends_before_the_call_arrives(proxy, through, create, names):
    proxy.fail(reset)

    with pytest.raises(httpx.TransportError):
        create("a", through)
    assert "a" not in names()


def test_a_connection_ends_after_the_call_arrived(proxy, through, create, names):
    proxy.fail(lost_answer)

    with pytest.raises(httpx.TransportError):
        create("a", through)
    assert "a" in names()


def test_a_call_is_never_answered(proxy, through, config_maps):
    proxy.fail(stall)

    with pytest.raises(httpx.ReadTimeout):
        through.get(config_maps, timeout=0.05)


def test_an_answer_comes_late(proxy, through, create):
    proxy.fail(delay(0.05))

    assert create("a", through).elapsed.total_seconds() >= 0.05


@pytest.mark.parametrize(("fault", "arrives"), [(killed_before, False), (killed_after, True)])
def test_a_client_is_killed_around_a_write(proxy, through, create, names, fault, arrives):
    killed = []
    proxy.fail(fault(lambda: killed.append(names())), writes=True)

    with pytest.raises(httpx.TransportError):
        create("a", through)
    assert ["a" in before for before in killed] == [arrives]
    assert ("a" in names()) is arrives


def test_a_call_can_be_noticed_before_it_arrives(proxy, through, create, config_maps, namespace):
    noted = []
    proxy.fail(noticed(noted.append), times=2, writes=True)
    create("a", through)
    through.get(config_maps)
    through.delete(f"{config_maps}/a")

    assert noted == [
        ApiCall("create", "configmaps", namespace=namespace),
        ApiCall("delete", "configmaps", namespace=namespace, name="a"),
    ]


def test_calls_are_counted_as_they_arrive(proxy, through, create, config_maps):
    with ThreadPoolExecutor() as pool:
        arrived = pool.submit(proxy.wait_for, 3, verb="create", resource="configmaps")
        for name in "abc":
            create(name, through)
        arrived.result()
    through.get(config_maps)

    assert proxy.count(resource="configmaps") == 4
    assert proxy.count(verb="list") == 1
    with pytest.raises(TimeoutError, match="0 watches and the calls"):
        proxy.wait_until(lambda: proxy.count(verb="create") == 4, seconds=0)


def test_one_event_of_a_watch_is_lost(proxy, watching, create):
    proxy.lose_event("ADDED", resource="configmaps")

    with watching() as events:
        create("lost")
        create("kept")
        assert next(events)["object"]["metadata"]["name"] == "kept"


def test_an_error_comes_into_a_watch_that_stays_open(proxy, watching, create):
    with watching() as events:
        assert proxy.send_error(410, resource="configmaps") == 1
        create("after")
        error, event = next(events), next(events)

    assert (error["type"], error["object"]["code"], error["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["metadata"]["name"] == "after"


def test_open_watches_are_cut(proxy, watching):
    with watching() as events:
        assert proxy.reset_watches(resource="configmaps") == 1
        with pytest.raises(httpx.TransportError):
            next(events)


def test_a_watch_is_open_until_its_client_leaves(proxy, watching):
    with watching():
        proxy.wait_until(lambda: proxy.watches(resource="configmaps") == 1)

    proxy.wait_until(lambda: proxy.watches() == 0)


def test_an_object_may_be_as_large_as_the_api_server_lets_it(through, config_maps):
    large = {"metadata": {"name": "large", "annotations": {"a": "x" * 200_000}}, "data": {"a": "x" * (1 << 20)}}

    assert through.post(config_maps, json=large).status_code == 201


def test_an_api_server_that_is_gone_resets_connections(proxy, through, control_plane, config_maps):
    control_plane.apiserver.kill()

    with pytest.raises(httpx.TransportError):
        through.get(config_maps)


def test_a_watch_ends_with_the_api_server(watching, control_plane):
    with watching() as events:
        control_plane.apiserver.kill()
        with pytest.raises((httpx.TransportError, StopIteration)):
            next(events)
