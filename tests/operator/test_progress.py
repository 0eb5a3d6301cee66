"""How far a run or a study is, from its worker by way of Redis to its status on a real API server."""

import asyncio

import pytest
from studies import Studies
from work_records import BEST

from tidewright.adapters.embedded_redis import EmbeddedRedis
from tidewright.adapters.progress_board import RedisProgress


@pytest.fixture
def redis(tmp_path):
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server.url


def tell(runs, percent, eta, details=None):
    """Have the one Job's pod run, and tell this by what it was given."""
    runs.until(lambda: runs.jobs("run"))
    (job,) = runs.jobs("run")
    environment = job["spec"]["template"]["spec"]["containers"][0]["env"]
    told = {one["name"]: one.get("value") for one in environment}
    runs.merge(
        f"/apis/batch/v1/namespaces/{runs.namespace}/jobs/{job['metadata']['name']}/status",
        {"status": {"active": 1, "ready": 1, "startTime": job["metadata"]["creationTimestamp"]}},
    )

    async def once():
        board = RedisProgress(told["TIDEWRIGHT_STREAMS"])
        await board.tell(told["TIDEWRIGHT_PROGRESS_KEY"], percent, eta, details)
        await board.close()

    asyncio.run(once())


def test_what_a_worker_tells_is_in_the_status_of_its_run(no_controllers, operator, runs, redis):
    operator(streams=redis)
    runs.create()

    tell(runs, 42.0, 60.0)

    runs.until(lambda: runs.status().get("progress", {}).get("percent") == 42, patience=60)


def test_trials_and_the_best_of_them_are_in_the_status_of_a_study_while_it_searches(
    no_controllers, operator, api, namespace, redis
):
    process = operator(streams=redis, study_secret="trials")  # noqa: S106 - the name of one
    studies = Studies(api, namespace)
    studies.create(trials=200)
    trials = {"complete": 90, "pruned": 8, "failed": 2, "running": 4}

    tell(studies, 50.0, 600.0, {"trials": trials, "best": BEST})

    studies.until(lambda: studies.status().get("best"), patience=60)
    status = studies.status()
    assert (status["trials"], status["best"]) == ({**trials, "asked": 200}, BEST)
    assert (status["progress"]["percent"], status["progress"]["stage"]) == (45, "Searching")
    assert status["progress"]["eta"] > studies.get()["metadata"]["creationTimestamp"]
    process.kill()
    process.start().wait_until_ready()
    assert studies.status()["trials"] == {**trials, "asked": 200}, "a new operator has not been told yet"
