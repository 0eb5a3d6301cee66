"""One signal over gRPC on loopback, beside a bare echo of grpc.aio: each server in a process of its own, one client that asks them in turns.

``python -m benchmarks.signals FOLDER`` prints the seconds of every call as JSON; with ``echo PORT`` instead it is the echo's server.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from benchmarks.process import REPOSITORY, clean_environment

PYTHON = REPOSITORY / ".venv/bin/python"
ECHO, SIGNAL = "gRPC echo", "gRPC GetSignal"
TURNS, CALLS, UNMEASURED = 12, 500, 200

STRATEGY = """
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata: {name: ma-cross}
spec:
  source: {builtin: MovingAverageCross}
  symbols: [BTC/USDT]
  timeframe: 1h
"""


def call_times(folder: Path) -> dict[str, list[float]]:
    """Seconds of each unary call, by server: in the project's own environment, which has gRPC."""
    command = [PYTHON, "-m", "benchmarks.signals", folder]
    asked = subprocess.run(command, cwd=REPOSITORY, env=clean_environment(), stdout=subprocess.PIPE, check=True)
    times: dict[str, list[float]] = json.loads(asked.stdout)
    return times


def percentile(times: list[float], share: float) -> float:
    """The time that `share` of all calls took at most."""
    return sorted(times)[round(share * (len(times) - 1))]


def slowest(times: list[float], share: float) -> list[float]:
    """The slowest of all calls."""
    return [time for time in times if time >= percentile(times, 1 - share)]


async def measured(folder: Path) -> dict[str, list[float]]:
    import grpc  # noqa: PLC0415 - the process that asks for the times has none

    from tidewright.v1.signal_service_pb2 import GetSignalRequest  # noqa: PLC0415
    from tidewright.v1.signal_service_pb2_grpc import SignalServiceStub  # noqa: PLC0415

    ports = {ECHO: _free_port(), SIGNAL: _free_port()}
    request = GetSignalRequest(symbol="BTC/USDT")
    with ExitStack() as servers:
        for name, (command, settings) in _servers(folder, ports).items():
            log = servers.enter_context((folder / f"{name}.log").open("w"))
            process = servers.enter_context(
                subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | settings, stderr=log)
            )
            servers.callback(process.terminate)
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{ports[ECHO]}") as to_echo,
            grpc.aio.insecure_channel(f"127.0.0.1:{ports[SIGNAL]}") as to_signals,
        ):
            echo = to_echo.unary_unary("/echo/Echo")
            get_signal = SignalServiceStub(to_signals).GetSignal
            message = request.SerializeToString()
            calls = {
                ECHO: lambda: echo(message, wait_for_ready=True),
                SIGNAL: lambda: get_signal(request, wait_for_ready=True),
            }
            await asyncio.sleep(2.0)  # the service evaluates its history, once
            times: dict[str, list[float]] = {name: [] for name in calls}
            for _ in range(TURNS):
                for name, call in calls.items():
                    times[name] += await _seconds(call)
        return times


async def _seconds(call: Callable[[], Awaitable[object]]) -> list[float]:
    times = []
    for _ in range(UNMEASURED + CALLS):
        start = perf_counter()
        await call()
        times.append(perf_counter() - start)
    return times[UNMEASURED:]


def _servers(folder: Path, ports: dict[str, int]) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Command and environment of each."""
    strategy = folder / "strategy.yaml"
    strategy.write_text(STRATEGY, encoding="utf-8")
    settings = {
        "STRATEGY": strategy,
        "EXCHANGE": "simulated",
        "ANCHOR": folder / "anchors",
        "HOST": "127.0.0.1",
        "REST_PORT": 0,
        "GRPC_PORT": ports[SIGNAL],
        "REPLAY_FROM": "2024-01-01",
        "REPLAY_SPEED": 1,
    }
    environment = {f"TIDEWRIGHT_{name}": str(value) for name, value in settings.items()}
    return {
        ECHO: ([str(PYTHON), "-m", "benchmarks.signals", "echo", str(ports[ECHO])], {}),
        SIGNAL: ([str(PYTHON), "-m", "tidewright.signals"], environment),
    }


async def echo_server(port: int) -> None:
    import grpc  # noqa: PLC0415

    async def echo(request: bytes, _: object) -> bytes:
        return request

    server = grpc.aio.server()
    handler = grpc.method_handlers_generic_handler("echo", {"Echo": grpc.unary_unary_rpc_method_handler(echo)})
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        asyncio.run(echo_server(int(sys.argv[2])))
    else:
        print(json.dumps(asyncio.run(measured(Path(sys.argv[1])))))
