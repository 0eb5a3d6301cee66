"""Ten thousand requests at once: each is answered, the memory stays within bounds, and afterwards all is as before."""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tidewright.v1 import validation_service_pb2 as pb
from tidewright.v1.validation_service_pb2_grpc import ValidationServiceStub

pytestmark = [pytest.mark.anyio, pytest.mark.soak]

REQUESTS = 10_000
SPARE = 500
"""Descriptors for everything else."""

CHANNELS = 50
PATIENCE = 120.0
GROWTH = 64 << 10
"""Kilobytes that memory may be more after the third flood than after the first."""

PEAK = 512 << 10
"""Kilobytes that it may be more in the middle of one."""

MARKET = {"exchange": "binance", "symbol": "BTC/USDT", "timeframe": "1h"}
VALUES = {"open": 3.0, "high": 4.0, "low": 2.0, "close": 3.0, "volume": 1.0}
DAWN = 1_704_067_200_000
BODY = json.dumps({"market": MARKET, "bar": {"time": DAWN, **VALUES}}).encode()
ASKED = (
    b"POST /validate/realtime HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(BODY), BODY)
)


@pytest.fixture
def at_once():
    """As many connections as the machine allows, up to ten thousand."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = REQUESTS + SPARE if hard == resource.RLIM_INFINITY else min(REQUESTS + SPARE, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield wanted - SPARE
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def served(log):
    """The process, and its ports."""
    told = {"HOST": "127.0.0.1", "REST_PORT": "0", "GRPC_PORT": "0", "LOG_LEVEL": "INFO"}
    environment = os.environ | {f"TIDEWRIGHT_{name}": value for name, value in told.items()}
    command = [sys.executable, "-m", "data_validation"]
    with log.open("wb") as written, subprocess.Popen(command, env=environment, stderr=written) as process:
        try:
            yield process.pid, *ports(log, process)
        finally:
            process.terminate()
            assert process.wait(60) == 0


def ports(log, process):
    with log.open() as lines:
        while process.poll() is None:
            line = lines.readline()
            if line.endswith("\n") and (event := json.loads(line))["event"] == "started":
                return event["rest"], event["grpc"]
    raise AssertionError(log.read_text())


def kilobytes(pid, which):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{which}:")).split()[1])


async def asked_by_rest(port, together):
    """Connect, wait until everybody is connected, ask, and read to the end: the status, and what is said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await together.wait()
        writer.write(ASKED)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status = int(head.split()[1])
    if status != 200:
        assert b"application/problem+json" in head
        assert b"retry-after: 1" in head
        assert json.loads(body)["code"] == "RESOURCE_EXHAUSTED"
    return status


async def flooded_by_rest(port, count):
    together = asyncio.Barrier(count)
    async with asyncio.timeout(PATIENCE):
        return Counter(await asyncio.gather(*(asked_by_rest(port, together) for _ in range(count))))


async def asked_by_grpc(stub):
    try:
        await stub.ValidateBar(pb.ValidateBarRequest(market=MARKET, bar={"open_time_ms": DAWN, **VALUES}))
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def flooded_by_grpc(port, count):
    channels = [
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) for _ in range(CHANNELS)
    ]
    stubs = [ValidationServiceStub(channel) for channel in channels]
    try:
        async with asyncio.timeout(PATIENCE):
            return Counter(await asyncio.gather(*(asked_by_grpc(stubs[one % CHANNELS]) for one in range(count))))
    finally:
        for channel in channels:
            await channel.close()


@pytest.mark.parametrize(
    ("flooded", "served_codes"),
    [(flooded_by_rest, {200, 503}), (flooded_by_grpc, {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED})],
    ids=["rest", "grpc"],
)
async def test_each_of_ten_thousand_is_answered_and_nothing_grows(flooded, served_codes, at_once, tmp_path):
    with served(tmp_path / "log") as (pid, rest, rpc):
        port = rest if flooded is flooded_by_rest else rpc
        assert sum((await flooded(port, 50)).values()) == 50
        before, after = kilobytes(pid, "VmRSS"), []
        for _ in range(3):
            answers = await flooded(port, at_once)
            after.append(kilobytes(pid, "VmRSS"))
            print(f"{at_once:,} at once: {dict(answers)}, {after[-1]:,} kB")  # noqa: T201
            assert sum(answers.values()) == at_once
            assert set(answers) <= served_codes
        peak = kilobytes(pid, "VmHWM")
        print(f"{before:,} kB before, {peak:,} kB at most")  # noqa: T201
        assert after[-1] - after[0] < GROWTH
        assert peak - before < PEAK
        assert await flooded(port, 20) == {min(served_codes, key=str): 20}
