"""What the operator makes of the API server's answers, and of what may stand in their place."""

import asyncio

import pytest
from aiohttp import web
from faults import lost_answer, reset, stall, status

from cluster.processes import free_port
from tidewright_operator import cluster as module
from tidewright_operator.cluster import (
    BACKTEST_RUN,
    CONFIG_MAP,
    PAGE,
    Conflict,
    Invalid,
    Refused,
    Unavailable,
    as_read,
    connected,
)


@pytest.fixture
def asked(proxy, namespace, tmp_path, api):
    """Runs a function of the cluster by way of the proxy: ``asked(lambda cluster: cluster.get(...))``."""
    kubeconfig = str(proxy.access.write(tmp_path / "kubeconfig"))

    def asked(question):
        async def ask():
            async with connected(kubeconfig) as cluster:
                return await question(cluster)

        return asyncio.run(ask())

    return asked


@pytest.fixture
def of(namespace):
    """An object of the test's namespace."""
    return lambda name="a", **more: {"metadata": {"name": name, "namespace": namespace}, **more}


def answers(code, text, **headers):
    async def fault(_):
        return web.Response(status=code, body=text.encode(), headers={"Content-Type": "", **headers})

    return fault


def test_what_is_not_there_is_none(asked, namespace, of):
    assert asked(lambda cluster: cluster.get(CONFIG_MAP, namespace, "a")) is None
    asked(lambda cluster: cluster.delete(CONFIG_MAP, namespace, "a"))
    asked(lambda cluster: cluster.merge(CONFIG_MAP, namespace, "a", {"data": {}}))


def test_what_is_created_is_given_as_it_is_then_and_only_once(asked, namespace, of):
    made = asked(lambda cluster: cluster.create_once(CONFIG_MAP, of(data={"a": "b"})))

    assert made["metadata"]["uid"]
    assert asked(lambda cluster: cluster.create_once(CONFIG_MAP, of(data={"a": "c"}))) is None
    assert asked(lambda cluster: cluster.get(CONFIG_MAP, namespace, "a")) == {**made, "data": {"a": "b"}}


def test_a_quota_that_is_counted_at_the_moment_is_no_object_of_that_name(proxy, asked, of):
    async def conflict(_):
        failure = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "Conflict"}
        return web.json_response({**failure, "message": "Operation cannot be fulfilled on resourcequotas"}, status=409)

    proxy.fail(conflict, verb="create")

    with pytest.raises(Conflict, match="resourcequotas"):
        asked(lambda cluster: cluster.create_once(CONFIG_MAP, of()))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, Invalid),
        (401, Refused),
        (403, Refused),
        (409, Conflict),
        (410, Unavailable),
        (413, Invalid),
        (422, Invalid),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
@pytest.mark.parametrize("by", ["the API server", "a load balancer"])
def test_answers_are_told_apart_by_what_can_be_done_about_them(proxy, asked, namespace, code, expected, by):
    proxy.fail(status(code) if by == "the API server" else answers(code, "<html>", **{"Content-Type": "text/html"}))

    with pytest.raises(expected):
        asked(lambda cluster: cluster.get(CONFIG_MAP, namespace, "a"))


def test_who_says_when_to_come_back_is_heard(proxy, asked, namespace):
    proxy.fail(status(429, retry_after=7))

    with pytest.raises(Unavailable) as told:
        asked(lambda cluster: cluster.get(CONFIG_MAP, namespace, "a"))
    assert told.value.after == 7


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        lost_answer,
        answers(503, ""),
        answers(200, "<html>"),
        answers(200, "{"),
        answers(403, "{", **{"Content-Type": "application/json"}),
        answers(503, "[]", **{"Content-Type": "application/json"}),
    ],
    ids=["reset", "lost", "nameless 503", "HTML", "half of an answer", "half of a refusal", "no status"],
)
def test_what_is_no_answer_of_an_api_server_may_be_one_later(proxy, asked, namespace, fault):
    proxy.fail(fault)

    with pytest.raises(Unavailable):
        asked(lambda cluster: cluster.get(CONFIG_MAP, namespace, "a"))


def test_a_call_ends_whether_it_is_answered_or_not(proxy, asked, namespace, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    proxy.fail(stall)

    with pytest.raises(Unavailable):
        asked(lambda cluster: cluster.get(CONFIG_MAP, namespace, "a"))


def test_time_outs_are_as_long_as_is_said():
    assert module.TIMEOUT == 30


def test_an_api_server_that_is_not_there_may_be_later(proxy, tmp_path, namespace):
    nobody = proxy.upstream.through(f"http://127.0.0.1:{free_port()}").write(tmp_path / "nobody")

    async def ask():
        async with connected(str(nobody)) as cluster:
            await cluster.get(CONFIG_MAP, namespace, "a")

    with pytest.raises(Unavailable):
        asyncio.run(ask())


def test_lists_come_in_pages(proxy, asked, namespace, of, kube, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)
    for name in "abcde":
        kube.post(f"/api/v1/namespaces/{namespace}/configmaps", json=of(name)).raise_for_status()

    listed = asked(lambda cluster: cluster.list(CONFIG_MAP, namespace))

    assert [one["metadata"]["name"] for one in listed if len(one["metadata"]["name"]) == 1] == list("abcde")
    assert proxy.count(verb="list", resource="configmaps") == 3
    assert PAGE == 500


def test_only_what_has_the_labels_is_listed(asked, namespace, of, kube):
    labelled = of("labelled")
    labelled["metadata"]["labels"] = {"a": "b", "c": "d"}
    for one in (labelled, of("plain")):
        kube.post(f"/api/v1/namespaces/{namespace}/configmaps", json=one).raise_for_status()

    listed = asked(lambda cluster: cluster.list(CONFIG_MAP, namespace, {"a": "b", "c": "d"}))

    assert [one["metadata"]["name"] for one in listed] == ["labelled"]


STATUS = {"attempts": 1, "conditions": []}


def write_status(run):
    return lambda cluster: cluster.apply_status(BACKTEST_RUN, {"metadata": as_read(run), "status": STATUS})


def test_a_status_is_written_on_what_was_read(asked, runs):
    run = runs.create()

    asked(write_status(run))

    assert runs.status()["attempts"] == 1


def test_a_status_is_not_written_on_what_has_changed_since(asked, runs):
    run = runs.create()
    runs.change(suspend=True)

    with pytest.raises(Conflict):
        asked(write_status(run))
    assert runs.status() == {}


def test_a_status_is_not_written_on_another_of_the_same_name(asked, runs):
    run = runs.create()
    runs.delete()
    runs.create()

    with pytest.raises(Conflict):
        asked(write_status(run))
    assert runs.status() == {}


def test_a_status_is_not_written_on_what_is_gone(asked, runs):
    run = runs.create()
    runs.delete()

    with pytest.raises(Conflict):
        asked(write_status(run))


def test_what_is_replaced_must_not_have_changed(asked, namespace, of):
    made = asked(lambda cluster: cluster.create_once(CONFIG_MAP, of()))
    asked(lambda cluster: cluster.replace(CONFIG_MAP, {**made, "data": {"a": "b"}}))

    with pytest.raises(Conflict):
        asked(lambda cluster: cluster.replace(CONFIG_MAP, {**made, "data": {"a": "c"}}))
