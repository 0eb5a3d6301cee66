"""How kopf is set up: what it would otherwise do."""

import asyncio
from itertools import islice

import pytest
from virtual_time import run

from tidewright_operator.catalogue import CHILDREN, KINDS
from tidewright_operator.cluster import BACKTEST_RUN, JOB, Refused, Unavailable
from tidewright_operator.observation import Observation
from tidewright_operator.watching import registry_of, settings_of_kopf, until_served
from tidewright_operator.work_queue import WorkQueue


@pytest.fixture
def settings():
    return settings_of_kopf(CHILDREN.values())


@pytest.fixture
def registry():
    return registry_of(KINDS, CHILDREN, Observation(WorkQueue(lambda: 0.0)))


def test_a_watch_is_never_given_up_and_never_waits_long(settings):
    pauses = list(islice(iter(settings.networking.error_backoffs), 10_000))

    assert len(pauses) == 10_000
    assert pauses == sorted(pauses)
    assert max(pauses) == 15
    assert list(islice(iter(settings.networking.error_backoffs), 3)) == pauses[:3], "every failure begins anew"


def test_every_call_has_an_end(settings):
    assert settings.networking.request_timeout == 30
    assert settings.networking.connect_timeout == 10
    assert settings.watching.server_timeout < settings.watching.client_timeout <= 300


def test_lists_come_in_pages(settings):
    assert settings.watching.chunk_size == 500


def test_workers_are_bounded_and_none_idles_while_events_wait(settings):
    assert settings.queueing.worker_limit == 16
    assert 0 < settings.queueing.idle_timeout <= 0.01


def test_nothing_is_scanned_posted_or_negotiated(settings):
    assert settings.scanning.disabled
    assert not settings.posting.enabled
    assert settings.peering.standalone


def test_kopf_holds_no_event_against_what_was_before_and_leaves_nothing_on_an_object(settings):
    body = {"metadata": {"name": "run"}, "spec": {"seed": 7}}
    storage, progress = settings.persistence.diffbase_storage, settings.persistence.progress_storage

    assert storage.fetch(body=body) is None
    assert storage.build(body=body, extra_fields=[]) == {}
    assert progress.clear(essence=body) is body


def test_there_are_handlers_of_events_alone(registry):
    assert len(registry._watching.get_all_handlers()) == len(KINDS) + len(CHILDREN)
    for others in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert others.get_all_handlers() == []


def test_of_each_child_only_ours_are_watched(settings):
    for kind in CHILDREN.values():
        selector = settings.watching.label_selectors[kind.group, kind.version, kind.plural]
        assert selector == "app.kubernetes.io/managed-by=tidewright-operator"
    assert len(settings.watching.label_selectors) == len(CHILDREN)


class Serving:
    """An API server that answers, once a second, what it is told to."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def serves(self, kind, namespace):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "seconds", "told"),
    [
        ((True, True), 0, ""),
        ((False, False, True, True), 4, "does not know backtestruns; install the CRDs"),
        ((Unavailable("503"), True, True), 2, "waiting: 503"),
        ((Refused("may not list"), True), 0, "backtestruns cannot be listed, and so not worked on: may not list"),
    ],
)
def test_watching_begins_once_the_api_server_knows_the_kinds(answers, seconds, told, caplog):
    async def body():
        await until_served(Serving(*answers), (BACKTEST_RUN, JOB), ("research",))
        assert asyncio.get_running_loop().time() == seconds

    run(body())
    assert told in caplog.text
