"""The process of the service."""

import os
import subprocess
import sys

import pytest

COMMAND = (sys.executable, "-m", "optuna_optimizer")


@pytest.fixture
def environment(tmp_path):
    return {
        **os.environ,
        "TIDEWRIGHT_RESULTS": str(tmp_path / "results"),
        "TIDEWRIGHT_HOST": "127.0.0.1",
        "TIDEWRIGHT_REST_PORT": "0",
        "TIDEWRIGHT_GRPC_PORT": "0",
    }


def test_help_names_every_setting():
    told = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    for name in ("STUDIES", "DASHBOARD", "SEARCHES", "MAX_TRIALS (default 100000)", "REST_PORT"):
        assert f"TIDEWRIGHT_{name}" in told


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("STORE", "s3://bars", "TIDEWRIGHT_STORE: 's3://bars': this version does not know s3://"),
        ("STUDIES", "redis://x", "TIDEWRIGHT_STUDIES: 'redis' is no store of trials"),
        ("TRACKING", "mlflow", "TIDEWRIGHT_TRACKING: 'mlflow' names no tracker"),
        ("SEARCHES", "none", "TIDEWRIGHT_SEARCHES: 'none'"),
        ("RESULTS", "/proc/nowhere", "TIDEWRIGHT_RESULTS: '/proc/nowhere'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(environment, variable, value, told):
    ended = subprocess.run(
        COMMAND, env=environment | {f"TIDEWRIGHT_{variable}": value}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert told in ended.stderr
