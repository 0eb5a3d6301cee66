"""A service as a process: its log, its ports, its signals."""

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx
import pytest

from tidewright.v1.signal_service_pb2 import GetSignalRequest, StreamSignalsRequest
from tidewright.v1.signal_service_pb2_grpc import SignalServiceStub

pytestmark = pytest.mark.anyio

SUPPORT = Path(__file__).parents[2] / "support"
CODE = """
import sys
from toy_service import make
from tidewright.serving.host import run
from tidewright.serving.settings import ServingSettings, settings_of
sys.exit(run(make, settings_of(ServingSettings)))
"""


@asynccontextmanager
async def process(**settings):
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT), "TIDEWRIGHT_HOST": "127.0.0.1"}
    environment |= {f"TIDEWRIGHT_{name}": str(value) for name, value in settings.items()}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", CODE, env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def line(child, event):
    """The next line of the log about `event`."""
    while found := await child.stderr.readline():
        entry = json.loads(found)
        if entry["event"] == event:
            return entry
    raise AssertionError(f"the log ended without {event!r}")


async def rest_of_log(child):
    return [json.loads(entry) for entry in (await child.stderr.read()).splitlines()]


async def test_every_line_is_json_and_names_the_request_in_both_protocols():
    async with process(REST_PORT=0, GRPC_PORT=0) as child:
        ports = await line(child, "started")
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['rest']}", trust_env=False) as rest,
            grpc.aio.insecure_channel(f"127.0.0.1:{ports['grpc']}") as channel,
        ):
            rpc = SignalServiceStub(channel)
            await rest.get("/word?word=x", headers={"x-request-id": "r1"})
            await rpc.GetSignal(GetSignalRequest(symbol="x"), metadata=(("x-request-id", "g1"),))
            await rest.get("/word?word=fail", headers={"x-request-id": "r2"})
            with pytest.raises(grpc.aio.AioRpcError):
                await rpc.GetSignal(GetSignalRequest(symbol="fail"), metadata=(("x-request-id", "g2"),))
            await rest.get("/healthz")
        child.send_signal(signal.SIGTERM)
        log = await rest_of_log(child)
        assert await child.wait() == 0
    requests = {entry["request_id"]: entry for entry in log if "request_id" in entry}
    assert {entry["service"] for entry in log} == {"toy"}
    assert set(requests) == {"r1", "g1", "r2", "g2"}
    assert (requests["r1"]["method"], requests["r1"]["code"]) == ("GET /word", "200")
    assert (requests["g1"]["method"], requests["g1"]["code"]) == ("tidewright.v1.SignalService/GetSignal", "OK")
    for failed in ("r2", "g2"):
        assert requests[failed]["level"] == "error"
        assert "ZeroDivisionError: nobody foresaw this" in requests[failed]["exception"]
    assert all(entry["time"].endswith("Z") and entry["level"] for entry in log)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_with_an_open_stream_and_nothing_lost(number):
    async with process(REST_PORT=0, GRPC_PORT=0) as child:
        ports = await line(child, "started")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{ports['grpc']}") as channel:
            stream = SignalServiceStub(channel).StreamSignals(StreamSignalsRequest(symbols=["a"]))
            await stream.read()
            child.send_signal(number)
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await stream.read()
        log = await rest_of_log(child)
        assert await child.wait() == 0
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert log[-1]["event"] == "stopped"


async def test_a_second_signal_ends_it_at_once():
    async with process(REST_PORT=0, GRPC_PORT=0, GRACE=600) as child:
        ports = await line(child, "started")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{ports['grpc']}") as channel:
            stream = SignalServiceStub(channel).StreamSignals(StreamSignalsRequest(symbols=["a", "wait"]))
            await stream.read()
            child.send_signal(signal.SIGTERM)
            await line(child, "stopping")
            child.send_signal(signal.SIGTERM)
            assert await child.wait() == -signal.SIGTERM
            stream.cancel()


@pytest.mark.parametrize(("taken", "other"), [("REST_PORT", "GRPC_PORT"), ("GRPC_PORT", "REST_PORT")])
async def test_a_port_that_is_taken_is_named_with_the_remedy(taken, other):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with process(**{taken: port, other: 0}) as child:
            log = await rest_of_log(child)
            assert await child.wait() == 2
    (entry,) = log
    protocol = taken.partition("_")[0].replace("GRPC", "gRPC")
    assert entry["reason"].startswith(f"{protocol} cannot listen on 127.0.0.1:{port}: ")
    assert entry["reason"].endswith(f"; stop what listens there, or set TIDEWRIGHT_{taken}")


async def test_two_processes_cannot_share_a_grpc_port():
    async with process(REST_PORT=0, GRPC_PORT=0) as first:
        ports = await line(first, "started")
        async with process(REST_PORT=0, GRPC_PORT=ports["grpc"]) as second:
            log = await rest_of_log(second)
            assert await second.wait() == 2
    assert "gRPC cannot listen" in log[-1]["reason"]
