"""Which streams are listened to over which connection."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from data_collector.connection import Line


class Lines:
    """Every group of streams is on one line; a line with nothing on it ends. `make` makes one."""

    def __init__(self, make: Callable[[], Line], tasks: asyncio.TaskGroup) -> None:
        self._make = make
        self._tasks = tasks
        self._listening: dict[Line, asyncio.Task[None]] = {}

    def __iter__(self) -> Iterator[Line]:
        return iter(self._listening)

    def add(self, streams: list[str]) -> Line:
        """The line that these are listened to over from now on."""
        line = next((line for line in self._listening if line.room >= len(streams)), None)
        if line is None:
            line = self._make()
            line.want(streams)
            self._listening[line] = self._tasks.create_task(line.listen())
        else:
            line.want(streams)
        return line

    def remove(self, line: Line, streams: Iterable[str]) -> None:
        line.unwant(streams)
        if not line.wanted:
            listening = self._listening.pop(line)
            if not listening.cancelling():  # it may be saying goodbye already
                listening.cancel()
