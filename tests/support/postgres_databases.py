"""Databases for tests: a server of their own from a wheel, or the one at $TIDEWRIGHT_TEST_DATABASE, and on it a new database each."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import urlsplit

import asyncpg

from tidewright.adapters.embedded_postgres import EmbeddedPostgres
from tidewright.adapters.postgres.connection import Address
from tidewright.adapters.postgres.migrating import upgrade

_NUMBERS = count()


class TestServer:
    """`url` is a superuser's. A database with the schema is made once, and copied."""

    __test__ = False

    def __init__(self, url: str) -> None:
        self.url = url
        self._prefix = f"tidewright_test_{os.getpid()}"
        self._template = ""

    def run(self, statement: str, url: str = "") -> list[tuple[object, ...]]:
        async def asked() -> list[tuple[object, ...]]:
            connection = await asyncpg.connect(url or self.url)
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return asyncio.run(asked())

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a new database."""
        template = self._migrated() if migrated else "template0"
        name = f"{self._prefix}_{next(_NUMBERS)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url_of(name)
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def url_of(self, database: str, user: str = "", password: str = "") -> str:
        """As the superuser, or as somebody else."""
        parts = urlsplit(self.url)
        netloc = f"{user}:{password}@{parts.netloc.rpartition('@')[2]}" if user else parts.netloc
        return f"postgresql://{netloc}/{database}{'?' if parts.query else ''}{parts.query}"

    def close(self) -> None:
        if self._template:
            self.run(f"DROP DATABASE {self._template} WITH (FORCE)")

    def _migrated(self) -> str:
        if not self._template:
            self._template = f"{self._prefix}_template"
            self.run(f"CREATE DATABASE {self._template} TEMPLATE template0")
            asyncio.run(upgrade(Address(self.url_of(self._template))))
        return self._template


@contextmanager
def test_server(folder) -> Iterator[TestServer]:
    """The one that the environment names, or one in a folder."""
    if given := os.environ.get("TIDEWRIGHT_TEST_DATABASE"):
        server = TestServer(given)
        yield server
        server.close()
        return
    with EmbeddedPostgres(folder, durable=False) as embedded:
        yield TestServer(embedded.url)
