"""Finished runs put into a book that all replicas and Jobs share, beside the folder that they are in already."""

import asyncio
import random
from collections import deque
from collections.abc import Callable

from tidewright.domain.backoff import Backoff
from tidewright.ports import ArchiveRefused, ArchiveUnavailable, FinishedRun, RunBook
from tidewright.serving.logs import logger

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
"""Seconds between two attempts while the book is away."""


class Bookkeeping:
    """Saves runs by their ids, one after the other; `read` gives a run, or None where it is gone.

    While the book is away runs wait, up to `most`; what is beyond is told of, and stays in its folder.
    """

    def __init__(self, book: RunBook, read: Callable[[str], FinishedRun | None], most: int = 10_000) -> None:
        self._book = book
        self._read = read
        self._most = most
        self._waiting: deque[str] = deque()
        self._more = asyncio.Event()

    def note(self, run: str) -> None:
        """Have a run saved, soon."""
        if len(self._waiting) >= self._most:
            logger().error("run not booked", run=run, reason=f"{self._most} runs wait for the book already")
            return
        self._waiting.append(run)
        self._more.set()

    async def work(self) -> None:
        """Save what is noted, until cancelled."""
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, random.random)
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            run = self._waiting[0]
            try:
                found = await asyncio.to_thread(self._read, run)
                if found is not None:
                    await self._book.save(found)
            except ArchiveUnavailable as error:
                logger().warning("book away", reason=str(error), waiting=len(self._waiting))
                await asyncio.sleep(backoff.failed())
                continue
            except (ArchiveRefused, ValueError, KeyError, TypeError) as error:
                logger().error("run not booked", run=run, reason=str(error))
            self._waiting.popleft()
            backoff.succeeded()
