"""Wall time of the command, as a person waits for it: the project's own environment, a data folder of its own, compiled code cached."""

import subprocess
from functools import partial
from pathlib import Path

from benchmarks.process import REPOSITORY, clean_environment, seconds

TIDEWRIGHT = REPOSITORY / ".venv/bin/tidewright"
SAMPLE = REPOSITORY / "manifests/samples/backtestrun-ma-cross.yaml"
MARKET = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")


def wall_times(bars: str, folder: Path) -> dict[str, list[float]]:
    """Of ``tidewright run`` on the sample that trades the hourly bars, and of ``tidewright --help``; `bars` is the file to import."""
    environment = clean_environment() | {"TIDEWRIGHT_DATA": str(folder / "data")}

    def tidewright(*arguments: str) -> None:
        subprocess.run([TIDEWRIGHT, *arguments], env=environment, cwd=folder, stdout=subprocess.DEVNULL, check=True)

    tidewright("data", "import", bars, *MARKET)
    return {
        "run": seconds(partial(tidewright, "run", str(SAMPLE)), calls=5, unmeasured=1),
        "help": seconds(partial(tidewright, "--help"), calls=11, unmeasured=1),
    }
