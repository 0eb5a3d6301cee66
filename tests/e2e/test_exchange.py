"""``tidewright exchange`` as people use it: it says where it is, serves, and ends with Ctrl-C."""

import signal
import subprocess
import sys

import pytest
from exchange_tapes import record, trade
from local_exchange import get, process

WAIT = 60


@pytest.fixture
def recording(tmp_path):
    return record(tmp_path / "recording", *((time, trade(time, time)) for time in range(1, 2_000)))


def started(*arguments):
    command = [sys.executable, "-m", "tidewright.cli", "exchange", "--port", "0", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_when_it_is_told_to(recording, tmp_path, number):
    with started("--replay", str(recording), "--ready-file", str(tmp_path / "url")) as running:
        url = running.stdout.readline().rpartition(" at ")[2].strip()
        assert (tmp_path / "url").read_text() == f"{url}\n"
        assert get(f"{url}/api/v3/ticker/price?symbol=BTCUSDT") == {"symbol": "BTCUSDT", "price": "100.00000000"}
        running.send_signal(number)
        _, errors = running.communicate(timeout=WAIT)
    assert (running.returncode, errors) == (0, "")


def test_it_can_end_with_its_tape(recording):
    with started("--replay", str(recording), "--speed", "max", "--no-wait", "--exit-at-end") as running:
        out, errors = running.communicate(timeout=WAIT)
    assert (running.returncode, errors) == (0, "")
    assert "serving BTCUSDT at http://127.0.0.1:" in out


def test_stored_bars_and_simulations_are_served_too(tmp_path):
    with process("--bars", "ETH/USDT 1h on simulated", "--start", "2024-01-02", "--wait", folder=tmp_path) as url:
        rows = get(f"{url}/api/v3/klines?symbol=ETHUSDT&interval=1d&limit=2")
        assert rows[0][0] == 1_704_067_200_000
        assert rows[0][8] == 96
    with process(
        "--simulate", "DOGE/USDT", "--history", "2h", "--seed", "3", "--fault", "http-5xx=0", folder=tmp_path
    ) as url:
        assert len(get(f"{url}/api/v3/klines?symbol=DOGEUSDT&interval=1h")) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "Say what to serve"),
        (("--simulate", "BTC/USDT", "--bars", "BTC/USDT 1h on simulated"), "Say what to serve"),
        (("--simulate", "nothing"), "'nothing' is no symbol"),
        (("--bars", "BTC/USDT"), "write them as in BTC/USDT 1h on binance"),
        (("--bars", "BTC/USDT 7h on simulated"), "the embedded market has no BTC/USDT 7h"),
        (("--bars", "BTC/USDT 1h on simulated", "--start", "1999-01-01"), "cannot start at 1999-01-01"),
        (("--simulate", "BTC/USDT", "--speed", "fast"), "'fast' is no speed"),
        (("--simulate", "BTC/USDT", "--fault", "drop"), "write NAME=RATE or NAME@TIME"),
        (("--simulate", "BTC/USDT", "--fault", "drop=2"), "drop.rate: 2.0 is no probability"),
        (("--simulate", "BTC/USDT", "--fault", "drip=0.1"), "there are drop, silence"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_remedy(arguments, reason):
    with started(*arguments) as running:
        _, errors = running.communicate(timeout=WAIT)
    assert running.returncode == 2
    assert reason in " ".join(errors.replace("│", " ").split())


def test_a_port_that_is_taken_is_told(recording):
    with started("--replay", str(recording)) as first:
        port = first.stdout.readline().rpartition(":")[2].strip()
        with started("--replay", str(recording), "--port", port) as second:
            _, errors = second.communicate(timeout=WAIT)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=WAIT)
    assert second.returncode == 1
    assert "address already in use" in errors
