"""How far a run is, from its worker by way of Redis to its status on a real API server."""

import asyncio

import pytest

from tidewright.adapters.embedded_redis import EmbeddedRedis
from tidewright.adapters.progress_board import RedisProgress


@pytest.fixture
def redis(tmp_path):
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server.url


def test_what_a_worker_tells_is_in_the_status_of_its_run(no_controllers, operator, runs, redis):
    operator(streams=redis)
    runs.create()
    runs.until(lambda: runs.jobs("run"))
    (job,) = runs.jobs("run")
    environment = job["spec"]["template"]["spec"]["containers"][0]["env"]
    told = {one["name"]: one.get("value") for one in environment}
    runs.merge(
        f"/apis/batch/v1/namespaces/{runs.namespace}/jobs/{job['metadata']['name']}/status",
        {"status": {"active": 1, "ready": 1, "startTime": job["metadata"]["creationTimestamp"]}},
    )

    async def tell():
        board = RedisProgress(told["TIDEWRIGHT_STREAMS"])
        await board.tell(told["TIDEWRIGHT_PROGRESS_KEY"], 42.0, 60.0)
        await board.close()

    asyncio.run(tell())

    runs.until(lambda: runs.status().get("progress", {}).get("percent") == 42, patience=60)
