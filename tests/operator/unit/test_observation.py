"""What events told, what lists know, and when the difference means that a watch is deaf."""

import asyncio

import pytest
from fake_cluster import FakeCluster

from tidewright_operator.cluster import BACKTEST_RUN, JOB, TRADING_STRATEGY, Refused, Unavailable
from tidewright_operator.names import MANAGED_BY, OWNER_KIND
from tidewright_operator.observation import Observation, StaleWatch, unfinished
from tidewright_operator.work_queue import WorkQueue

KINDS = {"BacktestRun": BACKTEST_RUN, "TradingStrategy": TRADING_STRATEGY}
CHILDREN = {"Job": JOB}
FINISHED = {"conditions": [{"type": "Finished", "status": "True"}]}


class World:
    """Resources in memory, and an operator that watches them: `write` is seen at once, `hide` is not."""

    def __init__(self):
        self.cluster, self.queue = FakeCluster(), WorkQueue(lambda: 0.0)
        self.observation = Observation(self.queue)

    def hide(self, name="run", kind=BACKTEST_RUN, status=None, **meta):
        thing = {"kind": kind.name, "metadata": {"name": name, **meta}, "spec": {"strategy": {}}}
        return self.cluster.put(kind, {**thing, "status": status or {}})

    def write(self, name="run", kind=BACKTEST_RUN, happened="MODIFIED", **what):
        self.told(happened, self.hide(name, kind, **what), kind)

    def told(self, happened, thing, kind=BACKTEST_RUN):
        see = self.observation.see_child if kind is JOB else self.observation.see
        see(kind.name, happened, thing)

    def delete(self, name="run", kind=BACKTEST_RUN):
        return self.cluster.objects.pop((kind.plural, "default", name))

    def relist(self):
        asyncio.run(self.observation.relist(self.cluster, KINDS, CHILDREN, ()))

    def taken(self):
        """The names of what is to be worked on, which is then done."""

        async def take():
            keys = [await self.queue.get() for _ in range(len(self.queue))]
            for key in keys:
                self.queue.done(key)
            return {key.name for key in keys}

        return asyncio.run(take())


@pytest.fixture
def world():
    return World()


def owned_by_run(name="run"):
    labels = {**MANAGED_BY, OWNER_KIND: "BacktestRun"}
    return {
        "labels": labels,
        "ownerReferences": [{"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "name": name}],
    }


def test_what_happens_to_a_resource_has_it_worked_on(world):
    world.write(happened=None)
    assert world.taken() == {"run"}
    world.told("DELETED", world.delete())
    assert world.taken() == {"run"}


def test_what_happens_to_a_child_has_its_owner_worked_on(world):
    world.write("job", JOB, **owned_by_run())

    assert world.taken() == {"run"}


def test_somebody_elses_job_concerns_nobody(world):
    theirs = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "run"}
    world.write("plain", JOB)
    world.write("other", JOB, labels={OWNER_KIND: "CronJob"}, ownerReferences=[theirs])
    world.write("both", JOB, labels={OWNER_KIND: "BacktestRun"}, ownerReferences=[theirs])

    assert world.taken() == set()


def test_a_list_has_worked_on_again_what_is_not_finished(world):
    world.write("running")
    world.write("finished", status=FINISHED)
    world.taken()

    world.relist()

    assert world.taken() == {"running"}


def test_what_no_event_told_of_is_worked_on_and_ends_the_process_if_none_does_until_the_next_list(world):
    world.hide("missed")

    world.relist()
    assert world.taken() == {"missed"}
    with pytest.raises(StaleWatch, match="BacktestRun has missed 1 changes"):
        world.relist()


def test_an_event_that_is_late_ends_nothing(world):
    late = world.hide()

    world.relist()
    world.told("ADDED", late)
    world.relist()
    world.relist()


def test_a_change_that_no_event_told_of_ends_the_process_as_well(world):
    world.write()
    world.hide()

    world.relist()
    with pytest.raises(StaleWatch):
        world.relist()


def test_a_deaf_watch_is_noticed_even_if_there_is_always_something_new(world):
    world.write()

    world.hide()
    world.relist()
    world.hide()
    with pytest.raises(StaleWatch):
        world.relist()


def test_the_watch_of_children_may_be_deaf_too(world):
    world.hide("job", JOB, **owned_by_run())

    world.relist()
    assert world.taken() == {"run"}
    with pytest.raises(StaleWatch, match="Job"):
        world.relist()


def test_children_of_others_are_not_even_listed(world):
    world.hide("job", JOB)

    world.relist()
    world.relist()


def during_the_list(world, happens):
    """Have something happen after a list was answered and before it is looked at."""
    real = world.cluster.list

    async def list_and_then(kind, namespace, labels=None):
        listed = await real(kind, namespace, labels)
        if kind is BACKTEST_RUN:
            happens()
            world.cluster.list = real
        return listed

    world.cluster.list = list_and_then


@pytest.mark.parametrize("happened", ["ADDED", "MODIFIED"])
def test_what_happens_during_a_list_is_neither_missed_nor_gone(world, happened):
    if happened == "MODIFIED":
        world.write()
    during_the_list(world, lambda: world.write(happened=happened))

    for _ in range(4):
        world.relist()


def test_a_busy_resource_does_not_look_missed_because_its_events_overtake_the_lists(world):
    world.write()
    for _ in range(5):
        during_the_list(world, world.write)
        world.relist()


def test_what_is_deleted_during_a_list_is_not_missed(world):
    world.write()
    during_the_list(world, lambda: world.told("DELETED", world.delete()))

    for _ in range(4):
        world.relist()


def test_what_was_deleted_unseen_is_forgotten(world, caplog):
    caplog.set_level("INFO")
    world.write()
    world.write("job", JOB, **owned_by_run())
    world.taken()
    world.delete()
    world.delete("job", JOB)

    world.relist()

    assert world.taken() == {"run"}
    assert "BacktestRun default/run was deleted unseen" in caplog.text
    assert "Job default/job was deleted unseen" in caplog.text
    caplog.clear()
    world.relist()
    assert caplog.text == ""


@pytest.mark.parametrize("error", [Unavailable("503"), Refused("403")])
def test_a_list_that_fails_proves_nothing(world, error):
    world.write()
    world.taken()

    def fail(method):
        raise error

    world.cluster.before = fail
    for _ in range(3):
        world.relist()
    world.cluster.before = None
    world.relist()
    assert world.taken() == {"run"}


@pytest.mark.parametrize(
    ("status", "open_"),
    [
        ({}, True),
        ({"conditions": [{"type": "Finished", "status": "False"}]}, True),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, True),
        (FINISHED, False),
    ],
)
def test_what_is_finished_waits_for_nothing(status, open_):
    assert unfinished({"spec": {"ttlAfterFinished": "1h"}, "status": status}) is open_
