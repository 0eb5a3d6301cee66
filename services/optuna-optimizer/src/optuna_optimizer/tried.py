"""Trials of a study as they are asked for: pages of them, those that none beats, and how much each field matters; while it is searched too."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, Literal, TypeAlias, TypeVar

from optuna_optimizer.headlines import Candidate, candidate
from optuna_optimizer.jobs import Job, Planned
from optuna_optimizer.shelf import Shelf
from tidewright.adapters.study_results import load
from tidewright.domain.selection import front, knee
from tidewright.domain.trials import State, Trial
from tidewright.ports import StudyNotFound, StudyStore

Order: TypeAlias = Literal["number", "newest", "best"]

MOST_SHOWN = 500
"""Trials of a Pareto front that are told of."""

_READ = 4
"""Studies whose trials are kept in mind."""

Known = TypeVar("Known")
Stood: TypeAlias = tuple[str, int | None, int]


@dataclass(frozen=True, slots=True)
class Front:
    """The trials that no other beats, the best first objective first, and the number of the one nearest to having the best of everything; `final` once no more trials can change it."""

    trials: Sequence[Candidate]
    knee: int | None
    final: bool


@dataclass(frozen=True, slots=True)
class Importance:
    """Shares of the searched fields, the largest first, and how many complete trials they are told from; `final` as of `Front`."""

    shares: Sequence[tuple[str, float]]
    trials: int
    final: bool


class Tried:
    """Reads trials from the store and, of a finished study whose trials are not there any more, from its results. What was read is kept until the study is told to stand differently."""

    def __init__(self, store: StudyStore, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf
        self._reading, self._weighing = asyncio.Lock(), asyncio.Lock()
        self._read: OrderedDict[str, tuple[Stood, Sequence[Trial]]] = OrderedDict()
        self._shares: OrderedDict[str, tuple[Stood, Importance]] = OrderedDict()

    async def trials(self, job: Job) -> Sequence[Trial]:
        """All trials of a study, by number, without their figures and returns. Raises ArchiveUnavailable."""
        async with self._reading:  # many who ask at once are answered from one reading
            stood = _stood(job)
            known = self._read.pop(job.id, None)
            if known is None or known[0] != stood:
                known = stood, await asyncio.to_thread(self._stored, job.id)
            _remember(self._read, job.id, known)
            return known[1]

    async def front(self, job: Job, planned: Planned) -> Front:
        trials = await self.trials(job)
        directions = [one.direction for one in planned.objectives]
        found = await asyncio.to_thread(front, trials, directions)
        nearest = knee(found, directions) if len(directions) > 1 else None
        shown = [candidate(trial) for trial in found[:MOST_SHOWN]]
        return Front(shown, None if nearest is None else nearest.number, final=False)

    async def importance(self, job: Job, planned: Planned) -> Importance:
        """For the first objective; no shares where they cannot be told."""
        complete = [trial for trial in await self.trials(job) if trial.state == "Complete"]
        async with self._weighing:
            stood = _stood(job)
            known = self._shares.pop(job.id, None)
            if known is None or known[0] != stood:
                shares = await asyncio.to_thread(_shares, complete, planned)
                known = stood, Importance(shares, len(complete), final=False)
            _remember(self._shares, job.id, known)
            return known[1]

    def forget(self, study: str) -> None:
        self._read.pop(study, None)
        self._shares.pop(study, None)

    def _stored(self, study: str) -> Sequence[Trial]:
        try:
            return self._store.trials(study, tables=False)
        except StudyNotFound:
            pass
        try:
            return load(self._shelf.place(study)).trials
        except (OSError, ValueError, KeyError):  # nothing is found yet
            return []


def final_front(record: Mapping[str, Any]) -> Front:
    """Of the trials that the record of a study counts."""
    candidates = record["candidates"]
    best = [] if candidates["best"] is None else [candidates["best"]]
    return Front(record["front"] or best, (candidates["knee"] or {}).get("number"), final=True)


def final_importance(record: Mapping[str, Any]) -> Importance:
    """Of the trials that the record of a study counts."""
    shares = [(one["name"], one["share"]) for one in record["importance"]]
    return Importance(shares, record["trials"]["complete"], final=True)


def page(
    trials: Sequence[Trial], planned: Planned | None, state: State | None, order: Order, offset: int, limit: int
) -> tuple[int, Sequence[Trial]]:
    """How many trials have the state, and some of them in the order that is wanted."""
    found = [trial for trial in trials if state is None or trial.state == state]
    if order == "newest":
        found.reverse()
    elif order == "best" and planned is not None:
        sign = -1.0 if planned.objectives[0].direction == "Maximize" else 1.0
        found.sort(key=lambda trial: _cost(trial, sign))
    return len(found), found[offset : offset + limit]


def _stood(job: Job) -> Stood:
    return job.state, job.started, job.standing.done


def _cost(trial: Trial, sign: float) -> tuple[bool, bool, float, int]:
    value = trial.values[0] if trial.values else nan
    known = isfinite(value)
    return not known, not trial.feasible, sign * value if known else 0.0, trial.number


def _shares(trials: Sequence[Trial], planned: Planned) -> list[tuple[str, float]]:
    from optuna_optimizer.search.importance import importance  # noqa: PLC0415 - a second for optuna, for those who ask

    return importance(trials, planned.space, 0, [one.direction for one in planned.objectives])


def _remember(known: OrderedDict[str, Known], study: str, value: Known) -> None:
    known[study] = value
    if len(known) > _READ:
        known.popitem(last=False)
