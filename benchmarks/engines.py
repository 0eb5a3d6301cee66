"""``engine: Both`` on the hourly bars, by the strategy of the sample manifest: how long a run takes, and how much of that Backtrader.

``python -m benchmarks.engines FILE FOLDER`` prints the seconds of every run as JSON. It needs the project's own environment, which has Backtrader.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.command import MARKET, SAMPLE, TIDEWRIGHT
from benchmarks.process import REPOSITORY, clean_environment

PYTHON = REPOSITORY / ".venv/bin/python"
RUNS = 3


def both_times(bars: str, folder: Path) -> dict[str, list[float]]:
    """Seconds of each run as a whole, and of Backtrader in it; `bars` is the file to import."""
    command = [PYTHON, "-m", "benchmarks.engines", bars, folder]
    asked = subprocess.run(command, cwd=REPOSITORY, env=clean_environment(), stdout=subprocess.PIPE, check=True)
    times: dict[str, list[float]] = json.loads(asked.stdout)
    return times


def measured(bars: str, folder: Path) -> dict[str, list[float]]:
    import tidewright  # noqa: PLC0415
    from backtest_engine.engine import BacktraderEngine  # noqa: PLC0415 - the process that asks for the times has none

    os.environ["TIDEWRIGHT_DATA"] = str(folder / "engines")
    subprocess.run([TIDEWRIGHT, "data", "import", bars, *MARKET], stdout=subprocess.DEVNULL, check=True)
    both = folder / "both.yaml"
    both.write_text(SAMPLE.read_text(encoding="utf-8") + "  engine: Both\n", encoding="utf-8")
    times: dict[str, list[float]] = {"whole": [], "backtrader": []}
    trade = BacktraderEngine.trade

    def timed(*given):
        start = perf_counter()
        answer = trade(*given)
        times["backtrader"].append(perf_counter() - start)
        return answer

    BacktraderEngine.trade = timed
    for _ in range(RUNS):
        start = perf_counter()
        result = tidewright.run(both)
        times["whole"].append(perf_counter() - start)
        assert result.document["checks"]["engines"]["passed"], "the engines do not agree"
    return times


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]))))
