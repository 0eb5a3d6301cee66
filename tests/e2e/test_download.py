"""The command as people use it: a download, Ctrl-C or worse in the middle of it, and the same command again."""

import json
import os
import signal
import subprocess
import sys
from threading import Event

import pytest
from fake_binance import FakeBinance, at, stall

WAIT = 60
START = "2024-06-01"


@pytest.fixture
def binance():
    with FakeBinance(now=at("2025-03-10T12:34:56"), listed=at(START)) as server:
        yield server


@pytest.fixture
def start(binance, tmp_path):
    def command(*arguments):
        addresses = {"TIDEWRIGHT_ARCHIVE_URL": binance.url, "TIDEWRIGHT_REST_URL": binance.url}
        return subprocess.Popen(
            [sys.executable, "-m", "tidewright.cli", "data", *arguments],
            env=os.environ | addresses | {"TIDEWRIGHT_DATA": str(tmp_path / "data")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return command


DOWNLOAD = ("download", "--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h", "--start", START)


def files(binance):
    return {path for path in binance.requests if path.endswith(".zip")}


def finished(process):
    stdout, stderr = process.communicate(timeout=WAIT)
    return process.returncode, stdout, stderr


def listed(start):
    _, stdout, _ = finished(start("list", "--json"))
    return [market for market in json.loads(stdout) if market["exchange"] == "binance"]


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_download_that_is_interrupted_goes_on_and_downloads_nothing_twice(start, binance, blow):
    reached = stalled(binance, "2025-01.zip")
    process = start(*DOWNLOAD, "--connections", "1")
    assert reached.wait(WAIT)
    process.send_signal(blow)
    code, _, stderr = finished(process)
    first = files(binance)
    binance.requests.clear()

    if blow is signal.SIGINT:
        assert code == 130
        assert (
            stderr.splitlines()[-1] == "Interrupted: what was downloaded is kept; the same command goes on from there."
        )
        assert listed(start)[0]["bars"] > 0
    code, stdout, _ = finished(start(*DOWNLOAD))
    assert code == 0
    assert "6,780 bars, 2024-06-01 00:00 to 2025-03-10 11:00 UTC, 0 gaps" in stdout
    assert len(first) >= 6
    assert files(binance) & first <= {path for path in first if "2025-01" in path}
    assert finished(start("verify"))[0] == 0


def stalled(binance, part):
    """Stalls the download of a file, and says when it has."""
    reached = Event()

    def fault(handler, body):
        reached.set()
        return stall(handler, body)

    binance.fail(f"{part}.CHECKSUM", lambda handler, body: False)
    binance.fail(part, fault)
    return reached


def test_what_was_downloaded_can_be_made_into_longer_bars(start):
    assert finished(start(*DOWNLOAD, "--end", "2024-08-01"))[0] == 0
    code, stdout, _ = finished(
        start("resample", "--exchange", "binance", "--symbol", "BTC/USDT", "--from", "1h", "--to", "1d")
    )

    assert code == 0
    assert "61 bars added" in stdout
    assert [(market["timeframe"], market["bars"]) for market in listed(start)] == [("1h", 1464), ("1d", 61)]
