"""A database: its pool of connections, and transactions on them. The one module that imports SQLAlchemy."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from numpy.typing import NDArray
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from tidewright.adapters.postgres.binary import Columns, Kinds, decoded, encoded
from tidewright.adapters.postgres.connection import Address, connect, meaning
from tidewright.adapters.postgres.schema import check_schema, revision_of
from tidewright.ports import ArchiveRefused, ArchiveUnavailable

__all__ = ["Connection", "Database", "Row", "Transaction"]

Row = Mapping[str, Any]
Done = TypeVar("Done")


class Transaction:
    """Statements that take effect together, or not at all. Parameters stand in a statement as ``:name``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def rows(self, statement: str, **parameters: object) -> list[Row]:
        return [dict(row) for row in (await self._connection.execute(text(statement), parameters)).mappings()]

    async def row(self, statement: str, **parameters: object) -> Row | None:
        """The first; None where there is none."""
        return next(iter(await self.rows(statement, **parameters)), None)

    async def value(self, statement: str, **parameters: object) -> Any:  # noqa: ANN401 - whatever is asked for
        """The first column of the first row; None where there is no row."""
        return (await self._connection.execute(text(statement), parameters)).scalar()

    async def execute(self, statement: str, **parameters: object) -> int:
        """How many rows it changed."""
        return (await self._connection.execute(text(statement), parameters)).rowcount

    async def execute_each(self, statement: str, parameters: Sequence[Mapping[str, object]]) -> None:
        """Once for each set of parameters, in their order."""
        if parameters:
            await self._connection.execute(text(statement), parameters)

    async def copy_in(self, table: str, columns: Columns) -> None:
        """Add rows to a table, by binary COPY."""
        driver = await self._driver()
        await driver.copy_to_table(table, source=_each(encoded(columns)), columns=list(columns), format="binary")

    async def copy_out(self, query: str, kinds: Kinds, *arguments: object) -> dict[str, NDArray[Any]]:
        """The columns of a query's rows, by binary COPY; its arguments stand in it as ``$1`` and so on."""
        driver = await self._driver()
        parts: list[bytes] = []

        async def keep(part: bytes) -> None:
            parts.append(part)

        await driver.copy_from_query(query, *arguments, output=keep, format="binary")
        return decoded(parts, kinds)

    async def _driver(self) -> Any:  # noqa: ANN401 - asyncpg comes without types
        """The driver's connection; SQLAlchemy begins the transaction with the first statement that it is given itself."""
        await self._connection.execute(text("SELECT"))
        return (await self._connection.get_raw_connection()).driver_connection


class Database:
    """A database, and up to `most` connections that are kept to it; with 0, each transaction has one of its own, on whatever event loop it runs."""

    def __init__(self, address: Address, most: int = 8, *, checked: bool = True) -> None:
        """`checked`: a connection to a schema that is not this version's is refused."""
        self.address = address
        self._checked = checked
        pool: dict[str, Any] = {"poolclass": NullPool}
        if most:
            pool = {"pool_size": most, "max_overflow": 0, "pool_timeout": address.lock_timeout, "pool_pre_ping": True}
        self._engine = create_async_engine("postgresql+asyncpg://", async_creator=self._connect, **pool)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Where it ends without an error, all of it has happened.

        Raises ArchiveUnavailable, after which all of it has happened or nothing (DatabaseRefused: nothing, and somebody has to mend it), and
        ArchiveRefused.
        """
        async with self._explained(), self._engine.begin() as connection:
            yield Transaction(connection)

    async def run_sync(self, work: Callable[[Connection], Done]) -> Done:
        """Do something in a transaction that knows no coroutines. Raises as `transaction`."""
        async with self._explained(), self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _explained(self) -> AsyncIterator[None]:
        try:
            yield
        except (ArchiveUnavailable, ArchiveRefused):
            raise
        except NoneFree:
            raise ArchiveUnavailable(f"{self.address.name}: all connections are in use") from None
        except Exception as error:
            if (told := meaning(error, self.address)) is None:
                raise
            raise told from error

    async def _connect(self) -> Any:  # noqa: ANN401 - asyncpg comes without types
        made = await connect(self.address)
        try:
            if self._checked:
                check_schema(await revision_of(made), self.address.name)
        except BaseException:
            await made.close(timeout=self.address.connect_timeout)
            raise
        return made


async def _each(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
