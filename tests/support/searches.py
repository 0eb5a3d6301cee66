"""Searches whose best is known, with evaluations that worker processes can be given: they are told by pickles."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optuna_optimizer.plan import Evaluate, Plan
from tidewright.domain.trials import Dimension, Trial

SPACE = (Dimension("x", "Float", -10, 10), Dimension("y", "Int", -10, 10))
GRID = (Dimension("x", "Int", -9, 10, 1), Dimension("y", "Int", -7, 7, 1))
KEY = "default/search"


def plan(**more) -> Plan:
    """Of a bowl, whose lowest place is x = 2, y = 0."""
    told = {"key": KEY, "space": SPACE, "directions": ("Minimize",), "trials": 40}
    return Plan(**(told | more))


def bowl(number, named, report=lambda step, value: False) -> Trial:
    return Trial(number, dict(named), "Complete", values=((named["x"] - 2.0) ** 2 + named["y"] ** 2,))


def in_windows(number, named, report) -> Trial:
    """The bowl, reported in six windows."""
    for step in range(6):
        if report(step, bowl(number, named).values[0] + 6 - step):
            return Trial(number, dict(named), "Pruned", reason="Pruned")
    return bowl(number, named)


@dataclass(frozen=True)
class Slowly:
    """The bowl, in so many seconds a trial."""

    seconds: float = 0.02

    def __call__(self) -> Evaluate:
        def evaluate(number, named, report):
            time.sleep(self.seconds)
            return bowl(number, named)

        return evaluate


@dataclass(frozen=True)
class Deadly:
    """The bowl; the trials of some numbers kill their worker, as often as the file of each allows."""

    folder: Path
    numbers: tuple[int, ...]
    times: int = 1_000_000

    def __call__(self) -> Evaluate:
        def evaluate(number, named, report):
            if number in self.numbers:
                marks = self.folder / f"died-{number}"
                with marks.open("ab") as file:
                    file.write(b"x")
                if marks.stat().st_size <= self.times:
                    os.kill(os.getpid(), signal.SIGKILL)
            return bowl(number, named)

        return evaluate


@dataclass(frozen=True)
class Noted:
    """The evaluation of another, slowly; the process of each trial is written down."""

    folder: Path
    seconds: float
    other: Callable[[], Evaluate] = Slowly(0.0)

    def __call__(self) -> Evaluate:
        evaluate = self.other()
        (self.folder / f"pid-{os.getpid()}").touch()

        def noted(number, named, report):
            time.sleep(self.seconds)
            return evaluate(number, named, report)

        return noted

    def pids(self) -> list[int]:
        return [int(path.name.removeprefix("pid-")) for path in self.folder.glob("pid-*")]


@dataclass(frozen=True)
class Unstartable:
    """An evaluation that cannot be made."""

    def __call__(self) -> Evaluate:
        raise FileNotFoundError("the bars are gone")


def facts(trials) -> list[tuple]:
    """What two searches with the same trials have in common."""
    return [(trial.number, dict(trial.parameters), trial.state, trial.values) for trial in trials]
