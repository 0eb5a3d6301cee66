"""What a host answers in both protocols: results, refusals, and what nobody foresaw."""

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tidewright.v1.signal_service_pb2 import GetSignalRequest, StreamSignalsRequest

pytestmark = pytest.mark.anyio


async def test_both_protocols_answer(hosted):
    async with hosted() as host:
        assert (await host.rest.get("/word", params={"word": "hello"})).json() == {"word": "hello"}
        assert (await host.rpc.GetSignal(GetSignalRequest(symbol="hello"))).signal.market.symbol == "hello"


async def test_a_stream_answers_bit_by_bit(hosted):
    async with hosted() as host:
        stream = host.rpc.StreamSignals(StreamSignalsRequest(symbols=["a", "b"]))
        assert [(await stream.read()).signals[0].market.symbol for _ in range(2)] == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "status", "code", "told"),
    [
        ("/word?word=refuse", 409, "FAILED_PRECONDITION", "word: 'refuse' is refused; say another"),
        ("/word?word=much+too+long", 400, "INVALID_ARGUMENT", "word: 'much too long': String should have at most 10"),
        ("/word", 400, "INVALID_ARGUMENT", "word: 'None': Field required"),
        ("/nowhere", 404, "NOT_FOUND", "Not Found; GET /openapi.json lists what there is"),
        ("/body", 405, "UNIMPLEMENTED", "Method Not Allowed"),
    ],
)
async def test_a_refusal_is_a_problem_document(hosted, path, status, code, told):
    async with hosted() as host:
        answer = await host.rest.get(path, headers={"x-request-id": "mine"})
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert told in problem["detail"]
    assert problem["instance"] == path.partition("?")[0]
    assert problem["requestId"] == answer.headers["x-request-id"] == "mine"


async def test_a_refusal_is_a_status(hosted):
    async with hosted() as host:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await host.rpc.GetSignal(GetSignalRequest(symbol="refuse"), metadata=(("x-request-id", "mine"),))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.details() == "word: 'refuse' is refused; say another"
    assert ("x-request-id", "mine") in tuple(refused.value.trailing_metadata())


async def test_what_nobody_foresaw_tells_the_caller_nothing_but_where_to_look(hosted):
    async with hosted() as host:
        answer = await host.rest.get("/word?word=fail", headers={"x-request-id": "mine"})
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await host.rpc.GetSignal(GetSignalRequest(symbol="fail"), metadata=(("x-request-id", "mine"),))
        with pytest.raises(grpc.aio.AioRpcError) as failed_stream:
            await host.rpc.StreamSignals(StreamSignalsRequest(symbols=["fail"])).read()
    assert answer.status_code == 500
    assert answer.json()["detail"] == "the service's log says why, at request id mine"
    assert failed.value.code() is failed_stream.value.code() is grpc.StatusCode.INTERNAL
    assert failed.value.details() == "the service's log says why, at request id mine"


async def test_an_id_that_could_not_stand_in_a_log_is_replaced(hosted):
    async with hosted() as host:
        answer = await host.rest.get("/word?word=x", headers={"x-request-id": "a b"})
    assert len(answer.headers["x-request-id"]) == 16


async def test_reflection_names_the_services(hosted):
    async with hosted() as host:
        stub = reflection_pb2_grpc.ServerReflectionStub(host.channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        async for answer in stub.ServerReflectionInfo(iter([asked])):
            names = {service.name for service in answer.list_services_response.service}
    assert {"tidewright.v1.SignalService", "grpc.health.v1.Health"} <= names


async def test_openapi_describes_the_routes_and_their_problems(hosted):
    async with hosted() as host:
        document = (await host.rest.get("/openapi.json")).json()
    assert set(document["paths"]) == {"/word", "/body"}
    assert "application/problem+json" in document["paths"]["/word"]["get"]["responses"]["default"]["content"]


async def test_metrics_count_by_method_and_code(hosted):
    async with hosted() as host:
        await host.rest.get("/word?word=x")
        await host.rest.get("/nowhere-1")
        await host.rest.get("/nowhere-2")
        await host.rpc.GetSignal(GetSignalRequest(symbol="x"))
        text = (await host.rest.get("/metrics")).text
    for counted in (
        'tidewright_requests_total{code="200",method="GET /word",protocol="rest"} 1.0',
        'tidewright_requests_total{code="404",method="unmatched",protocol="rest"} 2.0',
        'tidewright_requests_total{code="OK",method="tidewright.v1.SignalService/GetSignal",protocol="grpc"} 1.0',
        "tidewright_ready 1.0",
        "process_resident_memory_bytes",
    ):
        assert counted in text
