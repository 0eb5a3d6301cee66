"""The process of the service."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

COMMAND = (sys.executable, "-m", "backtest_engine")


@pytest.fixture
def environment(tmp_path):
    return {
        **os.environ,
        "TIDEWRIGHT_DATA": str(tmp_path / "data"),
        "TIDEWRIGHT_RESULTS": str(tmp_path / "results"),
        "TIDEWRIGHT_HOST": "127.0.0.1",
        "TIDEWRIGHT_REST_PORT": "0",
        "TIDEWRIGHT_GRPC_PORT": "0",
        "TIDEWRIGHT_WORKERS": "1",
    }


def children_of(process):
    return map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())


def test_help_names_every_setting():
    told = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    assert "TIDEWRIGHT_SYNC_BARS (default 500000)" in told
    assert "TIDEWRIGHT_REST_PORT" in told


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("STORE", "s3://bars", "TIDEWRIGHT_STORE: 's3://bars': this version does not know s3://"),
        ("TRACKING", "mlflow", "TIDEWRIGHT_TRACKING: 'mlflow' names no tracker"),
        ("DATABASE", "mysql://x", "TIDEWRIGHT_DATABASE: 'mysql' is no book of runs"),
        ("WORKERS", "none", "TIDEWRIGHT_WORKERS: 'none'"),
        ("RESULTS", "/proc/nowhere", "TIDEWRIGHT_RESULTS: '/proc/nowhere'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(environment, variable, value, told):
    ended = subprocess.run(
        COMMAND, env=environment | {f"TIDEWRIGHT_{variable}": value}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert told in ended.stderr


def test_it_serves_until_it_is_told_to_stop_and_takes_its_workers_with_it(environment):
    with subprocess.Popen(COMMAND, env=environment, stderr=subprocess.PIPE, text=True) as process:
        lines = (json.loads(line) for line in process.stderr)
        started = next(line for line in lines if line["event"] == "started")
        next(line for line in lines if line["event"] == "ready")
        strategies = httpx.get(f"http://127.0.0.1:{started['rest']}/strategies", trust_env=False).json()
        (worker,) = children_of(process)
        process.send_signal(signal.SIGTERM)
        assert [line["event"] for line in lines][-1] == "stopped"
        assert process.wait(timeout=20) == 0
    assert len(strategies) == 5
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_workers_end_with_a_service_that_is_killed(environment):
    with subprocess.Popen(COMMAND, env=environment, stderr=subprocess.PIPE, text=True) as process:
        next(line for line in process.stderr if '"ready"' in line)
        (worker,) = children_of(process)
        watched = os.pidfd_open(worker)
        process.kill()
        try:
            assert select.select([watched], [], [], 20)[0] == [watched]
        finally:
            os.close(watched)
