"""Pieces of work between the request and the result: what is waited for, how far it is, and how it ended."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from backtest_engine.tasks import Task
from tidewright.ports import Clock
from tidewright.serving.failures import Failure, Kind
from tidewright.specs.status import Progress

State: TypeAlias = Literal[
    "Queued", "Running", "Complete", "Refused", "DataMissing", "StrategyFailed", "Failed", "Cancelled"
]

ACTIVE = ("Queued", "Running")


@dataclass(eq=False)
class Job:
    """One piece of work. `changed` is set, and another takes its place, whenever anything about it changes."""

    id: str
    task: Task
    clock: Clock
    bars: int = 0
    deadline: float | None = None
    state: State = "Queued"
    message: str = ""
    progress: Progress = field(default_factory=Progress)
    document: Mapping[str, Any] | None = None
    created: int = 0
    started: int | None = None
    ended: int | None = None
    cancelling: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.created = self.clock.now()

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    def begin(self) -> None:
        self.state, self.started = "Running", self.clock.now()
        self._tell()

    def tell(self, progress: Progress) -> None:
        self.progress = progress
        self._tell()

    def end(self, reason: State, message: str = "", document: Mapping[str, Any] | None = None) -> None:
        """Once and for all; what comes later is too late."""
        if not self.active:
            return
        self.state, self.message, self.document, self.ended = reason, message, document, self.clock.now()
        if reason == "Complete":
            self.progress = Progress(percent=100)
        self._tell()

    async def over(self) -> None:
        """Wait until it has ended."""
        while self.active:
            await self.changed.wait()

    def _tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class JobQueue:
    """Jobs by id, and those that wait, first come first served; what has ended is remembered for as long as there are at most `kept` of them."""

    def __init__(self, most_waiting: int, kept: int) -> None:
        self._most = most_waiting
        self._kept = kept
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._waiting: deque[Job] = deque()
        self._more = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def add(self, job: Job) -> Job:
        """Have a job done, or the same one that is waiting or at work already. Raises Failure where too many wait."""
        known = self._jobs.get(job.id)
        if known is not None and known.active:
            return known
        if len(self._waiting) >= self._most:
            raise Failure(Kind.BUSY, f"{len(self._waiting)} jobs wait for a worker; try again later")
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        self._waiting.append(job)
        self._more.set()
        self._forget()
        return job

    def cancel(self, job: Job) -> None:
        """One that waits has ended at once; one at work ends as soon as its process is killed."""
        job.cancelling.set()
        if job in self._waiting:
            self._waiting.remove(job)
            job.end("Cancelled", "cancelled before it began")

    async def take(self) -> Job:
        """The job that has waited longest, as soon as there is one; nothing is lost where whoever waits is cancelled."""
        while not self._waiting:
            self._more.clear()
            await self._more.wait()
        return self._waiting.popleft()

    def _forget(self) -> None:
        ended = [key for key, job in self._jobs.items() if not job.active]
        for key in ended[: max(len(ended) - self._kept, 0)]:
            del self._jobs[key]
