"""Transactions for those who cannot await: the stores of bars and funding are asked by threads."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tidewright.adapters.postgres.database import Database, Transaction

Done = TypeVar("Done")


class Blocking:
    """A database that is asked by whatever thread; each transaction has a connection of its own, so there is nothing to close."""

    def __init__(self, database: Database) -> None:
        """The `database` keeps no connections."""
        self._database = database

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self._database.address.name

    def do(self, work: Callable[[Transaction], Awaitable[Done]]) -> Done:
        """What comes of some work in one transaction. Raises what `Database.transaction` and the work do."""

        async def done() -> Done:
            async with self._database.transaction() as transaction:
                return await work(transaction)

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(done())
        with ThreadPoolExecutor(1, "postgres") as beside:  # a notebook's cells run in a loop of its own
            return beside.submit(lambda: asyncio.run(done())).result()
