"""The process of the service."""

import signal
import subprocess
import sys

import pytest


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "data_validation", *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip


def test_help_lists_every_variable():
    told = run("--help")

    assert told.returncode == 0
    for name in ("STREAMS", "ARCHIVE", "CONSUMER", "BATCH", "OPEN_STREAMS"):
        assert f"TIDEWRIGHT_{name} (" in told.stdout


@pytest.mark.parametrize("name", ["STREAMS", "ARCHIVE"])
def test_a_url_that_names_nothing_is_refused(name):
    told = run(**{f"TIDEWRIGHT_{name}": "http://somewhere"})

    assert told.returncode == 2
    assert told.stderr.startswith(f"TIDEWRIGHT_{name}: 'http")
    assert "memory:" in told.stderr


def test_it_starts_and_stops_when_told():
    environment = {"TIDEWRIGHT_REST_PORT": "0", "TIDEWRIGHT_GRPC_PORT": "0", "TIDEWRIGHT_HOST": "127.0.0.1"}
    with subprocess.Popen(
        [sys.executable, "-m", "data_validation"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr:
            if '"ready"' in line:
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(60) == 0
    assert '"stopped"' in rest
