"""A study that goes with its trials: what is in the way, and for how long."""

import pytest

from tidewright_operator.clock import read
from tidewright_operator.cluster import JOB, POD, Conflict, Invalid, Terminating, Unavailable
from tidewright_operator.kinds.optimization_study import reconcile
from tidewright_operator.kinds.study_jobs import FORGETTING, LONGEST_FORGETTING, SEARCH, forgetting_name
from tidewright_operator.names import COMPONENT, TRIALS
from tidewright_operator.reconcile import Outcome, Site
from tidewright_operator.settings import Settings

pytestmark = pytest.mark.anyio
DELETED, SOON, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "2026-01-01T00:10:00Z"
OTHERS = "desk.example/audit"


@pytest.fixture
def anyio_backend():
    return "asyncio"


class World:
    """A study that is going, in a cluster with these Jobs and pods; `told` are the events."""

    def __init__(self, *, jobs=(), pods=(), refuses=None, finalizers=(OTHERS, TRIALS), now=SOON, secret="trials"):  # noqa: S107
        meta = {"name": "run", "namespace": "research", "uid": "1234", "resourceVersion": "5"}
        self.study = {
            "apiVersion": "tidewright.io/v1alpha1",
            "kind": "OptimizationStudy",
            "metadata": {**meta, "deletionTimestamp": DELETED, "finalizers": [*finalizers]},
            "spec": {"strategy": {"name": "ma-cross"}, "deletionPolicy": "Delete"},
        }
        self.jobs = {job["metadata"]["name"]: job for job in jobs}
        self.pods, self.refuses, self.told, self.changed = list(pods), refuses, [], []
        self.site = Site(self, Settings(study_secret=secret), lambda: read(now), self.tell)

    async def once(self):
        return await reconcile(self.site, "research", "run")

    async def tell(self, thing, reason, message, *, warning=False):
        self.told.append((reason, message, warning))

    async def get(self, kind, namespace, name):
        return self.jobs.get(name) if kind is JOB else self.study

    async def list(self, kind, namespace, labels=None):
        assert labels["tidewright.io/owner-uid"] == "1234"
        return {JOB: [*self.jobs.values()], POD: self.pods}[kind]

    async def delete(self, kind, namespace, name):
        del self.jobs[name]

    async def create_once(self, kind, thing):
        if self.refuses:
            raise self.refuses
        self.jobs[thing["metadata"]["name"]] = thing
        return thing

    async def merge(self, kind, namespace, name, change):
        assert change["metadata"]["resourceVersion"] == "5", "another writer's finalizers would be lost"
        self.changed.append(change["metadata"]["finalizers"])


def job(component, name="search", **status):
    return {"metadata": {"name": name, "labels": {COMPONENT: component}}, "spec": {}, "status": status}


def forgetting(**status):
    study = {"metadata": {"name": "run", "uid": "1234"}}
    return job(FORGETTING, forgetting_name(study), **status)


def over(kind):
    return {"conditions": [{"type": kind, "status": "True"}]}


async def test_those_who_work_are_ended_before_their_trials_are_removed():
    world = World(jobs=[job(SEARCH)], pods=[{"status": {"phase": "Running"}}])

    assert (await world.once()).after == 2.0
    assert world.jobs == {}
    world.pods = [{"status": {"phase": "Failed"}}]
    assert (await world.once()).after == 2.0

    assert [*world.jobs] == [forgetting_name(world.study)]
    assert world.changed == []


async def test_it_goes_once_its_trials_are_gone_and_others_may_hold_it_still():
    world = World(jobs=[forgetting(**over("Complete"))])

    assert await world.once() == Outcome()
    assert (world.changed, world.told) == ([[OTHERS]], [])


@pytest.mark.parametrize(
    ("world", "why"),
    [
        (lambda: World(jobs=[forgetting(**over("Failed"))]), "has failed"),
        (lambda: World(jobs=[forgetting()], now=LATE), "its time is over"),
        (lambda: World(pods=[{"status": {"phase": "Unknown"}}], now=LATE), "its time is over"),
        (lambda: World(secret=""), "no longer knows where they are"),
        (lambda: World(refuses=Terminating("namespace research is being terminated")), "is being terminated"),
        (lambda: World(refuses=Invalid("no such runtime class")), "no such runtime class"),
    ],
    ids=["failed", "too late", "a node that is gone", "no store any more", "the namespace goes", "no such Job"],
)
async def test_trials_that_stay_are_told_of_with_the_remedy_and_the_study_goes(world, why):
    world = world()

    assert await world.once() == Outcome()

    ((reason, message, warning),) = world.told
    assert (reason, warning) == ("TrialsLeft", True)
    assert why in message
    assert "forget --study research/run" in message
    assert world.changed == [[OTHERS]]


async def test_what_may_pass_is_waited_for():
    world = World(refuses=Unavailable("not now"))

    with pytest.raises(Unavailable):
        await world.once()
    assert world.changed == []


async def test_a_study_that_the_operator_does_not_hold_is_left_alone():
    world = World(finalizers=[OTHERS], jobs=[job(SEARCH)])

    assert await world.once() == Outcome()
    assert (len(world.jobs), world.changed) == (1, [])


async def test_the_wait_ends_when_the_time_does():
    world = World(jobs=[forgetting()], now="2026-01-01T00:09:59Z")
    assert LONGEST_FORGETTING == 600

    assert (await world.once()).after == 1.0


async def test_another_writer_is_not_written_over():
    world = World(jobs=[forgetting(**over("Complete"))])

    async def conflict(*_):
        raise Conflict("the object has been modified")

    world.merge = conflict
    with pytest.raises(Conflict):
        await world.once()
