"""Whoever follows along: each is given what is published from now on, and is let go of where it does not keep up."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from tidewright.ports import Message
from tidewright.serving.failures import Failure, Kind

_ROOM = 20_000


class Onlookers:
    """Nobody waits for an onlooker."""

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._queues: dict[int, list[Message]] = {}
        self._changed = asyncio.Event()
        self._count = 0
        self._stopping = False

    def tell(self, messages: Sequence[Message]) -> None:
        """These have been published."""
        if not self._queues:
            return
        for queue in self._queues.values():
            if len(queue) <= self._room:
                queue.extend(messages)
        self._wake()

    def stop(self) -> None:
        """All end."""
        self._stopping = True
        self._wake()

    async def follow(self) -> AsyncIterator[list[Message]]:
        """Endless; raises Failure where the service stops, or more than may be has not been taken."""
        self._count += 1
        number = self._count
        queue: list[Message] = []
        self._queues[number] = queue
        try:
            while True:
                changed = self._changed
                if len(queue) > self._room:
                    raise Failure(
                        Kind.BUSY, "you do not keep up; open the stream again, or follow the streams themselves"
                    )
                if queue:
                    taken, queue[:] = queue[:], []
                    yield taken
                elif self._stopping:
                    raise Failure(Kind.UNAVAILABLE, "the service is stopping; open the stream again")
                else:
                    await changed.wait()
        finally:
            del self._queues[number]

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
