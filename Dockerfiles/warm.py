"""Runs what an image will run, so that its machine code is in the image: ``python warm.py SAMPLES`` fills ``$XDG_CACHE_HOME/tidewright/compiled``.

Nothing of the results is kept. What is not run here is compiled by the container that comes to need it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tidewright.adapters.simulated import EXCHANGE
from tidewright.api import run_all
from tidewright.domain.bars import Bars
from tidewright.domain.cscv import backtest_overfitting
from tidewright.domain.quality.rows import BarWatch, TradeWatch
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.tape import Tape


def main(samples: Path) -> None:
    runs = {path: resource for path in sorted(samples.glob("backtestrun-*.yaml")) for resource in alone(path)}
    with tempfile.TemporaryDirectory() as results:
        folders = [f"{results}/{path.stem}" for path in runs]
        for path, folder in zip(runs, folders, strict=True):
            tidewright("run", str(path), "--output", folder, "--quiet")
        tidewright("compare", *folders, "--json")
    for name in BUILTINS:
        for resource in runs.values():
            strategy = resource["spec"]["strategy"]
            strategy |= {"source": {"builtin": name}, "parameters": {}}
            strategy["risk"].pop("rankBy", None)  # a column of its own strategy
            run_all(resource)
    judge()
    backtest_overfitting(np.random.default_rng(7).normal(size=(640, 4)))


def alone(path: Path) -> Iterator[dict[str, Any]]:
    """The one resource of a file, where it needs neither bars nor a strategy from elsewhere."""
    resource, *others = yaml.safe_load_all(path.read_text())
    if not others and resource["spec"]["data"]["exchange"] == EXCHANGE and "source" in resource["spec"]["strategy"]:
        yield resource


def judge() -> None:
    """The quality rules of bars and of trades."""
    numbers, ones = np.arange(1, 3), np.ones(2)
    BarWatch("BTC/USDT", 1).judge(Bars(numbers, ones, ones, ones, ones, ones, 1))
    TradeWatch("BTC/USDT").judge(Tape(numbers, numbers, ones, ones, ones > 0))


def tidewright(*arguments: str) -> None:
    command = [sys.executable, "-m", "tidewright.cli", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command


if __name__ == "__main__":
    main(Path(sys.argv[1]))
