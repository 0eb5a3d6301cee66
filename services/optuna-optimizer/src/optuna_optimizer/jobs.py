"""Studies between the request and the result: what is waited for, how far it is, and how it ended."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, TypeAlias

from tidewright.domain.trials import Dimension
from tidewright.serving.failures import Failure, Kind

State: TypeAlias = Literal[
    "Queued", "Running", "Complete", "Refused", "DataMissing", "StrategyFailed", "Failed", "Cancelled"
]

ACTIVE = ("Queued", "Running")

SEARCHED = 90
"""Percent of the work that the search is taken to be; the evaluation has the rest."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A figure by its name in the table of metrics."""

    metric: str
    direction: Literal["Maximize", "Minimize"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a study comes to once its data are there."""

    asked: int
    objectives: tuple[Objective, ...]
    space: tuple[Dimension, ...]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """From `dataclasses.asdict`, by way of JSON."""
        objectives = tuple(Objective(**one) for one in value["objectives"])
        space = tuple(Dimension(**{**one, "choices": tuple(one["choices"])}) for one in value["space"])
        return cls(value["asked"], objectives, space)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many trials there are of each state, and the best of them: its number, parameters and values, of which an undefined one is None."""

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    infeasible: int = 0
    best: Mapping[str, Any] | None = None

    @property
    def done(self) -> int:
        return self.complete + self.pruned + self.failed


@dataclass(eq=False)
class Job:
    """One study. `trials` are wanted of it, 0 stands for all of a grid; `attempts` is how often it was begun without an orderly end. One that is `forgotten` is kept nowhere.

    `changed` is set, and another takes its place, whenever anything about it changes. Times in milliseconds.
    """

    id: str
    resource: Mapping[str, Any]
    trials: int
    created: int
    earlier: str = ""
    state: State = "Queued"
    message: str = ""
    attempts: int = 0
    started: int | None = None
    ended: int | None = None
    planned: Planned | None = None
    standing: Standing = Standing()
    stage: str = ""
    share: float = 0.0
    eta: int | None = None
    forgotten: bool = False
    deleting: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return str(self.resource["metadata"]["name"])

    @property
    def sampler(self) -> str:
        return str(self.resource["spec"]["sampler"]["name"])

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def asked(self) -> int | None:
        """How many trials there will be, as far as that is known."""
        return self.trials or (self.planned.asked if self.planned else None)

    @property
    def percent(self) -> int:
        """Share of the work that is done; the evaluation tells its own `share`, in 0..1."""
        if self.state == "Complete":
            return 100
        searched = min(self.standing.done / self.asked, 1.0) if self.asked else 0.0
        evaluated = (100 - SEARCHED) * self.share
        return int(SEARCHED * (1.0 if self.share else searched) + evaluated)

    def begin(self, now: int) -> None:
        self.state, self.message, self.started, self.ended = "Running", "", now, None
        self.attempts += 1
        self._tell()

    def plan(self, planned: Planned) -> None:
        self.planned = planned
        self._tell()

    def stand(self, standing: Standing, eta: int | None) -> None:
        self.standing, self.eta = standing, eta
        self._tell()

    def enter(self, stage: str, share: float) -> None:
        """A step has begun, after `share` of the evaluation."""
        self.stage, self.share = stage, share
        if share:
            self.eta = None
        self._tell()

    def wait(self) -> None:
        """It is to be worked on, from the beginning or from the trials that there are."""
        self.state, self.message, self.ended = "Queued", "", None
        self.stage, self.share, self.eta = "", 0.0, None
        self._tell()

    def end(self, state: State, message: str, now: int) -> None:
        self.state, self.message, self.ended = state, message, now
        self.stage, self.share, self.eta, self.attempts = "", 0.0, None, 0
        self._tell()

    async def over(self) -> None:
        """Wait until it has ended."""
        while self.active:
            await self.changed.wait()

    def _tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def record(self) -> dict[str, Any]:
        """What outlives the process, as JSON values."""
        names = ("id", "resource", "trials", "created", "earlier", "state", "message", "attempts", "started", "ended")
        planned = None if self.planned is None else asdict(self.planned)
        return {name: getattr(self, name) for name in names} | {"planned": planned, "standing": asdict(self.standing)}

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """The study of a `record`. Raises ValueError, KeyError and TypeError for what is none."""
        planned = None if value["planned"] is None else Planned.read(value["planned"])
        return cls(**{**value, "planned": planned, "standing": Standing(**value["standing"])})


class JobQueue:
    """Studies by id, and those that wait, first come first served: at most `most_waiting` of at most `most_kept`."""

    def __init__(self, most_waiting: int, most_kept: int) -> None:
        self._most_waiting = most_waiting
        self._most_kept = most_kept
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._more = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def get(self, study: str) -> Job | None:
        return self._jobs.get(study)

    def all(self) -> list[Job]:
        """The newest first."""
        return sorted(self._jobs.values(), key=lambda job: (job.created, job.id), reverse=True)

    def check_room(self, study: str) -> None:
        """Raises Failure where there is none for one more of this id."""
        if study not in self._jobs and len(self._jobs) >= self._most_kept:
            message = f"{len(self._jobs)} studies are kept here, and no more; DELETE some that are not needed any more"
            raise Failure(Kind.PRECONDITION, message)
        if len(self._waiting) >= self._most_waiting:
            raise Failure(Kind.BUSY, f"{len(self._waiting)} studies wait for their turn; try again later")

    def add(self, job: Job) -> None:
        """Have a study worked on, or worked on again."""
        self._jobs[job.id] = job
        job.wait()
        self._waiting.append(job)
        self._more.set()

    def restore(self, jobs: Iterable[Job]) -> None:
        """Take over what was there before the process; those that had not ended wait again, in the order in which they were asked for."""
        for job in sorted(jobs, key=lambda job: job.created):
            self._jobs[job.id] = job
            if job.active:
                self.add(job)

    def drop(self, job: Job) -> bool:
        """Whether it was waiting, and does not any more."""
        if job not in self._waiting:
            return False
        self._waiting.remove(job)
        return True

    def forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)

    async def take(self) -> Job:
        """The study that has waited longest, as soon as there is one; nothing is lost where whoever waits is cancelled."""
        while not self._waiting:
            self._more.clear()
            await self._more.wait()
        return self._waiting.popleft()
