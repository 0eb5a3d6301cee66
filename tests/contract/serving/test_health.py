"""Alive, ready and not ready, in both protocols."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

pytestmark = pytest.mark.anyio

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
SIGNALS = health_pb2.HealthCheckRequest(service="tidewright.v1.SignalService")


async def test_a_service_is_ready_until_it_has_a_problem_and_again_after(hosted):
    async with hosted() as host:
        watch = health_pb2_grpc.HealthStub(host.channel).Watch(SIGNALS)
        assert (await watch.read()).status == SERVING
        assert (await host.rest.get("/readyz")).json() == {"ready": True, "reason": ""}

        host.toy.trouble = "no bars since yesterday; start the collector"
        answer = await host.rest.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"ready": False, "reason": host.toy.trouble})
        assert (await watch.read()).status == NOT_SERVING
        assert (await host.rest.get("/healthz")).status_code == 200
        assert "tidewright_ready 0.0" in host.metrics.text().decode()

        host.toy.trouble = ""
        assert (await watch.read()).status == SERVING
        assert (await host.rest.get("/health")).status_code == 200


async def test_a_service_that_stops_says_so_before_it_goes(hosted):
    async with hosted(drain=0.5) as host:
        watch = health_pb2_grpc.HealthStub(host.channel).Watch(SIGNALS)
        assert (await watch.read()).status == SERVING

        async def seen():
            assert (await watch.read()).status == NOT_SERVING
            readiness = await host.rest.get("/readyz")
            request = await host.rest.get("/word?word=still+here")
            return readiness, request

        seeing = asyncio.create_task(seen())
        stopping = asyncio.create_task(host.stop())
        readiness, request = await seeing
        await stopping
    assert (readiness.status_code, readiness.json()["reason"]) == (503, "the service is stopping")
    assert request.json() == {"word": "still here"}


async def test_a_service_that_nobody_knows_is_not_found(hosted):
    async with hosted() as host:
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await health_pb2_grpc.HealthStub(host.channel).Check(health_pb2.HealthCheckRequest(service="x"))
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
