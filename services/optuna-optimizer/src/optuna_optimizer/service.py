"""The use case: studies for whoever asks over the network, how they stand, and what they found."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from optuna_optimizer.jobs import Job, JobQueue, Planned, State
from optuna_optimizer.processes import Processes
from optuna_optimizer.requests import Asked, identifier, read_study, stored_digests
from optuna_optimizer.settings import OptimizerSettings
from optuna_optimizer.shelf import Shelf
from optuna_optimizer.tried import Front, Importance, Order, Tried, final_front, final_importance, page
from tidewright.domain.provenance import record_digest
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.domain.trials import State as TrialState
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, BarStore, Clock, StudyStore
from tidewright.runs.refusal import InputRefused
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.keys import Keys
from tidewright.serving.logs import logger
from tidewright.specs.problems import nearest

MOST_LISTED = 1_000

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class View:
    """A study as it stands, and the record of what was found, once there is one."""

    job: Job
    record: Mapping[str, Any] | None = None


class StudyService:
    """Has studies worked on by processes, and answers from the queue, from the store of trials and from what was found."""

    def __init__(
        self,
        settings: OptimizerSettings,
        bars: BarStore,
        store: StudyStore,
        shelf: Shelf,
        jobs: JobQueue,
        processes: Processes,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._bars = bars
        self._store = store
        self._shelf = shelf
        self._jobs = jobs
        self._processes = processes
        self._clock = clock
        self._tried = Tried(store, shelf)
        self._keys = Keys(shelf.folder)
        self._modules = tuple(name.strip() for name in settings.modules.split(",") if name.strip())
        self._starting = asyncio.Lock()
        self._deleting: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._problem = f"another process works with {shelf.folder}; it is waited for"

    async def start(self, text: str, key: str = "") -> View:
        """Have the OptimizationStudy in `text` worked on, or find that it is: the same request over the same bars is one study.

        Where more trials are wanted than there were, it goes on; what has ended without a result is tried again. Raises Failure.
        """
        self._check_ready()
        asked = await self._read(text)
        if asked.trials > self._settings.max_trials:
            message = f"spec.trials: {asked.trials}: at most {self._settings.max_trials:,} are tried here; ask for fewer, or run it with `tidewright run`"
            raise Failure(Kind.INVALID, message)
        study = identifier(asked, await self._aside(stored_digests, asked, self._bars))
        if key:
            study = await self._aside(self._keys.work_of, key, record_digest(asked.identity()), study)
        async with self._starting:
            job = self._jobs.get(study)
            if job is None:
                await self._begin(Job(study, asked.resource, asked.trials, self._clock.now(), self._earlier(asked)))
            elif job.deleting.is_set():
                raise Failure(Kind.UNAVAILABLE, f"the study {study} is just being deleted; ask again")
            else:
                await self._go_on(job, asked)
        return await self.look(study)

    async def look(self, study: str) -> View:
        """A study as it stands. Raises Failure."""
        job = self._job(study)
        return View(job, None if job.active else await self._aside(self._shelf.record, study))

    def studies(self, name: str = "", state: State | None = None, limit: int = 100) -> list[View]:
        """Studies as they stand, the newest first, without what they found. Raises Failure."""
        self._check_ready()
        found = [job for job in self._jobs.all() if name in {"", job.name} and state in {None, job.state}]
        return [View(job) for job in found[:limit]]

    async def watch(self, study: str) -> AsyncIterator[View]:
        """A study as it stands and whenever that changes, until it has ended; who is slow gets the latest. Raises Failure, UNAVAILABLE when the service stops first."""
        job = self._job(study)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            while True:
                changed, active = job.changed, job.active
                yield View(job, None if active else await self._aside(self._shelf.record, study))
                if not active:
                    return
                changing = asyncio.ensure_future(changed.wait())
                await asyncio.wait((changing, stopping), return_when=asyncio.FIRST_COMPLETED)
                changing.cancel()
                if stopping.done():
                    message = "the service is stopping; the study goes on when it is there again: ask again then"
                    raise Failure(Kind.UNAVAILABLE, message)
        finally:
            stopping.cancel()

    async def trials(
        self, study: str, state: TrialState | None = None, order: Order = "number", offset: int = 0, limit: int = 100
    ) -> tuple[int, Sequence[Trial]]:
        """How many trials have the state, and a page of them. Raises Failure."""
        job = self._job(study)
        trials = await self._stored(self._tried.trials(job))
        return page(trials, job.planned, state, order, offset, limit)

    async def front(self, study: str) -> tuple[Job, Front]:
        """The trials that no other beats, so far. Raises Failure."""
        view = await self.look(study)
        if view.record is not None:
            return view.job, final_front(view.record)
        return view.job, await self._stored(self._tried.front(view.job, _planned(view.job)))

    async def importance(self, study: str) -> Importance:
        """How much each searched field matters for the first objective, so far. Raises Failure."""
        view = await self.look(study)
        if view.record is not None:
            return final_importance(view.record)
        return await self._stored(self._tried.importance(view.job, _planned(view.job)))

    async def record(self, study: str) -> Mapping[str, Any]:
        """All that was found. Raises Failure while there is nothing."""
        view = await self.look(study)
        if view.record is None:
            raise _nothing_yet(view.job)
        return view.record

    async def report(self, study: str) -> bytes:
        """The report, one HTML page that needs nothing else. Raises Failure while there is none."""
        job = self._job(study)
        found = None if job.active else await self._aside(self._shelf.report, study)
        if found is None:
            raise _nothing_yet(job)
        return found

    async def delete(self, study: str) -> View:
        """End a study, and forget its trials and what was found. It is done even if nobody waits for it. Raises Failure."""
        job = self._job(study)
        task = self._deleting.get(study)
        if task is None:
            task = self._deleting[study] = asyncio.create_task(self._delete(job))
            task.add_done_callback(lambda _: self._deleting.pop(study))
        await asyncio.shield(task)
        return View(job)

    def problem(self) -> str:
        return self._problem

    async def work(self) -> None:
        """Take over the folder as soon as nobody else has it, and have studies worked on until cancelled."""
        try:
            async with self._shelf.held():
                self._jobs.restore(await asyncio.to_thread(self._shelf.jobs))
                self._problem = ""
                gone = [job for job in self._jobs.all() if job.state == "Cancelled"]
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._processes.work())
                    for job in gone:  # the service ended before they were forgotten
                        tasks.create_task(self._forget(job))
        finally:
            await asyncio.gather(*self._deleting.values(), return_exceptions=True)
            await asyncio.to_thread(self._store.close)

    def stop(self) -> None:
        """End the open streams."""
        self._stopping.set()

    async def _begin(self, job: Job) -> None:
        self._jobs.check_room(job.id)
        await self._saved(job)
        self._jobs.add(job)

    async def _go_on(self, job: Job, asked: Asked) -> None:
        """Nothing where the study has, or will have, all that is asked for."""
        more = asked.trials > job.trials
        if not more and (job.active or await self._is_there(job)):
            return
        if not job.active:
            self._jobs.check_room(job.id)
        if more:
            job.trials, job.resource = asked.trials, asked.resource
        if not job.active:
            self._jobs.add(job)
        await self._saved(job)

    async def _is_there(self, job: Job) -> bool:
        """Whether there is nothing to be done any more."""
        return job.state == "Complete" and await self._aside(self._shelf.record, job.id) is not None

    async def _delete(self, job: Job) -> None:
        job.deleting.set()
        try:
            if self._jobs.drop(job):
                job.end("Cancelled", "deleted before it began", self._clock.now())
            await job.over()
            if job.state != "Cancelled":
                job.end("Cancelled", "deleted", self._clock.now())
            await self._saved(job)
            await self._stored(asyncio.to_thread(self._store.delete, job.id))
            await self._shelf.remove(job)
        except OSError as error:
            job.deleting.clear()
            raise Failure(Kind.UNAVAILABLE, f"{error.strerror or error}; try again later") from error
        except Failure:
            job.deleting.clear()
            raise
        self._jobs.forget(job)
        self._tried.forget(job.id)

    async def _forget(self, job: Job) -> None:
        try:
            await self._delete(job)
        except Failure as failure:
            logger().warning("study not forgotten", study=job.id, reason=failure.detail)

    def _earlier(self, asked: Asked) -> str:
        """The id of the study that a new one learns from: it is named by its id, or the newest of a name. Raises Failure."""
        if asked.spec.warm_start is None:
            return ""
        wanted = asked.spec.warm_start.study
        found = next((job.id for job in self._jobs.all() if wanted in {job.id, job.name}), None)
        if found is None:
            known = nearest(wanted, [job.name for job in self._jobs.all()])
            message = f"spec.warmStart.study: {wanted!r}: there is no such study here{known}; GET /studies lists them"
            raise Failure(Kind.INVALID, message)
        return found

    def _check_ready(self) -> None:
        """Raises Failure while nobody knows which studies there are."""
        if self._problem:
            raise Failure(Kind.UNAVAILABLE, self._problem)

    def _job(self, study: str) -> Job:
        job = self._jobs.get(study)
        if job is None:
            self._check_ready()
            message = f"id: {study[:80]!r}: there is none of this id; GET /studies lists those that there are"
            raise Failure(Kind.NOT_FOUND, message)
        return job

    async def _read(self, text: str) -> Asked:
        """The study in a request, read beside the event loop. Raises Failure."""
        try:
            return await asyncio.to_thread(read_study, text, self._modules)
        except InputRefused as refusal:
            told = dict.fromkeys(str(replace(problem, file="request")) for problem in refusal.problems)
            raise Failure(Kind.INVALID, "; ".join(told) or "it cannot be read") from None
        except StrategyError as error:
            raise Failure(Kind.INVALID, f"spec.strategy: {error}") from None

    async def _aside(self, call: Callable[..., Result], *arguments: object) -> Result:
        """Call something that reads files, without holding everybody else up. Raises Failure where the disk or the store is away."""
        return await self._stored(asyncio.to_thread(call, *arguments))

    async def _saved(self, job: Job) -> None:
        await self._stored(self._shelf.save(job))

    async def _stored(self, asking: Awaitable[Result]) -> Result:
        try:
            return await asking
        except ArchiveUnavailable as error:
            raise Failure(Kind.UNAVAILABLE, f"{error}; try again later") from error
        except OSError as error:
            raise Failure(Kind.UNAVAILABLE, f"{error.strerror or error}; try again later") from error


def _planned(job: Job) -> Planned:
    if job.planned is None:
        raise _nothing_yet(job)
    return job.planned


def _nothing_yet(job: Job) -> Failure:
    if not job.active:
        return Failure(Kind.PRECONDITION, f"id: {job.id!r} has ended without a result: {job.message}")
    done = f"{job.standing.done:,} of {job.asked:,} trials are done" if job.asked else "it has not begun"
    message = f"id: {job.id!r} is {job.state}, {done}; ask again when it is Complete (GET /studies/{job.id}, or WatchStudy, says when)"
    return Failure(Kind.PRECONDITION, message)
