"""The servers of our own, kept running."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tidewright.adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresFailed
from tidewright.adapters.embedded_redis import EmbeddedRedis, EmbeddedRedisFailed
from tidewright.stack.process import Look, last_line

_PAUSE = 5.0


class Server(Protocol):
    """An embedded server."""

    @property
    def url(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class KeptServer:
    """A server that is started again, on the same port, when it ends by itself."""

    def __init__(self, name: str, server: Server, log: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.restarts = name, 0
        self._server, self._log, self._now = server, log, clock
        self._state, self._detail, self._due = "starting", "", 0.0

    @property
    def url(self) -> str:
        """Of the server, with its password."""
        return self._server.url

    @property
    def look(self) -> Look:
        """How it stands."""
        place = self._server.url.rpartition("@")[2]
        return Look(self.name, self._state, self._detail, place, self.restarts, last_line(self._log))

    def start(self) -> None:
        """Raises what a server raises that does not start."""
        self._server.start()
        self._state, self._detail = "ready", ""

    def turn(self) -> None:
        """Start it again where it has ended."""
        if self._server.pid is not None or self._now() < self._due:
            return
        self.restarts += 1
        try:
            self.start()
        except (EmbeddedPostgresFailed, EmbeddedRedisFailed, OSError) as error:
            self._due = self._now() + _PAUSE
            self._state, self._detail = "ended", str(error).splitlines()[0]

    def stop(self) -> None:
        """It writes everything down first."""
        self._server.stop()
        self._state = "stopped"


def own_redis(folder: Path) -> KeptServer:
    """Redis in a folder."""
    return KeptServer("redis", EmbeddedRedis(folder), folder / "redis.log")


def own_postgres(folder: Path) -> KeptServer:
    """PostgreSQL in a folder."""
    return KeptServer("postgres", EmbeddedPostgres(folder), folder / "postgres.log")
