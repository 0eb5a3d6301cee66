"""The signal service as a process: killed, stopped and started again, and no signal lost, doubled or changed."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import grpc
import numpy as np
import pytest

from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.bars import Market
from tidewright.domain.instant import utc
from tidewright.domain.strategies.evaluation import evaluate
from tidewright.signals.wiring import chosen_strategy
from tidewright.specs.quantities import epoch_milliseconds
from tidewright.v1.signal_service_pb2 import StreamSignalsRequest
from tidewright.v1.signal_service_pb2_grpc import SignalServiceStub
from tidewright.wire.signal import signal_of

HOUR = 3_600_000
START = epoch_milliseconds("2023-03-01")
STRATEGY = """
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata: {name: macd-cross}
spec:
  source: {builtin: MacdCross}
  symbols: [BTC/USDT]
  timeframe: 1h
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "strategy.yaml"
    path.write_text(STRATEGY)
    return path


@contextmanager
def service(file, now: int):
    """The process, and its gRPC port once it serves; twenty hours pass in a second, from `now` on."""
    environment = {
        **os.environ,
        "TIDEWRIGHT_STRATEGY": str(file),
        "TIDEWRIGHT_EXCHANGE": "simulated",
        "TIDEWRIGHT_ANCHOR": str(file.parent / "anchors"),
        "TIDEWRIGHT_HOST": "127.0.0.1",
        "TIDEWRIGHT_REST_PORT": "0",
        "TIDEWRIGHT_GRPC_PORT": "0",
        "TIDEWRIGHT_DELAY": "0",
        "TIDEWRIGHT_REPLAY_FROM": utc(now),
        "TIDEWRIGHT_REPLAY_SPEED": str(20 * 3_600),
    }
    command = [sys.executable, "-m", "tidewright.signals"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        log = map(json.loads, process.stderr)
        try:
            yield process, next(line["grpc"] for line in log if line["event"] == "started")
        finally:
            process.kill()


def receive(port, start: int, count: int):
    """The first signals from `start` on."""
    received = []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = SignalServiceStub(channel).StreamSignals(StreamSignalsRequest(from_ms=start), wait_for_ready=True)
        for message in stream:
            received += map(signal_of, message.signals)
            if len(received) >= count:
                stream.cancel()
                return received
    return received


def test_kills_and_restarts_change_no_signal(file):
    received = []
    for ending in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        following = received[-1].time + 1 if received else START
        with service(file, following + 2 * HOUR) as (process, port):
            received += receive(port, following, 12)
            process.send_signal(ending)
            assert process.wait(timeout=30) == (0 if ending == signal.SIGTERM else -signal.SIGKILL)

    chosen = chosen_strategy(file, exchange="simulated")
    bars = SimulatedStore().read(Market("simulated", "BTC/USDT", "1h"), None, received[-1].time + 1)
    whole = evaluate(chosen.strategy.strategy, bars, chosen.strategy.parameters)
    rows = np.searchsorted(bars.time, [one.time for one in received])
    assert len(received) >= 36
    assert [one.time for one in received] == list(range(START, received[-1].time + 1, HOUR))
    for name, values in whole.columns.items():
        live = np.array([one.columns[name] for one in received])
        np.testing.assert_array_equal(live.view(np.int64), values[rows].view(np.int64))
    for name, values in whole.signals.by_name().items():
        assert [one.events[name] for one in received] == values[rows].tolist()
