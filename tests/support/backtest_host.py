"""The backtest service in a process of its own, and its clients in both protocols."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import scripted_service

from tidewright.v1.backtest_service_pb2_grpc import BacktestServiceStub

SPEC = {
    "strategy": {
        "source": {"builtin": "MovingAverageCross"},
        "parameters": {"fast": 6, "slow": 24},
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
    },
    "data": {"exchange": "simulated", "start": "2023-03-01", "end": "2023-05-01"},
    "seed": 7,
}
REAL = (sys.executable, "-m", "backtest_engine")
SCRIPTED = (sys.executable, scripted_service.__file__)


@dataclass
class Asked:
    """A service, and how it is asked."""

    rest: httpx.Client
    rpc: BacktestServiceStub
    process: subprocess.Popen
    results: Path

    def post(self, path="/backtest", body=None, headers=None, **parameters):
        content = body if isinstance(body, str | bytes) else json.dumps(SPEC if body is None else body)
        return self.rest.post(path, content=content, params=parameters, headers=headers)

    def figure(self, name):
        """A metric's value, by its name and labels as in the page."""
        lines = self.rest.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)

    def workers(self):
        """The processes of its workers."""
        listed = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(number) for path in listed for number in path.read_text().split()]

    def until(self, condition, patience=60.0):
        """Wait for a state; raises TimeoutError where it does not come."""
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(self.rest.get("/readyz").text)
            self.rest.get("/healthz")

    def stop(self):
        """Tell it to stop, and wait until it has; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def asked(folder, command=REAL, *, ready=True, **settings):
    """The service with its results in `folder`, once it is `ready`."""
    given = {"host": "127.0.0.1", "rest_port": 0, "grpc_port": 0, "workers": 1, "results": folder, **settings}
    environment = {
        **os.environ,
        "TIDEWRIGHT_DATA": str(folder / "data"),
        "PYTHONPATH": str(Path(__file__).parent),
        **{f"TIDEWRIGHT_{name.upper()}": str(value) for name, value in given.items()},
    }
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        stack.callback(process.kill)
        started = next(line for line in map(json.loads, process.stderr) if line["event"] == "started")
        rest_of_it = threading.Thread(target=lambda: list(process.stderr), daemon=True)  # or it would wait to be read
        rest_of_it.start()
        stack.callback(rest_of_it.join)
        stack.callback(process.kill)
        client = httpx.Client(base_url=f"http://127.0.0.1:{started['rest']}", timeout=60, trust_env=False)
        stack.enter_context(client)
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{started['grpc']}"))
        service = Asked(client, BacktestServiceStub(channel), process, folder)
        if ready:
            service.until(lambda: client.get("/readyz").status_code == 200)
        yield service
