"""The worker as a Job runs it: the installed command, its exit code, its record, its artifacts, and being stopped."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tidewright.runs.payload import payload_of
from tidewright.runs.work import COMPILING
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Manifest
from tidewright.specs.trading_strategy import TradingStrategy
from tidewright.specs.work_record import WorkRecord

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("tidewright")
UID = "6f1c2d3e-0000-4000-8000-123456789abc"

TWO = """\
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata:
  name: ma-cross
spec:
  source: {builtin: MovingAverageCross}
  parameters: {slow: 96}
  symbols: [BTC/USDT]
  timeframe: 1h
  risk: {stopLoss: 8%}
---
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata:
  name: demo
  namespace: research
spec:
  strategy: {name: ma-cross}
  data: {exchange: simulated}
  checks: {monteCarlo: 100}
  seed: 7
"""


@pytest.fixture
def place(tmp_path):
    """A folder with the payload that the operator would make of `TWO`."""
    manifest = Manifest()
    manifest.read("", TWO)
    run, strategy = (next(manifest.of_kind(kind))[1] for kind in ("BacktestRun", "TradingStrategy"))
    assert isinstance(run, BacktestRun)
    assert isinstance(strategy, TradingStrategy)
    (tmp_path / "run.json").write_text(json.dumps(payload_of(run, strategy, UID)))
    (tmp_path / "two.yaml").write_text(TWO)
    return tmp_path


@pytest.fixture
def environment(place):
    """What a worker is told by its environment alone."""
    return {
        **os.environ,
        "TIDEWRIGHT_DATA": str(place / "data"),
        "TIDEWRIGHT_ARTIFACTS": (place / "artifacts").as_uri(),
        "TIDEWRIGHT_STORE": (place / "data").as_uri(),
        "TIDEWRIGHT_TERMINATION_LOG": str(place / "termination-log"),
        "TIDEWRIGHT_SPEC": str(place / "run.json"),
    }


@pytest.fixture
def worked(place, environment):
    """A worker that has ended: its exit code, its record, and the events it told of."""

    def worked(*words, before=(), **more):
        done = subprocess.run(
            [*before, COMMAND, "work", *map(str, words)],
            env=environment | more,
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.stdout == ""
        return done.returncode, record(place), [json.loads(line) for line in done.stderr.splitlines()]

    return worked


@pytest.fixture
def started(place, environment):
    """A worker that has just told of an event; `before` is the command that starts it."""
    running = []

    def started(event, before=(), **more):
        process = subprocess.Popen(
            [*before, COMMAND, "work"], env=environment | more, cwd=place, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        while event not in (line := process.stderr.readline()):
            assert line, "it ended before it came to that"
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def silent():
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def record(place):
    path = place / "termination-log"
    return WorkRecord.read(path.read_text()) if path.exists() else None


def folder(place):
    return place / "artifacts" / "research" / f"demo-{UID}"


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def edited(place, **spec):
    payload = json.loads((place / "run.json").read_text())
    payload["spec"] |= spec
    (place / "run.json").write_text(json.dumps(payload))


def child_of(process):
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


def test_a_worker_comes_to_the_very_result_of_the_laptop_and_does_so_again(worked, place, environment):
    code, told, _ = worked()
    assert (code, told.reason) == (0, "Complete")
    assert told.result.artifacts == folder(place).as_uri()
    first = files(folder(place))
    assert worked()[:2] == (0, told)
    assert files(folder(place)) == first, "a repeat writes the same"

    laptop = [COMMAND, "run", "two.yaml", "--output", "out", "--quiet"]
    subprocess.run(laptop, env=environment, cwd=place, check=True)
    ours, theirs = json.loads(first.pop("result.json")), json.loads((place / "out" / "result.json").read_text())
    for part in ("spec", "result", "intervals", "benchmark", "monteCarlo", "checks", "warnings"):
        assert ours[part] == theirs[part]
    for digests in (ours["provenance"], theirs["provenance"]):
        digests.pop("manifest")
    assert ours["provenance"] == theirs["provenance"]
    assert told.provenance.result_digest == theirs["provenance"]["digest"]
    assert told.provenance.strategy_digest == theirs["provenance"]["strategy"]["digest"]
    tables = {name: content for name, content in first.items() if name.endswith(".parquet")}
    assert tables.items() <= files(place / "out").items()


def test_a_tracker_is_told_after_the_record_is_written(worked, place):
    code, told, events = worked("--track", (place / "runs").as_uri())
    assert (code, told.reason) == (0, "Complete")
    assert [event["event"] for event in events][-2:] == ["Complete", "tracked"]
    (artifact,) = place.glob("runs/*/*/artifacts/result.json")
    assert artifact.read_bytes() == (folder(place) / "result.json").read_bytes()


def test_a_tracker_that_is_away_changes_nothing(worked, place):
    code, told, events = worked(TIDEWRIGHT_TRACKING="http://127.0.0.1:1", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert (code, told.reason) == (0, "Complete")
    assert (events[-1]["event"], events[-1]["level"]) == ("tracking", "warning")
    assert "the run is not tracked: http://127.0.0.1:1" in events[-1]["message"]


def test_stopped_while_the_tracker_is_told_it_is_complete_all_the_same(started, place, silent):
    process = started("Complete", TIDEWRIGHT_TRACKING=silent)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert record(place).reason == "Complete"


def test_refused_input_ends_with_the_code_that_is_never_tried_again(worked, place):
    edited(place, seed=-1)
    code, told, events = worked()
    assert (code, told.reason) == (2, "Refused")
    assert told.message.startswith("spec.seed: -1: ")
    assert (events[-1]["event"], events[-1]["exitCode"]) == ("Refused", 2)
    assert not (place / "artifacts").exists()


def test_missing_data_end_with_a_code_of_their_own(worked, place):
    edited(place, data={"exchange": "binance"})
    code, told, _ = worked()
    assert (code, told.reason) == (3, "DataMissing")
    assert "there are no bars of BTC/USDT 1h on binance" in told.message


def test_what_may_go_right_another_time_ends_with_one(worked, place):
    (place / "artifacts").write_text("in the way")
    code, told, _ = worked()
    assert (code, told.reason) == (1, "Failed")


def test_a_wrong_option_is_refused(worked):
    code, told, _ = worked("--store", "s3://bars")
    assert (code, told.reason) == (2, "Refused")


def test_a_worker_that_nobody_gave_a_termination_log_works_all_the_same(worked, place):
    code, told, events = worked(TIDEWRIGHT_TERMINATION_LOG="")
    assert (code, told, events[-1]["result"]["artifacts"]) == (0, None, folder(place).as_uri())


@pytest.mark.parametrize("stage", ["started", "Reading bars", "Trading", "Proving causality", "Writing results"])
def test_stopped_at_any_stage_it_leaves_a_record_and_nothing_half_written(started, place, stage):
    process = started(stage)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    left = files(folder(place))
    if process.returncode == 0:  # it was done before the signal came
        assert record(place).reason == "Complete"
    else:
        assert (process.returncode, record(place).reason) == (143, "Disrupted")
    assert left.keys() in (set(), {"result.json", "report.html", "trades.parquet", "fills.parquet", "equity.parquet"})


def test_stopped_while_it_repeats_it_leaves_the_result_before_it_whole(worked, started, place):
    assert worked()[0] == 0
    before = files(folder(place))
    process = started("Trading")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert (process.returncode, record(place).reason) == (143, "Disrupted")
    assert files(folder(place)) == before


def test_ctrl_c_stops_it_as_well(started, place):
    process = started("Trading")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert (process.returncode, record(place).reason) == (143, "Disrupted")


def test_killed_for_its_memory_it_still_leaves_a_record(started, place):
    process = started("Reading bars")
    os.kill(child_of(process), signal.SIGKILL)
    process.communicate(timeout=30)
    assert (process.returncode, record(place).reason) == (1, "Failed")
    assert record(place).message.startswith("killed by SIGKILL; it may have used up its memory")


def needs(*command):
    """The command, which takes rights that not everybody has."""
    if (
        shutil.which(command[0]) is None
        or subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"`{' '.join(command)}` is not allowed here; run the tests as root to see a worker in a container")
    return command


def test_as_the_first_process_of_a_container_it_can_be_stopped_too(started, place):
    process = started("Trading", needs("unshare", "--pid", "--fork", "--kill-child"))
    os.kill(child_of(process), signal.SIGTERM)
    process.communicate(timeout=30)
    assert (process.returncode, record(place).reason) == (143, "Disrupted")


def test_where_only_its_artifacts_can_be_written_it_works(worked, place):
    mounts = needs("unshare", "--mount")
    script = f"""
        mkdir {place}/artifacts && mount -t tmpfs tmpfs {place}/artifacts || exit 9
        for path in $(cut -d' ' -f2 /proc/mounts | grep -v -e ^/proc -e ^/sys -e ^/dev -e ^{place}/artifacts); do
            mount -o remount,ro,bind $path || true
        done 2>/dev/null
        exec "$@" --termination-log {place}/artifacts/log
    """
    code, _, events = worked(before=(*mounts, "sh", "-c", script, "sh"), HOME="", XDG_CACHE_HOME="")
    assert (code, events[-1]["event"]) == (0, "Complete")
    assert COMPILING in {event["message"] for event in events}, "nothing is kept between runs"


def test_a_full_disk_may_have_room_another_time(worked, place):
    script = f"mkdir {place}/artifacts && mount -t tmpfs -o size=16k tmpfs {place}/artifacts || exit 9\n" + 'exec "$@"'
    code, told, _ = worked(before=(*needs("unshare", "--mount"), "sh", "-c", script, "sh"))
    assert (code, told.reason) == (1, "Failed")
    assert told.message == (
        f"the disk is full ({folder(place)}); free some space, or enlarge the volume. Nothing half-written was left behind."
    )
