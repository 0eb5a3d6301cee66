"""Wall time of the command, as a person waits for it: the project's own environment, a data folder of its own, compiled code cached."""

import subprocess
from pathlib import Path

from benchmarks.process import REPOSITORY, clean_environment, once

TIDEWRIGHT = REPOSITORY / ".venv/bin/tidewright"
SAMPLE = REPOSITORY / "manifests/samples/backtestrun-ma-cross.yaml"
MARKET = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")


def wall_times(bars: str, folder: Path) -> dict[str, list[float]]:
    """Of ``tidewright run`` on the sample that trades the hourly bars, and of ``tidewright --help``; `bars` is the file to import."""
    environment = clean_environment() | {"TIDEWRIGHT_DATA": str(folder / "data")}

    def tidewright(*arguments: str) -> None:
        done = subprocess.run([TIDEWRIGHT, *arguments], env=environment, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    tidewright("data", "import", bars, *MARKET)
    times: dict[str, list[float]] = {}
    for name, arguments, calls in (("run", ("run", str(SAMPLE)), 5), ("help", ("--help",), 11)):
        tidewright(*arguments)
        times[name] = [once(lambda arguments=arguments: tidewright(*arguments)) for _ in range(calls)]
    return times
