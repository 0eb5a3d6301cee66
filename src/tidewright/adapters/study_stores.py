"""Which store of trials a URL names."""

from tidewright.adapters.file_url import UrlRefused, path_of
from tidewright.adapters.sqlite_studies import SqliteStudies
from tidewright.ports import StudyStore

_MEMORY = "memory:"


def study_store_at(url: str, patience: float | None = None) -> StudyStore:
    """The store of ``memory:`` (of one process), ``file:///folder`` (of one machine) or ``postgresql://...``. Raises UrlRefused and ArchiveUnavailable.

    A database that is away is waited for so many seconds; by default for longer than it takes to start one again.
    """
    if url == _MEMORY:
        return SqliteStudies()
    scheme = url.partition(":")[0]
    if scheme == "file":
        return SqliteStudies(path_of(url))
    if scheme in {"postgresql", "postgres"}:
        from tidewright.adapters.postgres.studies import PostgresStudies  # noqa: PLC0415 - SQLAlchemy and asyncpg

        return PostgresStudies.at(url) if patience is None else PostgresStudies.at(url, patience)
    message = f"{scheme!r} is no store of trials; write postgresql://user:password@host:5432/database, file:///folder or memory:"
    raise UrlRefused(message)
