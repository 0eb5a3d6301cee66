"""The optimizer in a process of its own, and its clients in both protocols."""

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
import scripted_optimizer

from tidewright.v1 import optimization_service_pb2 as pb
from tidewright.v1.optimization_service_pb2_grpc import OptimizationServiceStub

SPEC = {
    "strategy": {"source": {"builtin": "MovingAverageCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"},
    "data": {"exchange": "simulated", "start": "2023-01-01", "end": "2023-07-01"},
    "searchSpace": [
        {"name": "fast", "int": {"min": 5, "max": 30, "step": 5}},
        {"name": "slow", "int": {"min": 40, "max": 100, "step": 20}},
    ],
    "walkForward": {"windows": 2},
    "sampler": {"name": "Random", "seed": 7},
    "trials": 12,
}
REAL = (sys.executable, "-m", "optuna_optimizer")
SCRIPTED = (sys.executable, scripted_optimizer.__file__)


def seeded(seed, **more):
    """The study whose process does as the seed says."""
    return {**SPEC, **more, "sampler": {"name": "Random", "seed": seed}}


@dataclass
class Asked:
    """A service, and how it is asked."""

    rest: httpx.Client
    rpc: OptimizationServiceStub
    process: subprocess.Popen
    results: Path

    def post(self, body=None, headers=None):
        content = body if isinstance(body, str | bytes) else json.dumps(SPEC if body is None else body)
        return self.rest.post("/studies", content=content, headers=headers)

    def study(self, study):
        return self.rest.get(f"/studies/{study}").json()

    def watched(self, body, enough=lambda study: False):
        """The id of a study, once it is told that there is `enough` of it, or that it has ended."""
        study = self.post(body).json()["id"]
        stream = self.rpc.WatchStudy(pb.WatchStudyRequest(id=study), timeout=120)
        next((told for told in stream if enough(told.study)), None)
        stream.cancel()
        return study

    def ended(self, body=None):
        """A study once it has ended."""
        return self.study(self.watched(body))

    def searching(self, body):
        """The id of a study that is searched, and has trials."""
        return self.watched(body, lambda study: study.trials.complete > 0)

    def figure(self, name):
        """A metric's value, by its name and labels as in the page."""
        lines = self.rest.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)

    def children(self):
        """The processes of its studies."""
        listed = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(number) for path in listed for number in path.read_text().split()]

    def until(self, condition, patience=60.0):
        """Wait for a state; raises TimeoutError where it does not come."""
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.rest.get('/readyz').text} {self.rest.get('/studies').text}")
            self.rest.get("/healthz")

    def stop(self):
        """Tell it to stop, and wait until it has; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@contextmanager
def asked(folder, command=REAL, *, ready=True, **settings):
    """The service with its results in `folder`, once it is `ready`."""
    given = {"host": "127.0.0.1", "rest_port": 0, "grpc_port": 0, "searches": 1, "results": folder, **settings}
    environment = {
        **os.environ,
        "TIDEWRIGHT_DATA": str(folder / ".data"),
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
        service = Asked(client, OptimizationServiceStub(channel), process, folder)
        if ready:
            service.until(lambda: client.get("/readyz").status_code == 200)
        yield service
