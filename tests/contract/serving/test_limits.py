"""Nothing is taken on that could not be finished: size, number, time."""

import asyncio

import grpc
import httpx
import pytest

from tidewright.v1.signal_service_pb2 import GetSignalRequest, StreamSignalsRequest

pytestmark = pytest.mark.anyio

WAIT = GetSignalRequest(symbol="wait")


async def test_ten_megabytes_are_refused_by_what_they_say_they_are(hosted):
    async with hosted() as host:
        answer = await host.rest.post("/body", content=b"x" * 10_000_000)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "the body is larger than 4,194,304 bytes; send less at a time"


async def test_ten_megabytes_are_refused_when_they_come_unannounced(hosted):
    async def endless():
        for _ in range(10):
            yield b"x" * 1_000_000

    async with hosted() as host:
        answer = await host.rest.post("/body", content=endless())
    assert answer.status_code == 413


async def test_what_fits_arrives_whole(hosted):
    async with hosted() as host:
        assert (await host.rest.post("/body", content=b"x" * (4 << 20))).json() == {"size": 4 << 20}


async def test_ten_megabytes_are_refused_by_grpc(hosted):
    async with hosted() as host:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await host.rpc.GetSignal(GetSignalRequest(symbol="x" * 10_000_000))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_requests_beyond_the_queue_are_refused_in_both_protocols(hosted):
    async with hosted(concurrency=1, queue=1) as host:
        working = asyncio.create_task(host.rest.get("/word?word=wait"))
        await host.toy.asked.wait()
        waiting = host.rpc.GetSignal(WAIT)
        await _until(lambda: "tidewright_requests_waiting 1.0" in host.metrics.text().decode())
        answer = await host.rest.get("/word?word=x")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await host.rpc.GetSignal(GetSignalRequest(symbol="x"))
        host.toy.go.set()
        assert (await working).status_code == 200
        assert (await waiting).signal.market.symbol == "wait"
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "RESOURCE_EXHAUSTED"
    assert "1 requests are in progress and 1 wait; try again later" in answer.json()["detail"]
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_thousands_of_calls_at_once_are_each_answered_by_the_limits(hosted):
    async def ask(host):
        try:
            await host.rpc.GetSignal(GetSignalRequest(symbol="x"))
        except grpc.aio.AioRpcError as refused:
            return refused.code()
        return grpc.StatusCode.OK

    async with hosted(concurrency=1, queue=1) as host:
        codes = await asyncio.gather(*(ask(host) for _ in range(3_500)))
    assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}


async def test_probes_are_answered_however_much_is_asked(hosted):
    async with hosted(concurrency=1, queue=0) as host:
        working = asyncio.create_task(host.rest.get("/word?word=wait"))
        await host.toy.asked.wait()
        for probe in ("/health", "/healthz", "/readyz", "/metrics"):
            assert (await host.rest.get(probe)).status_code == 200
        host.toy.go.set()
        await working


async def test_streams_have_places_of_their_own(hosted):
    async with hosted(concurrency=1, queue=0, open_streams=1) as host:
        stream = host.rpc.StreamSignals(StreamSignalsRequest(symbols=["a"]))
        await stream.read()
        assert (await host.rest.get("/word?word=x")).status_code == 200
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await host.rpc.StreamSignals(StreamSignalsRequest(symbols=["b"])).read()
        stream.cancel()
        await _until(lambda: "tidewright_streams_open 0.0" in host.metrics.text().decode())
        again = await host.rpc.StreamSignals(StreamSignalsRequest(symbols=["b"])).read()
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert again.signals[0].market.symbol == "b"


async def test_what_takes_too_long_is_given_up(hosted):
    async with hosted(request_timeout=0.1) as host:
        answer = await host.rest.get("/word?word=wait")
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await host.rpc.GetSignal(WAIT)
        assert "tidewright_requests_active 0.0" in host.metrics.text().decode()
    assert (answer.status_code, answer.json()["detail"]) == (504, "not done within 0.1 s; ask for less, or later")
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_clients_own_deadline_frees_the_place(hosted):
    async with hosted(concurrency=1, queue=0) as host:
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await host.rpc.GetSignal(WAIT, timeout=0.1)
        await _until(lambda: "tidewright_requests_active 0.0" in host.metrics.text().decode())
        assert (await host.rpc.GetSignal(GetSignalRequest(symbol="x"))).signal.market.symbol == "x"
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_client_that_hangs_up_while_it_sends_frees_the_place(hosted):
    async def torn():
        yield b"x"
        raise ConnectionError

    async with hosted(concurrency=1, queue=0) as host:
        with pytest.raises(ConnectionError):
            await host.rest.post("/body", content=torn())
        await _until(lambda: "tidewright_requests_active 0.0" in host.metrics.text().decode())
        assert (await host.rest.get("/word?word=x")).status_code == httpx.codes.OK


async def _until(holds):
    while not holds():
        await asyncio.sleep(0.005)
