"""A user's own code beside whoever asks it: the processes of the pods that the operator makes, with their commands and their environment."""

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tidewright.specs.work_record import WorkRecord
from tidewright.v1.signal_service_pb2 import GetSignalRequest, StreamSignalsRequest
from tidewright.v1.signal_service_pb2_grpc import SignalServiceStub
from tidewright.wire.signal import signal_of

GOLDEN = Path(__file__).parents[1] / "operator" / "golden"
HOUR = 3_600_000
CROSS = """\
import os
import time
from pathlib import Path

import tidewright
from tidewright.indicators import ema


class Cross(tidewright.SignalStrategy):
    def warmup(self, parameters):
        return 480

    def columns(self, bars, parameters):
        {line}
        return {{"fast": ema(bars.close, 24), "slow": ema(bars.close, 96)}}

    def signals(self, bars, columns, parameters):
        up = columns["fast"] > columns["slow"]
        return tidewright.Signals(up, ~up)
"""
FIFTH = """with Path("asked").open("a") as file:
            file.write(".")
            if file.tell() == 5:
                os._exit(9)"""


@pytest.fixture(scope="module")
def pod():
    """The run's payload and the pod of its Job, as the operator makes them."""
    golden = runpy.run_path(str(GOLDEN / "backtest_job.py"))
    period = {"exchange": "simulated", "start": "2022-02-01", "end": "2022-08-01"}
    run = golden["run"]("of-a-class", golden["CLASS"], data=period)
    config_map, job = golden["objects"](run, 1, golden["Settings"]())
    return config_map["data"]["run.json"], job["spec"]["template"]["spec"]


def write_code(folder, line="pass"):
    (folder / "desk").mkdir(parents=True)
    (folder / "desk" / "cross.py").write_text(CROSS.format(line=line))


def told(container):
    return {one["name"]: one["value"] for one in container["env"]}


class Code:
    """The user's container: restarted whenever it ends, as a kubelet does it. Use it as a context manager."""

    def __init__(self, folder, container):
        self.folder, self.port, self.restarts = folder, 0, -1
        self.environment = {
            **os.environ,
            **told(container),
            "TIDEWRIGHT_HOST": "127.0.0.1",
            "TIDEWRIGHT_REST_PORT": "0",
        }
        self.started, self.stopping = threading.Event(), False
        self.kubelet = threading.Thread(target=self.keep)

    def keep(self):
        while not self.stopping:
            self.environment["TIDEWRIGHT_GRPC_PORT"] = str(self.port)
            command = [sys.executable, "-m", "tidewright.strategy_service"]
            with subprocess.Popen(
                command, env=self.environment, cwd=self.folder, stderr=subprocess.PIPE, text=True
            ) as self.process:
                self.restarts += 1
                for line in self.process.stderr:
                    event = json.loads(line)
                    if event["event"] == "started":
                        self.port = event["grpc"]
                        self.started.set()
            self.code = self.process.returncode

    def __enter__(self):
        self.kubelet.start()
        assert self.started.wait(60)
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.process.terminate()
        self.kubelet.join(60)


@pytest.fixture
def code(tmp_path, pod):
    """Writes the user's module with a line of its own, and starts the container that serves it."""

    def start(line="pass", container=None):
        write_code(tmp_path / "code", line)
        return Code(tmp_path / "code", container or pod[1]["initContainers"][0])

    return start


@contextmanager
def worker(tmp_path, pod, port, *more):
    """The worker's container, with the volumes of its pod in a folder, where the user's module is not; and its record once it has ended."""
    payload, spec = pod
    (container,) = spec["containers"]
    places = {mount["mountPath"]: tmp_path / mount["name"] for mount in container["volumeMounts"]}
    for place in places.values():
        place.mkdir(exist_ok=True)
    (places["/etc/tidewright"] / "run.json").write_text(payload)

    def here(word):
        mounted = next((place for place in places if word.removeprefix("file://").startswith(place)), "nowhere")
        return word.replace(mounted, str(places.get(mounted, ""))).replace("127.0.0.1:9000", f"127.0.0.1:{port}")

    program, *words = map(here, container["args"])
    command = [Path(sys.executable).with_name(program), *words, "--termination-log", tmp_path / "log", *more]
    environment = {**os.environ, "TMPDIR": str(places["/tmp"])}  # noqa: S108 - compiled code stays where all tests find it
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(tmp_path, process):
    process.stderr.read()
    return process.wait(60), WorkRecord.read((tmp_path / "log").read_text())


def work(tmp_path, pod, port, *more):
    with worker(tmp_path, pod, port, *more) as process:
        return ended(tmp_path, process)


@pytest.fixture(scope="module")
def laptop(tmp_path_factory, pod):
    """The record of the same run with the code in the process that runs it."""
    folder = tmp_path_factory.mktemp("laptop")
    write_code(folder)
    run = json.loads(pod[0])
    del run["strategyDigest"]
    (folder / "bt.json").write_text(json.dumps(run))
    command = [Path(sys.executable).with_name("tidewright"), "run", "bt.json", "--output", "out", "--quiet"]
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "TIDEWRIGHT_DATA": str(folder)})
    return json.loads((folder / "out" / "result.json").read_text())


def test_a_pod_comes_to_the_very_result_of_the_laptop(tmp_path, pod, code, laptop):
    with code() as container:
        exit_code, record = work(tmp_path, pod, container.port)
    assert (exit_code, record.reason) == (0, "Complete"), record.message
    assert record.provenance.result_digest == laptop["provenance"]["digest"]
    assert record.provenance.strategy_digest == json.loads(pod[0])["strategyDigest"]
    assert record.tested.look_ahead is laptop["checks"]["lookAhead"]["passed"] is True
    assert (container.code, container.restarts) == (0, 0), "it is told to stop once its worker is done, and does"


def test_a_container_that_ends_in_the_middle_changes_nothing(tmp_path, pod, code, laptop):
    with code(FIFTH) as container:
        exit_code, record = work(tmp_path, pod, container.port)
    assert (exit_code, container.restarts) == (0, 1)
    assert record.provenance.result_digest == laptop["provenance"]["digest"]


def test_a_container_that_is_killed_in_the_middle_changes_nothing(tmp_path, pod, code, laptop):
    with code() as container, worker(tmp_path, pod, container.port) as process:
        while "Proving causality" not in (line := process.stderr.readline()):
            assert line
        container.process.kill()
        exit_code, record = ended(tmp_path, process)
    assert (exit_code, container.restarts) == (0, 1)
    assert record.provenance.result_digest == laptop["provenance"]["digest"]


@pytest.mark.parametrize(
    ("line", "more", "message"),
    [
        ("raise KeyError('period')", (), "Cross raised KeyError: 'period'"),
        ("time.sleep(60)", ("--strategy-timeout", "0.5"), "Cross: no answer within 0.5 s; let it do less, or allow it more time"),
        ("pass\n    +", (), "source.classRef.module: 'desk.cross': cannot be imported: SyntaxError: invalid syntax (cross.py, line 15)"),
    ],
    ids=["raises", "hangs", "cannot be imported"],
)  # fmt: skip
def test_what_is_wrong_with_the_code_is_told_and_not_tried_again(tmp_path, pod, code, line, more, message):
    with code(line) as container:
        assert work(tmp_path, pod, container.port, *more) == (2, WorkRecord(reason="StrategyFailed", message=message))
    assert (container.code, container.restarts) == (0, 0), "it ends when it is told to, whatever it is doing"


def test_code_that_ends_its_process_again_and_again_has_failed(tmp_path, pod, code):
    with code("os._exit(9)") as container:
        exit_code, record = work(tmp_path, pod, container.port)
    assert (exit_code, record.reason) == (2, "StrategyFailed")
    assert record.message.startswith("Cross: its process ended 5 times over the same question (")


@pytest.fixture
def service(tmp_path, code):
    """The signal service and the user's code beside it, as the operator makes them; twenty hours of the embedded market pass in a second."""
    golden = runpy.run_path(str(GOLDEN / "signal_service.py"))
    config_map, *others = golden["objects"](
        golden["strategy"]("own", 1, golden["CODE"]), golden["PLAIN"], None, golden["CODE"]
    )
    (deployment,) = [one for one in others if one["kind"] == "Deployment"]
    spec = deployment["spec"]["template"]["spec"]
    (tmp_path / "strategy.json").write_text(
        config_map["data"]["strategy.json"].replace('{"fast": 10, "slow": 30}', "{}")
    )
    environment = {
        **os.environ,
        **told(spec["containers"][0]),
        "TIDEWRIGHT_STRATEGY": str(tmp_path / "strategy.json"),
        "TIDEWRIGHT_STORE": tmp_path.as_uri(),
        "TIDEWRIGHT_ANCHOR": str(tmp_path / "anchors"),
        "TIDEWRIGHT_EXCHANGE": "simulated",
        "TIDEWRIGHT_REPLAY_FROM": "2023-03-01",
        "TIDEWRIGHT_REPLAY_SPEED": str(20 * 3_600),
        "TIDEWRIGHT_DELAY": "0",
        "TIDEWRIGHT_DRAIN": "0",
        "TIDEWRIGHT_HOST": "127.0.0.1",
        "TIDEWRIGHT_REST_PORT": "0",
        "TIDEWRIGHT_GRPC_PORT": "0",
    }
    command = [sys.executable, *spec["containers"][0]["args"][1:]]
    with code(container=spec["initContainers"][0]) as container:
        environment["TIDEWRIGHT_STRATEGY_ENDPOINT"] = f"127.0.0.1:{container.port}"
        with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
            try:
                port = next(event["grpc"] for event in map(json.loads, process.stderr) if event["event"] == "started")
                yield container, process, port
            finally:
                process.kill()


def test_signals_of_a_users_own_code_survive_a_restart_of_its_container(service):
    container, process, port = service
    received, alive = [], container.process
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = SignalServiceStub(channel)
        for message in stub.StreamSignals(StreamSignalsRequest(), wait_for_ready=True, timeout=120):
            received += map(signal_of, message.signals)
            if len(received) >= 10 and alive is container.process:
                container.process.kill()
            if len(received) >= 200:
                break
        newest = stub.GetSignal(GetSignalRequest(), timeout=10)
    assert container.restarts == 1
    times = [one.time for one in received]
    assert times == list(range(times[0], times[-1] + 1, HOUR)), "no bar is left out and none doubled"
    assert newest.provenance.parity.bars > 0
    assert newest.provenance.parity.differences == 0
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
