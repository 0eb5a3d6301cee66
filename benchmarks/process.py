"""Measuring in a process of its own: `Contestant` asks it, `serve` answers there."""

import gc
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Self

REPOSITORY = Path(__file__).parents[1]


class Contestant:
    """A process that runs the tasks of a module of this package on the bars in `folder`, one at a time, and is asked for them by name."""

    def __init__(self, module: str, folder: Path, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", str(folder)],
            env=clean_environment() | environment,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, task: str, *arguments: int) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([task, *arguments]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{task} failed; its traceback is above")
        return json.loads(answer)


def clean_environment() -> dict[str, str]:
    """This process's environment without what changes how Python or numba work: everyone is measured at the defaults."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "PYTHON", "TIDEWRIGHT_"))
    }


def serve(tasks: Mapping[str, Callable[..., Any]]) -> None:
    answers = sys.stdout
    with redirect_stdout(sys.stderr):
        for line in sys.stdin:
            task, *arguments = json.loads(line)
            print(json.dumps(tasks[task](*arguments)), file=answers, flush=True)


def seconds(function: Callable[[], object], calls: int = 10, unmeasured: int = 5) -> list[float]:
    """How long each of the calls takes, without the garbage collector in between.

    The first ones do not count: the processor takes a few to learn the branches and to fill its caches.
    """
    gc.collect()
    gc.disable()
    times = []
    for _ in range(unmeasured + calls):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    gc.enable()
    return times[unmeasured:]


def in_turns(rounds: int, **contestants: Callable[[], list[float]]) -> dict[str, list[float]]:
    """The times of each, taking turns: what disturbs the machine disturbs all alike."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            times[name] += contestant()
    return times


def peak() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def ratio(slower: list[float], faster: list[float]) -> float:
    return median(slower) / median(faster)
