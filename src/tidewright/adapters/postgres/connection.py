"""Connections to PostgreSQL, and what its errors mean. The one module that imports asyncpg."""

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from tidewright.adapters.file_url import UrlRefused
from tidewright.ports import ArchiveRefused, ArchiveUnavailable

SCHEMA = "tidewright"
"""PostgreSQL's schema that everything is in."""

_SCHEMES = ("postgresql", "postgres")
_CLOSED_TO_US = {
    "28": "check the user and the password in the URL, or in a passfile",
    "3D": "create the database, or name another in the URL",
    "42501": "give the user one of the roles tidewright_reader, tidewright_writer and tidewright_migrator",
}
_DATA = ("22", "23")
"""What is the fault of what was sent. Everything else that a server says may be mended there, a table that is missing or damaged say: another time it may work."""


class DatabaseRefused(ArchiveUnavailable):
    """The server is there and will not have us, or its schema is not this version's: somebody has to mend that first."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, and how long to wait for it, in seconds.

    The URL is as PostgreSQL's own programs have it: ``postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=ca.crt``; several
    hosts with ``target_session_attrs=read-write``; ``?host=/var/run/postgresql`` for a Unix socket; ``?passfile=`` for a file of passwords.
    """

    url: str = field(repr=False)
    connect_timeout: float = 10.0
    command_timeout: float = 120.0
    lock_timeout: float = 30.0

    def __post_init__(self) -> None:
        """Raises UrlRefused."""
        if not is_database(self.url):
            raise UrlRefused(
                f"{self.url.partition(':')[0]!r} is no URL of a database; write postgresql://user:password@host:5432/database"
            )

    @property
    def name(self) -> str:
        """Without the password, for people."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "")
        user = parts.netloc.rpartition("@")[0].partition(":")[0]
        return f"postgresql://{user + '@' if user else ''}{host}{parts.path}"


def is_database(url: str) -> bool:
    """Whether a URL is one of PostgreSQL."""
    return url.partition("://")[0] in _SCHEMES and "://" in url


async def connect(address: Address) -> Any:  # noqa: ANN401 - asyncpg comes without types
    """A connection whose every statement ends in time, here and on the server."""
    waits = {
        "statement_timeout": address.command_timeout,
        "lock_timeout": address.lock_timeout,
        "idle_in_transaction_session_timeout": address.command_timeout,
    }
    return await asyncpg.connect(
        address.url,
        timeout=address.connect_timeout,
        command_timeout=address.command_timeout,
        server_settings={
            "application_name": "tidewright",
            "search_path": SCHEMA,
            "timezone": "UTC",
            **{name: f"{seconds * 1_000:.0f}" for name, seconds in waits.items()},
        },
    )


def meaning(error: Exception, address: Address) -> Exception | None:
    """What an error of a driver means to whoever uses an archive; None for a mistake of ours."""
    cause = _innermost(error)
    code = str(getattr(cause, "sqlstate", "") or "")
    told = f"{address.name}: {_told(cause)}"
    if remedies := [remedy for start, remedy in _CLOSED_TO_US.items() if code.startswith(start)]:
        return DatabaseRefused(f"{told}; {remedies[0]}")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return DatabaseRefused(f"{told}; name the authority's certificate with sslrootcert in the URL")
    if code.startswith(_DATA):
        return ArchiveRefused(told)
    # Of an internal error: the server's last words came between two questions, and the driver has not taken them in.
    if code or isinstance(cause, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return ArchiveUnavailable(told)
    return None


def _innermost(error: BaseException) -> BaseException:
    """The driver's own error in what SQLAlchemy makes of it."""
    while True:
        within = getattr(error, "orig", None) or (error.__cause__ if not getattr(error, "sqlstate", None) else None)
        if within is None:
            return error
        error = within


def _told(error: BaseException) -> str:
    return str(error).strip().replace("\n", "; ") or type(error).__name__
