"""One operator at a time, in virtual time."""

import asyncio

import pytest
from fake_cluster import FakeCluster
from virtual_time import run

from tidewright_operator import lease
from tidewright_operator.cluster import LEASE, Conflict, Refused, Unavailable
from tidewright_operator.lease import DEADLINE, DURATION, RENEWAL, RETRY, Leadership, LeaseLost


def of(cluster, identity):
    return Leadership(cluster, "default", identity)


def spec(cluster):
    return cluster.objects["leases", "default", lease.NAME]["spec"]


async def until(seconds):
    await asyncio.sleep(seconds - asyncio.get_running_loop().time())


def test_the_first_one_holds_the_lease_at_once():
    async def body():
        cluster = FakeCluster()
        first = of(cluster, "a")
        assert not first.held
        await first.acquire()
        assert first.held
        assert asyncio.get_running_loop().time() == 0
        assert (spec(cluster)["holderIdentity"], spec(cluster)["leaseTransitions"]) == ("a", 0)

    run(body())


def test_a_second_one_waits_as_long_as_the_lease_is_renewed(caplog):
    caplog.set_level("INFO")

    async def body():
        cluster = FakeCluster()
        first, second = of(cluster, "a"), of(cluster, "b")
        await first.acquire()
        keeping = asyncio.create_task(first.keep())
        waiting = asyncio.create_task(second.acquire())
        await until(1000)
        assert first.held
        assert not waiting.done()
        assert not second.held
        keeping.cancel()
        waiting.cancel()

    run(body())
    told = [record.message for record in caplog.records if "is held by a" in record.message]
    assert len(told) == 1, "it says so once"


def test_a_second_one_takes_over_from_one_that_has_died():
    async def body():
        cluster = FakeCluster()
        first, second = of(cluster, "a"), of(cluster, "b")
        await first.acquire()
        await second.acquire()
        assert DURATION < asyncio.get_running_loop().time() <= DURATION + RETRY
        assert (spec(cluster)["holderIdentity"], spec(cluster)["leaseTransitions"]) == ("b", 1)

    run(body())


def test_a_second_one_takes_over_soon_from_one_that_has_let_go():
    async def body():
        cluster = FakeCluster()
        first, second = of(cluster, "a"), of(cluster, "b")
        await first.acquire()
        waiting = asyncio.create_task(second.acquire())
        await until(1)
        await first.release()
        assert not first.held
        await waiting
        assert asyncio.get_running_loop().time() <= 1 + RETRY

    run(body())


def test_who_was_killed_has_its_own_lease_again_at_once():
    async def body():
        cluster = FakeCluster()
        await of(cluster, "a").acquire()
        again = of(cluster, "a")
        await again.acquire()
        assert asyncio.get_running_loop().time() == 0
        assert spec(cluster)["leaseTransitions"] == 0

    run(body())


def test_there_is_never_a_moment_at_which_two_hold_it():
    async def body():
        cluster = FakeCluster()
        first, second = of(cluster, "a"), of(cluster, "b")
        await first.acquire()
        keeping = asyncio.create_task(first.keep())
        waiting = asyncio.create_task(second.acquire())
        await until(20)
        cut_off = asyncio.current_task()
        assert cut_off is not None

        async def only_the_second_comes_through():
            if asyncio.current_task() is keeping:
                raise Unavailable("cut off")

        cluster.before = lambda method: only_the_second_comes_through()
        while not second.held:
            assert not (first.held and second.held)
            await asyncio.sleep(0.1)
        assert not first.held
        with pytest.raises(LeaseLost, match="could not be renewed"):
            await keeping
        await waiting

    run(body())


def test_an_api_server_that_never_answers_costs_the_lease_in_time():
    async def body():
        cluster = FakeCluster()
        first = of(cluster, "a")
        await first.acquire()
        cluster.before = lambda method: asyncio.Event().wait()
        with pytest.raises(LeaseLost):
            await first.keep()
        assert asyncio.get_running_loop().time() == DEADLINE < DURATION

    run(body())


def test_a_renewal_that_fails_is_tried_again_before_it_is_too_late():
    async def body():
        cluster = FakeCluster()
        first = of(cluster, "a")
        await first.acquire()
        calls = []

        def fail_once(method):
            calls.append(method)
            if len(calls) == 1:
                raise Unavailable("503")

        cluster.before = fail_once
        keeping = asyncio.create_task(first.keep())
        await until(RENEWAL + RETRY + DEADLINE - 0.5)
        assert first.held
        keeping.cancel()

    run(body())


def test_who_finds_the_lease_in_other_hands_stops():
    async def body():
        cluster = FakeCluster()
        first = of(cluster, "a")
        await first.acquire()
        cluster.put(LEASE, {"metadata": {"name": lease.NAME}, "spec": {**spec(cluster), "holderIdentity": "b"}})
        with pytest.raises(LeaseLost, match="held by b"):
            await first.keep()

    run(body())


@pytest.mark.parametrize("error", [Unavailable("503"), Conflict("409"), Refused("403")])
def test_who_cannot_ask_for_the_lease_goes_on_asking(error, caplog):
    caplog.set_level("INFO")

    async def body():
        cluster = FakeCluster()

        def fail(method):
            raise error

        cluster.before = fail
        waiting = asyncio.create_task(of(cluster, "a").acquire())
        await until(100)
        assert not waiting.done()
        cluster.before = None
        await waiting

    run(body())
    assert str(error) in caplog.text


def test_a_lease_without_content_is_there_to_be_taken():
    async def body():
        cluster = FakeCluster()
        cluster.put(LEASE, {"metadata": {"name": lease.NAME}})
        await of(cluster, "a").acquire()
        assert spec(cluster)["holderIdentity"] == "a"

    run(body())


def test_letting_go_takes_little_time_whatever_the_api_server_does():
    async def body():
        cluster = FakeCluster()
        first = of(cluster, "a")
        await first.acquire()
        cluster.before = lambda method: asyncio.Event().wait()
        await first.release()
        assert asyncio.get_running_loop().time() <= RENEWAL

    run(body())


def test_who_does_not_hold_the_lease_lets_nothing_go():
    async def body():
        cluster = FakeCluster()
        await of(cluster, "a").acquire()
        await of(cluster, "b").release()
        assert spec(cluster)["holderIdentity"] == "a"

    run(body())
