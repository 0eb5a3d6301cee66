"""Each study in a process of its own: watched, given a limit, begun again where it dies, and ended with all that it has started."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from typing import Any, Self

from optuna_optimizer.figures import Figures
from optuna_optimizer.jobs import Job, JobQueue, Planned, Standing
from optuna_optimizer.shelf import Shelf
from optuna_optimizer.tasks import Ending, Task
from tidewright.domain.backoff import Backoff
from tidewright.ports import Clock
from tidewright.serving.logs import logger

COMMAND = (sys.executable, "-m", "optuna_optimizer.studying")

PATIENCE = 10.0
"""Seconds that a process has to give back its trials and to end; then it is killed."""

_LONGEST_LINE = 16 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two attempts at a study whose process died."""

Told = dict[str, Any]


class ProcessLost(Exception):
    """The process is gone, or cannot be started; the message says how."""


class Processes:
    """`size` studies at a time; `task` says what the process of a study is given."""

    def __init__(
        self,
        jobs: JobQueue,
        shelf: Shelf,
        task: Callable[[Job], Task],
        size: int,
        time_limit: float,
        figures: Figures,
        clock: Clock,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._jobs = jobs
        self._shelf = shelf
        self._task = task
        self._size = size
        self._time_limit = time_limit
        self._figures = figures
        self._clock = clock
        self._command = command

    async def work(self) -> None:
        """Work on what is in the queue until cancelled; what is not done then waits for the next process of the service."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._size):
                tasks.create_task(self._slot())

    async def _slot(self) -> None:
        while True:
            job = await self._jobs.take()
            try:
                await self._carried_out(job)
            except OSError as error:
                job.end("Failed", f"how it stands cannot be kept: {error}; free some disk, and ask again", self._now())

    async def _carried_out(self, job: Job) -> None:
        """Work on a study until it has ended, and be it by being deleted."""
        retries = int(job.resource["spec"].get("retries", 2))
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, random.random)
        while True:
            if job.attempts > retries:  # the service died with it, again and again
                job.end(
                    "Failed", f"begun {job.attempts} times without coming to an end; ask again to go on", self._now()
                )
                break
            wanted = job.trials
            job.begin(self._now())
            try:
                await self._shelf.save(job)
                ending = await self._ending(job)
                if ending.reason == "Failed" and not ending.final and job.attempts <= retries:
                    logger().warning("study is begun again", study=job.id, reason=ending.message, attempt=job.attempts)
                    await _unless(job.deleting, backoff.failed())
                    continue
            except asyncio.CancelledError:
                job.attempts -= 1
                job.wait()
                await self._shelf.save(job)
                raise
            if ending.reason == "Complete" and job.trials > wanted:
                job.attempts = 0
                continue  # more were asked for in the meantime
            job.end("Cancelled" if ending.reason == "Stopped" else ending.reason, ending.message, self._now())
            break
        logger().info("study ended", study=job.id, state=job.state, reason=job.message)
        await self._shelf.save(job)

    async def _ending(self, job: Job) -> Ending:
        """Have a process work on a study, and how that ended."""
        try:
            async with _Process(self._command) as process:
                doing = asyncio.ensure_future(process.do(self._task(job), lambda told: self._tell(job, told)))
                deleting = asyncio.ensure_future(job.deleting.wait())
                try:
                    await asyncio.wait((doing, deleting), timeout=self._time_limit, return_when="FIRST_COMPLETED")
                    if doing.done():
                        return _unless_told(doing.result())
                finally:
                    doing.cancel()
                    deleting.cancel()
                    await asyncio.gather(doing, deleting, return_exceptions=True)
        except ProcessLost as lost:
            self._figures.lost()
            return Ending("Failed", f"the study's process {lost}; the trials that are finished are kept")
        if job.deleting.is_set():
            return Ending("Stopped", "deleted while it ran")
        message = f"not done within {self._time_limit:g} s; the trials that are finished are kept: ask again to go on"
        return Ending("Failed", message, final=True)

    def _tell(self, job: Job, told: Told) -> None:
        if "planned" in told:
            job.plan(Planned.read(told["planned"]))
        if "stage" in told:
            job.enter(told["stage"], told["share"])
        if "standing" in told:
            standing = Standing(**told["standing"])
            self._figures.tried(job.standing, standing, told["seconds"])
            job.stand(standing, None if told["eta"] is None else self._now() + int(1_000 * told["eta"]))

    def _now(self) -> int:
        return self._clock.now()


class _Process:
    """One process and all that it starts; a context manager that tells it to stop at the end, and kills what is left after `PATIENCE`."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: Process
        self._logging: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LONGEST_LINE, start_new_session=True
            )
        except OSError as error:
            raise ProcessLost(f"cannot be started: {error}") from error
        self._logging = asyncio.create_task(self._log())
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._logging
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.close()
        with contextlib.suppress(OSError):
            await self._process.stdin.wait_closed()

    async def do(self, task: Task, tell: Callable[[Told], None]) -> Ending:
        """Give it its task and hear what it tells until it has ended. Raises ProcessLost."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(task.encoded())
        with contextlib.suppress(OSError):  # its end is told by its stdout
            await self._process.stdin.drain()
        while line := await self._process.stdout.readline():
            if not line.endswith(b"\n"):
                break
            told: Told = json.loads(line)
            if "ended" in told:
                return Ending(**told["ended"])
            tell(told)
        raise ProcessLost(_how(await self._process.wait()))

    async def _log(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it is a pipe
        while said := await self._process.stderr.read(1 << 16):
            logger().warning("study said", pid=self._process.pid, text=said.decode(errors="replace")[-4_000:])


def _unless_told(ending: Ending) -> Ending:
    """A process that stopped without being told to by us is one that is lost. Raises ProcessLost."""
    if ending.reason == "Stopped":
        raise ProcessLost("was told to stop by somebody else")
    return ending


async def _unless(event: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until the event."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    why = "; it may have used up its memory: search a shorter period" if -code == signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-code).name}{why}"
