"""Processes that do the work, one task each at a time: watched, given a limit, killed where they must be, and started again."""

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from backtest_engine.figures import Figures
from backtest_engine.jobs import Job, JobQueue
from tidewright.serving.logs import logger
from tidewright.specs.status import Progress

COMMAND = (sys.executable, "-m", "backtest_engine.worker")

_LONGEST_LINE = 64 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
"""Seconds between two attempts to start a process that ends before it can do anything."""


class WorkerGone(Exception):
    """The process has ended; the message says how."""


class Pool:
    """`size` slots, each with a process and the job that it does; `complete` is told of jobs that have a result. `problem` says why nothing can be done, and nothing where something can."""

    def __init__(
        self,
        jobs: JobQueue,
        size: int,
        time_limit: float,
        figures: Figures,
        command: Sequence[str] = COMMAND,
        complete: Callable[[Job], None] = lambda job: None,
    ) -> None:
        self._jobs = jobs
        self._size = size
        self._time_limit = time_limit
        self._figures = figures
        self._command = command
        self._complete = complete
        self.alive = 0
        self.trouble = ""

    def problem(self) -> str:
        if self.alive:
            return ""
        return self.trouble or "the workers are starting"

    async def work(self) -> None:
        """Do what is in the queue until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._size):
                tasks.create_task(self._slot())

    async def _slot(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with _Worker(self._command) as worker:
                    await worker.free()
                    self.trouble, pause = "", _FIRST_PAUSE
                    with self._alive():
                        await self._serve(worker)
            except WorkerGone as gone:
                self.trouble = f"workers end before they can do anything ({gone}); the log says more"
                logger().error("worker did not start", reason=str(gone))
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        self.alive += 1
        self._figures.workers(self.alive)
        try:
            yield
        finally:
            self.alive -= 1
            self._figures.workers(self.alive)

    async def _serve(self, worker: "_Worker") -> None:
        """Do one job after the other until the process is no more."""
        while True:
            job = await self._next(worker)
            if job is None:
                return
            with self._figures.timed(job):
                ended = await self._done(job, worker)
            if job.state == "Complete":
                self._complete(job)
            if not ended:
                self._figures.restarted()
                return
            try:
                async with asyncio.timeout(self._time_limit):
                    if notice := await worker.free():
                        logger().info("after the result", job=job.id, said=notice)
            except (WorkerGone, TimeoutError):
                return

    async def _next(self, worker: "_Worker") -> Job | None:
        """The next job; None where the process has died of something while it was idle."""
        taking, dying = asyncio.ensure_future(self._jobs.take()), asyncio.ensure_future(worker.ended())
        try:
            await asyncio.wait((taking, dying), return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                return taking.result()
            logger().warning("worker ended while it was idle", how=dying.result())
            self._figures.restarted()
            return None
        finally:
            taking.cancel()
            dying.cancel()

    async def _done(self, job: Job, worker: "_Worker") -> bool:
        """Whether the process has done the job, and can do another."""
        limit = min(self._time_limit, job.deadline or self._time_limit)
        doing, cancelling = asyncio.ensure_future(worker.do(job)), asyncio.ensure_future(job.cancelling.wait())
        try:
            await asyncio.wait((doing, cancelling), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                job.end(**doing.result())
                return True
            if cancelling.done():
                job.end("Cancelled", "cancelled while it ran")
            else:
                job.end(
                    "Failed", f"not done within {limit:g} s; test a shorter period or fewer symbols, or raise the limit"
                )
        except WorkerGone as gone:
            job.end("Failed", f"the worker {gone}")
        except BaseException:
            job.end("Failed", "the service stopped before it was done; ask again")
            raise
        finally:
            for task in (doing, cancelling):
                task.cancel()
            await asyncio.gather(doing, cancelling, return_exceptions=True)
        return False


class _Worker:
    """One process; a context manager that kills it at the end, whatever it does."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: Process
        self._logging: asyncio.Task[None]

    async def __aenter__(self) -> "_Worker":
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LONGEST_LINE, start_new_session=True
            )
        except OSError as error:
            raise WorkerGone(f"cannot be started: {error}") from error
        self._logging = asyncio.create_task(self._log())
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._logging
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.close()
        with contextlib.suppress(OSError):
            await self._process.stdin.wait_closed()

    async def free(self) -> str:
        """Wait until it can be given a task, and what it had to say by then. Raises WorkerGone."""
        while "free" not in (told := await self._told()):
            pass
        return str(told["free"])

    async def ended(self) -> str:
        """Wait for its end, and how that was."""
        return _how(await self._process.wait())

    async def do(self, job: Job) -> dict[str, Any]:
        """Have it do a job, whose progress is told, and how that ended. Raises WorkerGone."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(job.task.encoded())
        with contextlib.suppress(OSError):  # its end is told by its stdout
            await self._process.stdin.drain()
        job.begin()
        while True:
            told = await self._told()
            if "progress" in told:
                job.tell(Progress.model_validate(told["progress"]))
            if "ended" in told:
                return dict(told["ended"])

    async def _told(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise WorkerGone(_how(await self._process.wait()))
        return dict(json.loads(line))

    async def _log(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it is a pipe
        while said := await self._process.stderr.read(1 << 16):
            logger().warning("worker said", pid=self._process.pid, text=said.decode(errors="replace")[-4_000:])


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    why = "; it may have used up its memory: test a shorter period" if -code == signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-code).name}{why}"
