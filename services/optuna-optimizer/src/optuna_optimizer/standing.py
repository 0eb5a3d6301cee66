"""How far a search is, how it ended, and when it has failed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from optuna_optimizer.plan import Plan
from tidewright.domain.selection import best
from tidewright.domain.trials import Trial

ENOUGH = 20
"""Trials after which it is judged whether most of them fail."""

_MOST = 0.8


class StudyFailed(RuntimeError):
    """Most trials fail; the message says how many, the commonest reasons and an example of each."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many trials of a study there are of each state, of how many; `best` is by the first objective, None where no trial is feasible."""

    asked: int
    complete: int = 0
    pruned: int = 0
    failed: int = 0
    infeasible: int = 0
    best: Trial | None = None

    @property
    def done(self) -> int:
        """Trials that are finished, whichever way."""
        return self.complete + self.pruned + self.failed


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a search ended, and how it stood; trials with a number from `counted` on do not count."""

    reason: Literal["Complete", "Stagnated", "TimedOut", "Stopped"]
    counted: int
    standing: Standing


def standing_of(plan: Plan, trials: Sequence[Trial], asked: int) -> Standing:
    """How a study stands with these trials."""
    states = Counter(trial.state for trial in trials)
    infeasible = sum(trial.state == "Complete" and not trial.feasible for trial in trials)
    return Standing(
        asked, states["Complete"], states["Pruned"], states["Failed"], infeasible, best(trials, plan.directions)
    )


def refuse_failing(trials: Sequence[Trial]) -> None:
    """Raises StudyFailed once most of enough trials have failed."""
    failed = [trial for trial in trials if trial.state == "Failed"]
    if len(trials) < ENOUGH or len(failed) <= _MOST * len(trials):
        return
    told = []
    for (reason, message), number in Counter((trial.reason, trial.message) for trial in failed).most_common(3):
        example = next(trial for trial in failed if (trial.reason, trial.message) == (reason, message))
        values = ", ".join(f"{name}={value}" for name, value in example.parameters.items())
        told.append(f"{number} times {reason}: {message} (trial {example.number}: {values})")
    message = f"{len(failed)} of {len(trials)} trials failed, so the study was stopped; mend the strategy, or narrow the space"
    raise StudyFailed(f"{message}\n" + "\n".join(told))


def stagnated_at(plan: Plan, trials: Sequence[Trial]) -> int | None:
    """The number of trials after which none was better for as long as the plan allows, None where the study has not come to that; `trials` are the first ones of the study, without a gap."""
    if plan.stagnation is None:
        return None
    sign = 1.0 if plan.directions[0] == "Maximize" else -1.0
    highest, last = float("-inf"), 0
    for place, trial in enumerate(trials):
        if trial.feasible and sign * trial.values[0] > highest:
            highest, last = sign * trial.values[0], place + 1
        if place + 1 - last >= plan.stagnation:
            return place + 1
    return None
