"""The use case: backtests, optimizations and comparisons for whoever asks over the network, and what came of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from backtest_engine import catalogue
from backtest_engine.bookkeeping import Bookkeeping
from backtest_engine.finished import Finished, Row, best_first, row_of
from backtest_engine.jobs import Job, JobQueue, State
from backtest_engine.pool import Pool
from backtest_engine.requests import Asked, bars_asked_for, identifier, read_backtest
from backtest_engine.searches import OptimizationSpec, parameter_sets, read_optimization
from backtest_engine.settings import BacktestSettings
from backtest_engine.tasks import Task
from tidewright.domain.provenance import record_digest
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import RANKED_BY, ArchiveUnavailable, BarStore, Clock, RunBook
from tidewright.runs.leaderboard import FIGURES, Baseline
from tidewright.runs.refusal import InputRefused
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.keys import Keys
from tidewright.specs.problems import nearest

MOST_COMPARED = 50
MOST_LISTED = 1_000

_PATIENCE = 0.8
"""The share of a request's time that is spent waiting for a result; the rest is for the answer that it goes on."""

_KINDS: Mapping[State, Kind] = {
    "Refused": Kind.INVALID,
    "DataMissing": Kind.PRECONDITION,
    "StrategyFailed": Kind.PRECONDITION,
    "Cancelled": Kind.PRECONDITION,
    "Failed": Kind.INTERNAL,
}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class View:
    """A piece of work as it stands; `document` is what came of it, once that is there. Times in milliseconds."""

    id: str
    state: State
    percent: int = 0
    stage: str = ""
    message: str = ""
    bars: int = 0
    created: int | None = None
    started: int | None = None
    ended: int | None = None
    document: Mapping[str, Any] | None = None

    @property
    def active(self) -> bool:
        return self.state in {"Queued", "Running"}


@dataclass(frozen=True, slots=True)
class ToCompare:
    """Runs to hold against each other: ids, or whole results (record, equity and trades)."""

    runs: Sequence[str | Mapping[str, Any]]
    by: str = "sharpe"
    against: Baseline = "best"
    seed: int = 0


class BacktestService:
    """Has work done by the pool, and answers from the jobs in the queue and from what is finished."""

    def __init__(
        self,
        settings: BacktestSettings,
        store: BarStore,
        finished: Finished,
        jobs: JobQueue,
        pool: Pool,
        clock: Clock,
        book: RunBook | None = None,
        keeping: Bookkeeping | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._finished = finished
        self._jobs = jobs
        self._pool = pool
        self._clock = clock
        self._book = book
        self._keeping = keeping
        self._keys = Keys(finished.folder)
        self._modules = tuple(name.strip() for name in settings.modules.split(",") if name.strip())
        self._stopping = asyncio.Event()

    async def backtest(self, text: str, key: str = "", wait: float | None = None) -> View:
        """Run the BacktestRun in `text`, or find that it has been run: the same request over the same bars is one run.

        Waits for the result up to `wait` seconds; by default as long as a request may take where there are few bars, and not at all where there are many.
        Raises Failure, for what is refused at once and for what has failed by then.
        """
        asked = await self._read(read_backtest, text)
        bars, digests = await self._aside(bars_asked_for, asked, self._store)
        made_of = asked.identity()
        run = await self._work_id("backtest", asked, made_of, digests, key)
        known = await self._known(run, "backtest")
        if known is not None:
            return known
        limit = asked.run.spec.deadline
        job = Job(
            run, self._task("backtest", text, run), self._clock, bars, milliseconds(limit) / 1_000 if limit else None
        )
        return await self._waited(self._jobs.add(job), self._patience(wait, bars))

    async def optimize(self, text: str, key: str = "", wait: float | None = None) -> View:
        """Try the grid in `text`, as `backtest` runs a backtest. Raises Failure."""
        wanted, asked, count = await self._read(self._searched, text)
        bars, digests = await self._aside(bars_asked_for, asked, self._store)
        made_of = {**asked.identity(), "search": wanted.record()["searchSpace"], "by": wanted.metric, "top": wanted.top}
        work = await self._work_id("optimization", asked, made_of, digests, key)
        known = await self._known(work, "optimization")
        if known is not None:
            return known
        evaluations = bars * count
        if evaluations > self._settings.max_evaluations:
            most = self._settings.max_evaluations
            message = f"searchSpace: {count:,} parameter sets over {bars:,} bars; at most {most:,} of both together: search fewer sets, or a shorter period"
            raise Failure(Kind.INVALID, message)
        job = Job(work, self._task("optimization", text, work), self._clock, evaluations)
        # A sweep spends on a bar a hundredth of what a backtest with all its proofs does.
        return await self._waited(self._jobs.add(job), self._patience(wait, evaluations // 100))

    async def compare(self, wanted: ToCompare) -> Mapping[str, Any]:
        """What `tidewright compare` says of finished runs. Raises Failure."""
        ids = [run for run in wanted.runs if isinstance(run, str)]
        if not 2 <= len(wanted.runs) <= MOST_COMPARED:
            raise Failure(Kind.INVALID, f"runs: {len(wanted.runs)} of them; name 2 to {MOST_COMPARED}")
        if wanted.by not in FIGURES:
            message = f"by: {wanted.by[:40]!r} is no figure to rank by{nearest(wanted.by[:40], FIGURES)}; name one of {', '.join(FIGURES)}"
            raise Failure(Kind.INVALID, message)
        for run in ids:
            if ids.count(run) > 1:
                raise Failure(Kind.INVALID, f"runs: {run[:80]!r} is named twice; name it once")
            if await self._aside(self._finished.document, run) is None:
                raise _no_such("runs", run)
        asked = {"runs": list(wanted.runs), "by": wanted.by, "against": wanted.against, "seed": wanted.seed}
        text = json.dumps(asked)
        task = Task("comparison", text, str(self._finished.folder))
        job = self._jobs.add(Job(f"comparison-{record_digest(asked)[7:23]}", task, self._clock))
        try:
            await job.over()
        except asyncio.CancelledError:
            self._jobs.cancel(job)  # nobody waits for it any more
            raise
        if job.document is None:
            raise Failure(_KINDS[job.state], job.message)
        return job.document

    async def look(self, work: str, kind: str) -> View:
        """A backtest or an optimization as it stands. Raises Failure."""
        job = self._jobs.get(work)
        if job is not None and job.task.kind == kind and job.state != "Complete":
            return _of_job(job)
        known = await self._done(work, kind)
        if known is None:
            raise _no_such("id", work)
        return known

    async def watch(self, work: str, kind: str) -> AsyncIterator[View]:
        """A piece of work as it stands and whenever that changes, until it has ended. Raises Failure, UNAVAILABLE when the service stops first."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            while True:
                job = self._jobs.get(work)
                changed = job.changed if job is not None else asyncio.Event()
                view = await self.look(work, kind)
                yield view
                if not view.active:
                    return
                changing = asyncio.ensure_future(changed.wait())
                await asyncio.wait((changing, stopping), return_when=asyncio.FIRST_COMPLETED)
                changing.cancel()
                if stopping.done():
                    raise Failure(
                        Kind.UNAVAILABLE, "the service is stopping; ask again, and the same is done only once"
                    )
        finally:
            stopping.cancel()

    async def cancel(self, work: str, kind: str) -> View:
        """End a piece of work that waits or is at work; one that has ended without a result stays as it is. Raises Failure."""
        job = self._jobs.get(work)
        if job is None or job.task.kind != kind or job.state == "Complete":
            view = await self.look(work, kind)
            raise Failure(Kind.PRECONDITION, f"id: {view.id!r} is complete; there is nothing to cancel")
        if job.active:
            self._jobs.cancel(job)
            await job.over()
        return _of_job(job)

    def strategies(self) -> list[dict[str, Any]]:
        return catalogue.described_strategies()

    async def symbols(self, exchange: str = "", symbol: str = "") -> list[dict[str, Any]]:
        """What the store holds. Raises Failure."""
        return await self._aside(catalogue.described_symbols, self._store, exchange, symbol)

    async def runs(self, limit: int = 100, by: str = "", **wanted: str) -> list[Row]:
        """Finished runs, the newest first or, `by` one of `RANKED_BY`, the best; `wanted` may have name, strategy, symbol and timeframe, which must be theirs.

        They are those in the book, where there is one, else those in the folder. Raises Failure.
        """
        if by and by not in RANKED_BY:
            message = f"by: {by[:40]!r} is no figure to rank by{nearest(by[:40], RANKED_BY)}; name one of {', '.join(RANKED_BY)}"
            raise Failure(Kind.INVALID, message)
        if self._book is None:
            rows = await self._aside(self._finished.rows)
            rows = best_first(rows, by) if by else rows
        else:
            found = self._book.leaderboard(by, MOST_LISTED) if by else self._book.runs(MOST_LISTED)
            rows = [row_of(entry) for entry in await self._booked(found)]
        return [row for row in rows if _is_wanted(row, wanted)][:limit]

    async def run(self, run: str) -> Mapping[str, Any]:
        """The record of a finished run, in the folder or in the book. Raises Failure."""
        document: Mapping[str, Any] | None = await self._aside(self._finished.document, run)
        if document is None and self._book is not None:
            booked = await self._booked(self._book.run(run))
            document = booked.record if booked else None
        if document is None:
            raise _no_such("id", run)
        return document

    async def report(self, run: str) -> bytes:
        """The report of a finished run, one HTML page that needs nothing else. Raises Failure."""
        page = await self._aside(self._finished.report, run)
        if page is None:
            raise _no_such("id", run)
        return page

    def problem(self) -> str:
        return self._pool.problem()

    async def work(self) -> None:
        """Have workers do what is asked for, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pool.work())
                if self._keeping is not None:
                    tasks.create_task(self._keeping.work())
        finally:
            if self._book is not None:
                await self._book.close()

    def stop(self) -> None:
        """End the open streams."""
        self._stopping.set()

    def _searched(self, text: str, modules: Sequence[str]) -> tuple[OptimizationSpec, Asked, int]:
        wanted, asked = read_optimization(text, modules)
        return wanted, asked, len(parameter_sets(wanted, asked, self._settings.max_sets))

    async def _read(self, read: Callable[[str, Sequence[str]], Result], text: str) -> Result:
        """What `read` makes of a request, beside the event loop. Raises Failure."""
        try:
            return await self._aside(read, text, self._modules)
        except InputRefused as refusal:
            told = dict.fromkeys(str(replace(problem, file="request")) for problem in refusal.problems)
            raise Failure(Kind.INVALID, "; ".join(told) or "it cannot be read") from None

    async def _aside(self, call: Callable[..., Result], *arguments: object) -> Result:
        """Call something that reads files, without holding everybody else up. Raises Failure where the store is away."""
        try:
            return await asyncio.to_thread(call, *arguments)
        except OSError as error:
            raise Failure(Kind.UNAVAILABLE, f"{error.strerror or error}; try again later") from error

    async def _booked(self, asking: Awaitable[Result]) -> Result:
        """What the book answers. Raises Failure where it is away."""
        try:
            return await asking
        except ArchiveUnavailable as error:
            raise Failure(Kind.UNAVAILABLE, f"the book of runs is away ({error}); try again later") from error

    async def _work_id(
        self, kind: str, asked: Asked, made_of: Mapping[str, Any], digests: Mapping[str, str], key: str
    ) -> str:
        work = identifier(kind, asked.run.metadata.name, {**made_of, "data": dict(digests)})
        return await self._aside(self._keys.work_of, key, record_digest(dict(made_of)), work) if key else work

    async def _known(self, work: str, kind: str) -> View | None:
        """What has been done already; None where it is to be done, or is being done."""
        job = self._jobs.get(work)
        return None if job is not None and job.state != "Complete" else await self._done(work, kind)

    async def _done(self, work: str, kind: str) -> View | None:
        read = self._finished.document if kind == "backtest" else self._finished.optimization
        document = await self._aside(read, work)
        if document is None:
            return None
        job = self._jobs.get(work)
        if job is not None:
            return _of_job(job, document)
        return View(work, "Complete", percent=100, bars=int(_bars(document)), document=document)

    async def _waited(self, job: Job, wait: float) -> View:
        """The job as it stands once it is over, or the time is. Raises Failure where it has failed by then."""
        try:
            async with asyncio.timeout(wait):
                await job.over()
        except TimeoutError:
            return _of_job(job)
        if job.state in _KINDS:
            raise Failure(_KINDS[job.state], job.message)
        return await self.look(job.id, job.task.kind)

    def _patience(self, wait: float | None, bars: int) -> float:
        longest = _PATIENCE * self._settings.request_timeout
        if wait is None:
            return longest if bars <= self._settings.sync_bars else 0.0
        return min(wait, longest)

    def _task(self, kind: str, text: str, work: str) -> Task:
        settings = self._settings
        return Task(
            kind,
            text,
            str(self._finished.folder / work),
            settings.store,
            settings.tracking,
            self._modules,
            settings.max_sets,
            settings.max_evaluations,
        )


def _of_job(job: Job, document: Mapping[str, Any] | None = None) -> View:
    progress = job.progress
    return View(
        job.id,
        job.state,
        progress.percent,
        progress.stage if job.active else "",
        job.message,
        job.bars,
        job.created,
        job.started,
        job.ended,
        document,
    )


def _bars(document: Mapping[str, Any]) -> int:
    """How many bars a finished backtest or optimization was made on."""
    own = document.get("bars")
    return int(document["provenance"]["data"]["bars"] if own is None else own)


def _is_wanted(row: Row, wanted: Mapping[str, str]) -> bool:
    has = {"name": [row.name], "strategy": [row.strategy], "symbol": row.symbols, "timeframe": [row.timeframe]}
    return all(value in has[name] for name, value in wanted.items() if value)


def _no_such(field: str, run: str) -> Failure:
    return Failure(
        Kind.NOT_FOUND, f"{field}: {run[:80]!r}: there is none of this id; GET /runs lists those that are finished"
    )
