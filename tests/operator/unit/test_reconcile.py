"""What a controller makes of the outcomes and failures of reconciliations, in virtual time."""

import asyncio
import logging

import pytest
from prometheus_client import REGISTRY
from virtual_time import run

from tidewright_operator.cluster import Conflict, Refused, Unavailable
from tidewright_operator.reconcile import NOT_NOW, Controller, Key, Outcome
from tidewright_operator.work_queue import FIRST_DELAY, LONGEST_DELAY, WorkQueue

KEY = Key("BacktestRun", "research", "ma-cross")


class World:
    """A controller whose only kind answers from a list; the last answer is repeated. `at` is when it was asked."""

    def __init__(self, *answers):
        self.answers, self.at, self.degraded, self.leads = list(answers), [], [], True

    async def reconcile(self, site, namespace, name):
        assert (namespace, name) == KEY[1:]
        self.at.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def degrade(self, site, key, message):
        self.degraded.append(message)

    def run(self, seconds, *keys, workers=2, degrade=None):
        async def main():
            loop = asyncio.get_running_loop()
            queue = WorkQueue(loop.time)
            kinds = {"BacktestRun": self.reconcile}
            controller = Controller(None, kinds, degrade or self.degrade, queue, lambda: self.leads)
            working = asyncio.create_task(controller.run(workers))
            for key in keys or (KEY,):
                queue.add(key)
            await asyncio.sleep(seconds)
            assert not working.done(), "no failure of a resource ends the work"
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

        run(main())


def test_a_key_that_wants_nothing_is_left_alone():
    world = World(Outcome())
    world.run(1000)
    assert world.at == [0]


def test_a_key_that_wants_to_be_asked_again_is():
    world = World(Outcome(again=True), Outcome(after=30), Outcome())
    world.run(1000)
    assert world.at == [0, 0, 30]


@pytest.mark.parametrize("error", [Unavailable("503"), Conflict("409")])
def test_what_may_succeed_another_time_is_tried_again_and_no_degradation(error):
    world = World(error, error, Outcome())
    world.run(1000)
    assert world.at == [0, FIRST_DELAY, 3 * FIRST_DELAY]
    assert world.degraded == []


def test_an_api_server_that_asks_for_time_gets_it():
    world = World(Unavailable("429", after=20), Outcome())
    world.run(1000)
    assert world.at == [0, 20]


@pytest.mark.parametrize("error", [Refused("may not"), KeyError("spec"), ValueError("bug")])
def test_what_fails_is_told_and_tried_again_ever_more_rarely(error, caplog):
    caplog.set_level(logging.CRITICAL)
    world = World(error)
    world.run(3600)
    pauses = [after - before for before, after in zip(world.at, world.at[1:], strict=False)]
    assert pauses[0] == FIRST_DELAY
    assert pauses[-1] == LONGEST_DELAY
    assert len(world.at) < 25
    assert world.degraded[0] == f"{type(error).__name__}: {error}"


def test_one_that_fails_and_cannot_even_be_told_so_does_not_hold_up_the_others(caplog):
    caplog.set_level(logging.CRITICAL)

    async def fail(site, key, message):
        raise KeyError("no such kind")

    world = World(Outcome())
    world.run(10, Key("NoSuchKind", "research", "x"), Key("NoSuchKind", "research", "y"), KEY, degrade=fail)
    assert world.at == [0]


def test_a_success_forgets_the_failures_before_it(caplog):
    caplog.set_level(logging.CRITICAL)
    world = World(Refused("no"), Refused("no"), Outcome(after=100), Refused("no"), Outcome())
    world.run(1000)
    assert world.at[-1] - world.at[-2] == FIRST_DELAY


def test_without_the_lease_nothing_is_done_and_nothing_is_forgotten():
    world = World(Outcome())
    world.leads = False

    async def lead_again(site, key, message):
        raise AssertionError

    async def later():
        await asyncio.sleep(5.5 * NOT_NOW)
        world.leads = True

    async def main():
        queue = WorkQueue(asyncio.get_running_loop().time)
        controller = Controller(None, {"BacktestRun": world.reconcile}, lead_again, queue, lambda: world.leads)
        working = asyncio.create_task(controller.run(1))
        queue.add(KEY)
        await later()
        await asyncio.sleep(1000)
        working.cancel()

    run(main())
    assert world.at == [6 * NOT_NOW]


def test_no_key_is_worked_on_twice_at_once():
    at_once, most = 0, 0

    async def slow(site, namespace, name):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(1)
        at_once -= 1
        return Outcome(after=0.125)

    async def main():
        queue = WorkQueue(asyncio.get_running_loop().time)
        working = asyncio.create_task(Controller(None, {"BacktestRun": slow}, None, queue).run(8))
        for _ in range(50):
            queue.add(KEY)
            await asyncio.sleep(0.25)
        working.cancel()

    run(main())
    assert most == 1


def sample(metric, **labels):
    return next(
        (s.value for m in REGISTRY.collect() for s in m.samples if s.name == metric and s.labels == labels), 0.0
    )


def test_metrics_have_the_names_that_every_controller_has(caplog):
    caplog.set_level(logging.CRITICAL)
    counted = {
        result: sample("controller_runtime_reconcile_total", controller="BacktestRun", result=result)
        for result in ("success", "error", "requeue")
    }
    errors = sample("controller_runtime_reconcile_errors_total", controller="BacktestRun")
    retries = sample("workqueue_retries_total", name="operator")

    World(Unavailable("503"), Refused("no"), Outcome()).run(10)

    for result, before in counted.items():
        name = "controller_runtime_reconcile_total"
        assert sample(name, controller="BacktestRun", result=result) == before + 1
    assert sample("controller_runtime_reconcile_errors_total", controller="BacktestRun") == errors + 1
    assert sample("workqueue_retries_total", name="operator") == retries + 2
    assert sample("controller_runtime_reconcile_time_seconds_count", controller="BacktestRun") >= 3
    assert sample("workqueue_depth", name="operator") == 0
