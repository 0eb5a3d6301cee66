"""A graceful stop finishes what was admitted, and nothing else."""

import asyncio

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tidewright.v1.signal_service_pb2 import GetSignalRequest, StreamSignalsRequest

pytestmark = pytest.mark.anyio


async def test_open_requests_are_answered(hosted):
    async with hosted() as host:
        rest = asyncio.create_task(host.rest.get("/word?word=wait"))
        rpc = host.rpc.GetSignal(GetSignalRequest(symbol="wait"))
        await _active(host, 2)
        stopping = asyncio.create_task(host.stop())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _asked_until_refused(host)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not stopping.done()
        host.toy.go.set()
        assert (await rest).json() == {"word": "wait"}
        assert (await rpc).signal.market.symbol == "wait"
        await stopping


async def test_an_open_stream_gets_its_last_word(hosted):
    async with hosted() as host:
        stream = host.rpc.StreamSignals(StreamSignalsRequest(symbols=["a"]))
        await stream.read()
        await host.stop()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.read()
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert ended.value.details() == "the toy is put away; open the stream again"


async def test_who_watches_the_health_does_not_hold_it_up(hosted):
    async with hosted(grace=60.0) as host:
        watch = health_pb2_grpc.HealthStub(host.channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        async with asyncio.timeout(10):
            await host.stop()


async def test_what_does_not_end_is_cancelled_when_its_time_is_over(hosted):
    async with hosted(grace=0.2) as host:
        rest = asyncio.create_task(host.rest.get("/word?word=wait"))
        rpc = host.rpc.GetSignal(GetSignalRequest(symbol="wait"))
        await _active(host, 2)
        async with asyncio.timeout(10):
            await host.stop()
        with pytest.raises(grpc.aio.AioRpcError):
            await rpc
        with pytest.raises(httpx.HTTPError):
            (await rest).raise_for_status()


async def _active(host, count):
    while f"tidewright_requests_active {count}.0" not in host.metrics.text().decode():
        await asyncio.sleep(0.005)


async def _asked_until_refused(host):
    while True:
        await host.rpc.GetSignal(GetSignalRequest(symbol="x"))
