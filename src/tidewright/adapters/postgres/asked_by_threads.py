"""A connection that threads ask: one, kept on an event loop of its own, opened again where it is lost, and every question repeated until the server answers.

Each statement is a transaction and a round trip of its own. `tidewright.adapters.postgres.blocking` is for work of several statements, and connects anew each time.
"""

import asyncio
import random
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from tidewright.adapters.postgres.connection import Address, DatabaseRefused, connect, meaning
from tidewright.adapters.postgres.schema import check_schema, revision_of
from tidewright.domain.backoff import Backoff
from tidewright.ports import ArchiveRefused, ArchiveUnavailable

Done = TypeVar("Done")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_CLOSING = 5.0
_RAISED = "P0"
"""How the codes of errors begin that a function of the schema raises: asking again does not change them."""


class AskedByThreads:
    """May be asked by any number of threads, whose statements take turns. A statement must do no harm when it is repeated: its answer may have been lost."""

    def __init__(self, address: Address, patience: float) -> None:
        """A server that is away is asked again for `patience` seconds. Nothing is connected yet."""
        self.address = address
        self._patience = patience
        self._driver: Any = None
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._turn: asyncio.Lock

    def rows(self, statement: str, *arguments: object) -> Sequence[Any]:
        """The rows of a statement, whose arguments stand in it as ``$1`` and so on.

        Raises ArchiveUnavailable, ArchiveRefused, and the driver's own error where it is none of the server's.
        """
        return self._run(self._patient(statement, arguments))

    def close(self) -> None:
        """Let go of the connection; it may be asked again."""
        with self._starting:
            if self._loop is None or self._thread is None:
                return
            asyncio.run_coroutine_threadsafe(self._let_go(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    def _run(self, work: Coroutine[Any, Any, Done]) -> Done:
        with self._starting:
            if self._loop is None:
                self._loop, self._turn = asyncio.new_event_loop(), asyncio.Lock()
                self._thread = threading.Thread(target=self._loop.run_forever, name="postgres", daemon=True)
                self._thread.start()
            asked = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return asked.result()
        except BaseException:  # Ctrl-C among others
            asked.cancel()
            raise

    async def _patient(self, statement: str, arguments: Sequence[object]) -> Sequence[Any]:
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, random.random)
        given_up = time.monotonic() + self._patience
        while True:
            try:
                return await self._once(statement, arguments)
            except ArchiveUnavailable as error:
                pause = backoff.failed()
                if _final(error) or time.monotonic() + pause >= given_up:
                    raise
                await asyncio.sleep(pause)

    async def _once(self, statement: str, arguments: Sequence[object]) -> Sequence[Any]:
        async with self._turn:
            try:
                if self._driver is None or self._driver.is_closed():
                    self._driver = await self._connected()
                rows: Sequence[Any] = await self._driver.fetch(statement, *arguments)
            except DatabaseRefused:
                raise
            except Exception as error:
                told = meaning(error, self.address)
                if self._driver is not None and not isinstance(told, ArchiveRefused) and not _raised(error):
                    self._driver.terminate()
                    self._driver = None
                if told is None:
                    raise
                raise told from error
            return rows

    async def _connected(self) -> Any:  # noqa: ANN401 - asyncpg comes without types
        made = await connect(self.address)
        try:
            check_schema(await revision_of(made), self.address.name)
        except BaseException:
            await made.close(timeout=_CLOSING)
            raise
        return made

    async def _let_go(self) -> None:
        driver, self._driver = self._driver, None
        if driver is None or driver.is_closed():
            return
        try:
            await driver.close(timeout=_CLOSING)
        except Exception as error:
            driver.terminate()
            if meaning(error, self.address) is None:
                raise


def _final(error: ArchiveUnavailable) -> bool:
    return isinstance(error, DatabaseRefused) or _raised(error.__cause__)


def _raised(error: BaseException | None) -> bool:
    return str(getattr(error, "sqlstate", "") or "").startswith(_RAISED)
