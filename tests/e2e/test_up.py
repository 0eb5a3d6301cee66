"""``tidewright up`` as a process, with the signal service over the embedded market."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

STRATEGY = """
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata: {name: ma-cross}
spec:
  source: {builtin: MovingAverageCross}
  symbols: [BTC/USDT]
  timeframe: 1h
"""


@contextmanager
def up(folder, *options):
    outside = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWRIGHT_")}
    told = {"EXCHANGE": "simulated", "REPLAY_FROM": "2024-01-01", "ARCHIVE": ""}
    environment = outside | {f"TIDEWRIGHT_{name}": value for name, value in told.items()}
    command = [sys.executable, "-m", "tidewright.cli", "up", "--folder", folder, "--free-ports", *options]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_with(process, text):
    told = []
    for line in process.stdout:
        told.append(line)
        if text in line:
            return line
        assert "its last line was" not in line, line
    raise AssertionError(f"it ended without {text!r}:\n{''.join(told)}")


def test_it_starts_shows_and_ends_everything_in_order(tmp_path):
    (tmp_path / "strategy.yaml").write_text(STRATEGY)
    folder = tmp_path / "stack"
    with up(folder, "--only", "signals", "--strategy", tmp_path / "strategy.yaml") as process:
        assert line_with(process, "export TIDEWRIGHT_STREAMS=redis://:")
        assert line_with(process, "signals: ready at http://127.0.0.1:")
        with up(folder) as second:
            assert (
                f"(process {process.pid}) runs in {folder}; stop it, or name another --folder" in second.stdout.read()
            )
            assert second.wait() == 2
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().splitlines()
        assert process.wait() == 0
    assert rest[-3:] == ["Stopping: services first, then servers", "redis: stopped", "signals: stopped"]
    assert '"event": "stopped"' in (folder / "logs/signals.log").read_text()


def test_a_service_that_there_is_not_is_told_the_nearest(tmp_path):
    with up(tmp_path, "--only", "signal") as process:
        assert "there is no service 'signal'. Did you mean signals? Installed are" in process.stdout.read()
        assert process.wait() == 2
