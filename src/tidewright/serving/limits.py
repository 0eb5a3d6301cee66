"""How much a service does at once, for how long, and until when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tidewright.serving.failures import Failure, Kind


class Limits:
    """Requests of both protocols share the places; streams, which stay, have their own.

    Once closed, it refuses what comes and lets what it has admitted finish.
    """

    def __init__(self, concurrency: int, queue: int, streams: int, timeout: float) -> None:
        self.active = 0
        self.waiting = 0
        self.streaming = 0
        self._places = asyncio.Semaphore(concurrency)
        self._queue = queue
        self._streams = streams
        self._timeout = timeout
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """A place for one request. Raises Failure when there is none, or when it took too long, waiting included."""
        self._refuse_when_closed()
        try:
            async with asyncio.timeout(self._timeout) as limit:
                await self._place()
                try:
                    self._count(requests=1)
                    yield
                finally:
                    self._count(requests=-1)
                    self._places.release()
        except TimeoutError:
            if not limit.expired():
                raise
            raise Failure(Kind.TIMEOUT, f"not done within {self._timeout:g} s; ask for less, or later") from None

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[None]:
        """A place for one stream, for as long as it takes. Raises Failure when there is none."""
        self._refuse_when_closed()
        if self.streaming >= self._streams:
            raise Failure(Kind.BUSY, f"{self._streams} streams are open; close one, or ask another replica")
        self._count(streams=1)
        try:
            yield
        finally:
            self._count(streams=-1)

    def close(self) -> None:
        self._closed = True

    async def idle(self) -> None:
        """Returns once nothing is in progress."""
        await self._idle.wait()

    async def _place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()  # at once
            return
        if self.waiting >= self._queue:
            raise Failure(Kind.BUSY, f"{self.active} requests are in progress and {self.waiting} wait; try again later")
        self._count(waiting=1)
        try:
            await self._places.acquire()
        finally:
            self._count(waiting=-1)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Failure(Kind.UNAVAILABLE, "the service is stopping; ask another replica, or try again")

    def _count(self, requests: int = 0, waiting: int = 0, streams: int = 0) -> None:
        self.active += requests
        self.waiting += waiting
        self.streaming += streams
        if self.active or self.waiting or self.streaming:
            self._idle.clear()
        else:
            self._idle.set()
