"""Whatever goes wrong on the way: every run comes to the state that it comes to without, and nothing of it runs twice.

The operator is started again whenever it ends, as its kubelet would do it.
"""

import time
from collections import Counter
from itertools import count

import pytest
from faults import delay, killed_after, killed_before, lost_answer, reset, stall, status
from pod_life import Ending
from work_records import complete

NAMED = {"strategy": {"name": "ma-cross"}}
TIMES = {"startTime", "completionTime"}


class World:
    """A namespace with a proxy, an operator that is kept running, and a kubelet that counts the pods of every run."""

    def __init__(self, proxy, process, runs, kubelet):
        self.proxy, self.process, self.runs = proxy, process, runs
        self.pods = Counter()
        self._names = (f"run-{number}" for number in count())
        kubelet(self._script)

    def _script(self, pod):
        self.pods[pod["metadata"]["labels"]["tidewright.io/owner-name"]] += 1
        return Ending(0, complete())

    def begin(self, **spec):
        name = next(self._names)
        self.runs.create(name, **spec)
        return name

    def end(self, name, patience=240):
        """What came of the run, its times apart."""
        status = self.runs.finished(name, patience)
        self.proxy.forgive()
        if "ttlAfterFinished" in self.runs.get(name)["spec"]:
            self.runs.until(lambda: not self.runs.jobs(name), name, patience)
        conditions = [{**one, "lastTransitionTime": ""} for one in status["conditions"]]
        timeless = {part: value for part, value in status.items() if part not in TIMES}
        return {**timeless, "conditions": conditions}, self.pods[name], len(self.runs.jobs(name))

    def writes(self):
        """What has been written until now, as verb, resource and subresource; the lease and events are no part of a reconciliation's state."""
        return [
            (call.verb, call.resource, call.subresource)
            for call in self.proxy.calls
            if call.writes and call.resource not in {"leases", "events"}
        ]


@pytest.fixture
def world(proxy, operator, runs, kubelet):
    process = operator(proxy, resync_seconds=2)
    with process.kept_running():
        yield World(proxy, process, runs, kubelet)


def life(world, **spec):
    """One life without any fault: what comes of it, and what is written on the way, in order."""
    before = len(world.writes())
    ended = world.end(world.begin(**spec))
    return ended, world.writes()[before:]


def kill_around_writes(world, spec, chosen):
    expected, writes = life(world, **spec)
    assert expected[1:] == (1, 0 if "ttlAfterFinished" in spec else 1)
    seen = Counter()
    for write in writes:
        skip, seen[write] = seen[write], seen[write] + 1
        for fault in (killed_before, killed_after):
            if not chosen(write):
                continue
            verb, resource, subresource = write
            world.proxy.fail(
                fault(world.process.kill), skip=skip, verb=verb, resource=resource, subresource=subresource
            )
            assert world.end(world.begin(**spec)) == expected, (write, skip, fault.__name__)
    return len(writes)


def test_an_operator_that_is_killed_around_the_creation_of_the_job_makes_one_job(world):
    kill_around_writes(world, {}, lambda write: write == ("create", "jobs", ""))

    assert world.process.restarts == 2


@pytest.mark.soak
def test_an_operator_may_be_killed_around_every_write(world):
    writes = kill_around_writes(world, {"ttlAfterFinished": "0s"}, lambda write: True)

    assert writes >= 5
    assert world.process.restarts >= 2 * writes - 2, "a step may be missed in a short life"


@pytest.mark.soak
def test_an_operator_may_be_killed_around_every_write_of_a_run_that_names_its_strategy(world):
    world.runs.create_strategy("ma-cross")

    kill_around_writes(world, NAMED, lambda write: True)


@pytest.mark.soak
@pytest.mark.parametrize("answer", [reset, lost_answer, status(503), status(409), status(429, 1)])
def test_every_write_may_fail_once(world, answer):
    expected, writes = life(world, ttlAfterFinished="0s")
    seen = Counter()
    for verb, resource, subresource in writes:
        skip, seen[verb, resource] = seen[verb, resource], seen[verb, resource] + 1
        world.proxy.fail(answer, skip=skip, verb=verb, resource=resource, subresource=subresource)

        assert world.end(world.begin(ttlAfterFinished="0s")) == expected, (verb, resource, skip)
    assert world.process.restarts == 0


@pytest.mark.parametrize(("kind", "resource"), [("ADDED", "backtestruns"), ("MODIFIED", "jobs")])
def test_an_event_may_be_lost(world, kind, resource):
    expected, _ = life(world)
    world.proxy.lose_event(kind, resource=resource)

    assert world.end(world.begin()) == expected


@pytest.mark.soak
@pytest.mark.parametrize("resource", ["backtestruns", "jobs"])
@pytest.mark.parametrize(("kind", "how_many"), [("ADDED", 1), ("MODIFIED", 6), ("DELETED", 1)])
def test_every_event_may_be_lost(world, resource, kind, how_many):
    expected, _ = life(world, ttlAfterFinished="0s")
    for skip in range(how_many):
        world.proxy.lose_event(kind, skip=skip, resource=resource)

        assert world.end(world.begin(ttlAfterFinished="0s")) == expected, (resource, kind, skip)


OUTAGES = {
    "503": status(503),
    "429": status(429, retry_after=2),
    "time-outs": stall,
    "resets": reset,
    "lost answers": lost_answer,
    "slow answers": delay(2),
}


@pytest.mark.parametrize("fault", OUTAGES.values(), ids=OUTAGES)
@pytest.mark.parametrize("seconds", [3, pytest.param(90, marks=pytest.mark.soak)])
def test_an_api_server_that_does_not_serve_for_a_time(world, fault, seconds):
    expected, _ = life(world)
    running = world.begin()
    with world.proxy.failing(fault):
        during = world.begin()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.1)

    assert world.end(running) == expected
    assert world.end(during) == expected
    assert world.end(world.begin()) == expected


@pytest.mark.parametrize("restart", ["restart_apiserver", "restart_etcd"])
def test_the_control_plane_may_be_restarted(world, control_plane, restart):
    expected, _ = life(world)
    running = world.begin()

    getattr(control_plane, restart)()
    after = world.begin()

    assert world.end(running) == expected
    assert world.end(after) == expected


@pytest.mark.soak
def test_many_runs_and_an_operator_that_is_killed_all_the_time(world):
    expected, _ = life(world)
    names = [world.begin() for _ in range(50)]
    for _ in range(10):
        world.process.wait_until_ready()
        world.process.kill()

    for name in names:
        assert world.end(name) == expected
