"""Who is woken by whom: runs by the strategy that they wait for, strategies by the runs that they rest on."""

import asyncio

import pytest

from tidewright_operator.clock import read
from tidewright_operator.cluster import Unavailable
from tidewright_operator.kinds.backtest_job import job_name
from tidewright_operator.names import MANAGED_BY, OWNER_KIND
from tidewright_operator.observation import Observation
from tidewright_operator.reconcile import Key
from tidewright_operator.runs import Runs, studies

STRATEGY, RUN = Key("TradingStrategy", "research", "ma-cross"), Key("BacktestRun", "research", "one")
DONE = {
    "conditions": [{"type": "Complete", "status": "True"}, {"type": "Finished", "status": "True"}],
    "completionTime": "2026-01-01T00:00:00Z",
    "provenance": {"strategyDigest": "sha256:1"},
    "tested": {
        "start": "2020-01-01",
        "end": "2021-01-01",
        "bars": 10,
        "simulated": False,
        "commission": "0.1%",
        "slippage": "0%",
    },
}


class Queue:
    """What was asked to be worked on, and after how many seconds."""

    def __init__(self):
        self.keys, self.later = [], []

    def add(self, key):
        self.keys.append(key)

    def add_after(self, key, seconds):
        self.later.append((key, seconds))

    def taken(self):
        keys, self.keys = set(self.keys), []
        return keys


class Listing:
    """A cluster in which there is what the test says."""

    def __init__(self, *things, fails=False, meanwhile=lambda: None):
        self.things, self.fails, self.meanwhile = things, fails, meanwhile

    async def list(self, kind, namespace, labels=None):
        if self.fails:
            raise Unavailable("not now")
        self.meanwhile()
        return [*self.things]


def run(status=None, version="1", name="one", **spec):
    return {
        "metadata": {"name": name, "namespace": "research", "resourceVersion": version, "uid": f"uid of {name}"},
        "spec": {"strategy": {"name": "ma-cross"}, **spec},
        "status": status or {},
    }


def job(name="one", attempt=1):
    owner = {"kind": "BacktestRun", "apiVersion": "tidewright.io/v1alpha1", "name": name}
    meta = {"namespace": "research", "resourceVersion": "5", "labels": MANAGED_BY | {OWNER_KIND: "BacktestRun"}}
    return {"metadata": {"name": job_name(run(name=name), attempt), **meta, "ownerReferences": [owner]}}


def strategy():
    return {"metadata": {"name": "ma-cross", "namespace": "research", "resourceVersion": "7"}, "spec": {}}


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture
def runs():
    return Runs()


@pytest.fixture
def observation(queue, runs):
    return Observation(queue, runs, now=lambda: read("2026-01-01T01:00:00Z"))


@pytest.mark.parametrize("happened", ["ADDED", "MODIFIED", "DELETED"])
def test_what_happens_to_a_strategy_wakes_the_runs_that_wait_for_it(observation, queue, happened):
    observation.see("BacktestRun", None, run())
    queue.taken()

    observation.see("TradingStrategy", happened, strategy())

    assert queue.taken() == {STRATEGY, RUN}


def test_a_run_that_has_begun_is_not_woken_by_its_strategy(observation, queue):
    observation.see("BacktestRun", None, run({"attempts": 1}))
    queue.taken()

    observation.see("TradingStrategy", "MODIFIED", strategy())

    assert queue.taken() == {STRATEGY}


def test_a_run_wakes_its_strategy_when_it_completes_and_when_it_goes(observation, queue):
    observation.see("BacktestRun", "ADDED", run())
    assert queue.taken() == {RUN}

    observation.see("BacktestRun", "MODIFIED", run(DONE, "2"))
    assert queue.taken() == {STRATEGY}

    observation.see("BacktestRun", "MODIFIED", run(DONE, "3"))
    assert queue.taken() == set()

    observation.see("BacktestRun", "DELETED", run(DONE, "4"))
    assert queue.taken() == {RUN, STRATEGY}


def test_runs_are_known_once_they_have_been_listed(observation, queue, runs):
    assert not runs.complete

    asyncio.run(observation.learn_runs(Listing(run(DONE)), ()))

    assert runs.complete
    assert [one.name for one in runs.tested("research")] == ["one"]
    assert queue.taken() == {STRATEGY}


def test_a_list_that_fails_leaves_them_unknown_until_the_next_one(observation, runs):
    asyncio.run(observation.learn_runs(Listing(fails=True), ()))
    assert not runs.complete

    asyncio.run(observation.relist(Listing(run(DONE)), {"BacktestRun": None}, {}, ()))
    assert runs.complete


def test_an_event_is_newer_than_a_list_that_was_under_way(observation, runs):
    def completes():
        observation.see("BacktestRun", "MODIFIED", run(DONE, "2"))

    asyncio.run(observation.learn_runs(Listing(run(), meanwhile=completes), ()))

    assert len(runs.tested("research")) == 1


def test_what_no_event_told_of_a_run_the_next_list_does(observation, queue, runs):
    observation.see("BacktestRun", None, run())
    queue.taken()

    asyncio.run(observation.relist(Listing(run(DONE, "2")), {"BacktestRun": None}, {}, ()))

    assert len(runs.tested("research")) == 1
    assert queue.taken() == {STRATEGY}


def test_a_run_that_went_unseen_is_forgotten_by_the_next_list(observation, queue, runs):
    observation.see("BacktestRun", None, run(DONE))
    queue.taken()

    asyncio.run(observation.relist(Listing(), {"BacktestRun": None}, {}, ()))

    assert runs.tested("research") == []
    assert STRATEGY in queue.taken()


def test_a_run_that_goes_while_it_is_listed_is_forgotten_by_the_next_list(observation, runs):
    observation.see("BacktestRun", None, run(DONE))

    def goes():
        observation.see("BacktestRun", "DELETED", run(DONE))

    asyncio.run(observation.learn_runs(Listing(run(DONE), meanwhile=goes), ()))
    asyncio.run(observation.relist(Listing(), {"BacktestRun": None}, {}, ()))

    assert runs.tested("research") == []


BEGUN = DONE | {"attempts": 1}
TOLD = {"run": lambda seen, **spec: seen.see("BacktestRun", None, run(BEGUN, **spec)), "job": lambda seen, **_: seen.see_child("Job", None, job())}  # fmt: skip
in_either_order = pytest.mark.parametrize("order", [("run", "job"), ("job", "run")], ids=["run first", "job first"])


@in_either_order
@pytest.mark.parametrize(("spec", "later"), [({}, []), ({"ttlAfterFinished": "90m"}, [(RUN, 1800.0)])])
def test_a_finished_run_is_left_alone_as_long_as_its_job_is_to_be_kept(observation, queue, runs, order, spec, later):
    asyncio.run(observation.learn_runs(Listing(run(BEGUN, **spec)), ()))
    queue.taken()

    for told in order:
        TOLD[told](observation, **spec)

    assert queue.taken() == set()
    assert set(queue.later) == set(later)


@in_either_order
def test_a_finished_run_is_worked_on_when_the_time_of_its_job_has_come(observation, queue, order):
    for told in order:
        TOLD[told](observation, ttlAfterFinished="1h")

    assert RUN in queue.taken()


def test_a_finished_run_whose_job_is_gone_is_left_alone(observation, queue):
    observation.see("BacktestRun", None, run(BEGUN, ttlAfterFinished="1h"))

    assert RUN not in queue.taken()
    assert queue.later == []


def test_a_job_whose_time_has_come_is_not_forgotten_where_only_a_list_tells_of_it(observation, queue):
    observation.see("BacktestRun", None, run(BEGUN, ttlAfterFinished="1h"))
    queue.taken()

    asyncio.run(observation.relist(Listing(job()), {}, {"Job": None}, ()))

    assert queue.taken() == {RUN}


def test_the_time_of_a_job_may_be_changed(observation, queue):
    for told in ("run", "job"):
        TOLD[told](observation, ttlAfterFinished="90m")
    queue.taken()

    observation.see("BacktestRun", "MODIFIED", run(BEGUN, "2", ttlAfterFinished="0s"))

    assert queue.taken() == {RUN}


@pytest.mark.parametrize(
    "status",
    [{}, {"attempts": 1}, BEGUN | {"conditions": [*DONE["conditions"], {"type": "Degraded", "status": "True"}]}],
    ids=["new", "begun", "degraded"],
)
def test_any_other_run_is_looked_at_whenever_something_happens_to_it_or_its_job(observation, queue, status):
    observation.see("BacktestRun", None, run(status))
    assert RUN in queue.taken()

    observation.see_child("Job", None, job())
    assert RUN in queue.taken()


STUDY = Key("OptimizationStudy", "research", "one")
CONCLUDED = DONE | {"tested": DONE["tested"] | {"strategyDigest": "sha256:" + 64 * "5"}}


def test_studies_wake_their_strategy_and_wait_for_it_as_runs_do(queue):
    known = studies()
    observation = Observation(queue, None, known)
    observation.see("OptimizationStudy", "ADDED", run())
    assert queue.taken() == {STUDY}

    observation.see("TradingStrategy", "MODIFIED", strategy())
    assert queue.taken() == {STRATEGY, STUDY}
    observation.see("OptimizationStudy", "MODIFIED", run(CONCLUDED, "2"))
    assert queue.taken() == {STRATEGY, STUDY}
    assert [one.name for one in known.tested("research")] == ["one"]
    observation.see("OptimizationStudy", "DELETED", run(CONCLUDED, "3"))
    assert queue.taken() == {STRATEGY, STUDY}


def test_studies_are_known_once_they_have_been_listed(queue, runs):
    known = studies()
    observation = Observation(queue, runs, known)

    asyncio.run(observation.relist(Listing(run(CONCLUDED)), {"OptimizationStudy": None}, {}, ()))

    assert (known.complete, runs.complete) == (True, False)
    asyncio.run(observation.relist(Listing(), {"OptimizationStudy": None}, {}, ()))
    assert known.tested("research") == []
