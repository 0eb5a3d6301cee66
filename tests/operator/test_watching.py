"""The watches between the operator and a real API server, and everything that can go wrong with one."""

import pytest
from faults import silence, status
from pod_life import Ending, Stays
from work_records import complete

from tidewright_operator.catalogue import CHILDREN, KINDS

RUNS = {"resource": "backtestruns"}
OURS = "app.kubernetes.io/managed-by=tidewright-operator"


@pytest.fixture
def watched(proxy, operator):
    """Starts an operator whose watches are open on return."""

    def watched(**settings):
        process = operator(proxy, **settings)
        proxy.wait_until(lambda: proxy.watches() == len(KINDS) + len(CHILDREN))
        return process

    return watched


def test_what_is_asked_for_is_paged_labelled_and_of_one_namespace(proxy, watched, runs):
    queries = []

    async def noted(exchange):
        queries.append((exchange.call, dict(exchange.request.query)))
        return await exchange.pass_on()

    with proxy.failing(noted):
        watched(resync_seconds=0.5)
        proxy.wait_for(3, verb="list", resource="backtestruns")

    of_kinds = [one for one in queries if one[0].verb in {"list", "watch"}]
    assert {call.resource for call, _ in of_kinds} == {kind.plural for kind in (*KINDS.values(), *CHILDREN.values())}
    assert {call.namespace for call, _ in of_kinds} == {runs.namespace}
    for call, query in of_kinds:
        if call.verb == "list":
            assert query["limit"] in {"500", "1"}
        if call.resource in {kind.plural for kind in CHILDREN.values()} and query.get("limit") != "1":
            assert query["labelSelector"] == OURS
        if call.verb == "watch":
            assert int(query["timeoutSeconds"]) <= 300
    elsewhere = {call.resource for call, _ in queries if not call.namespace}
    assert all(path.startswith(("/api", "/version")) for path in elsewhere), "only what there is, nothing in it"


@pytest.mark.parametrize("code", [403, 429, 503])
def test_a_watch_that_is_refused_for_a_while_comes_back(proxy, watched, runs, code):
    process = watched()
    with proxy.failing(status(code), verb="watch"):
        proxy.reset_watches()
        proxy.wait_for(2 * (len(KINDS) + len(CHILDREN)) + 5, verb="watch")

    runs.create()

    runs.until(lambda: len(runs.jobs()) == 1)
    assert process.running


@pytest.mark.parametrize("code", [404, 410])
def test_a_watch_that_is_refused_for_good_ends_the_process(proxy, watched, runs, code):
    process = watched()
    proxy.fail(status(code), verb="watch", **RUNS)
    proxy.reset_watches(**RUNS)

    assert process.wait() == 1
    process.start().wait_until_ready()
    runs.create()
    runs.until(lambda: len(runs.jobs()) == 1)


def test_a_watch_that_is_too_old_begins_anew_by_itself(proxy, watched, runs):
    process = watched()
    assert proxy.send_error(410, **RUNS) == 1
    proxy.wait_until(lambda: proxy.watches(**RUNS) == 0)
    proxy.wait_until(lambda: proxy.watches(**RUNS) == 1)

    runs.create()

    runs.until(lambda: len(runs.jobs()) == 1)
    assert process.running


@pytest.mark.parametrize("code", [403, 500])
def test_an_error_in_a_watch_ends_the_process(proxy, watched, code):
    process = watched()
    proxy.send_error(code, **RUNS)

    assert process.wait() == 1
    assert f"the fault proxy says {code}" in process.log.read_text()


@pytest.mark.parametrize("deaf", [status(403), silence], ids=["refused", "silent"])
@pytest.mark.parametrize("resource", ["backtestruns", "jobs"])
def test_a_watch_that_is_deaf_is_made_up_for_and_then_noticed(proxy, watched, runs, kubelet, resource, deaf):
    kubelet(lambda pod: Ending(0, complete()))
    process = watched(resync_seconds=1)
    with proxy.failing(deaf, verb="watch", resource=resource):
        proxy.reset_watches(resource=resource)
        proxy.wait_until(lambda: proxy.watches(resource=resource) == 0)
        runs.create()

        runs.until(lambda: len(runs.jobs()) == 1)
        assert process.wait() == 1
        kind = {"backtestruns": "BacktestRun", "jobs": "Job"}[resource]
        assert f"StaleWatch: the watch of {kind} has missed" in process.log.read_text()

    process.start().wait_until_ready()
    assert runs.finished()["attempts"] == 1


@pytest.mark.parametrize(
    ("kind", "resource"),
    [("ADDED", "backtestruns"), ("MODIFIED", "backtestruns"), ("ADDED", "jobs"), ("MODIFIED", "jobs")],
)
def test_an_event_that_is_lost_is_made_up_for(proxy, watched, runs, kubelet, kind, resource):
    kubelet(lambda pod: Ending(0, complete()))
    process = watched(resync_seconds=3)
    proxy.lose_event(kind, resource=resource)

    runs.create()

    assert runs.finished()["attempts"] == 1
    assert len(runs.jobs()) == 1
    assert process.running


def test_a_run_whose_deletion_nobody_told_of_is_forgotten(proxy, watched, runs, kubelet):
    kubelet(lambda pod: Stays.RUNNING)
    process = watched(resync_seconds=1)
    runs.create()
    runs.reaches("Running")
    proxy.lose_event("DELETED", **RUNS)

    runs.delete()

    runs.until(lambda: f"BacktestRun {runs.namespace}/run was deleted unseen" in process.log.read_text())
    runs.create()
    runs.reaches("Running")
    assert process.running


def test_what_is_deleted_while_a_watch_is_down_is_forgotten(proxy, watched, runs, kubelet):
    """kopf lists anew after that, and tells of nothing that is not in the list."""
    kubelet(lambda pod: Stays.RUNNING)
    process = watched(resync_seconds=1)
    runs.create()
    runs.reaches("Running")
    with proxy.failing(status(503), verb="watch", **RUNS):
        proxy.send_error(410, **RUNS)
        proxy.wait_until(lambda: proxy.watches(**RUNS) == 0)
        runs.delete()
        proxy.fail(status(410), verb="list", **RUNS)
        runs.until(lambda: f"BacktestRun {runs.namespace}/run was deleted unseen" in process.log.read_text())

    runs.create()
    runs.reaches("Running")


def test_kinds_that_are_not_served_yet_are_waited_for(proxy, operator, runs):
    with proxy.failing(status(404), resource="rltrainings"):
        process = operator(proxy, waits=False)
        runs.until(lambda: "does not know rltrainings; install the CRDs" in process.log.read_text())
    process.wait_until_ready()

    runs.create()

    runs.until(lambda: len(runs.jobs()) == 1)
