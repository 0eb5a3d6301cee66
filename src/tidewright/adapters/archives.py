"""Which archive a URL names."""

from tidewright.adapters.file_url import UrlRefused
from tidewright.ports import Archive

_MEMORY = "memory:"


def archive_at(url: str, most: int = 8) -> Archive:
    """The archive of ``memory:`` or ``postgresql://...``, with up to `most` connections; it is not asked for anything yet. Raises UrlRefused."""
    if url == _MEMORY:
        from tidewright.adapters.memory_archive import MemoryArchive  # noqa: PLC0415 - one or the other

        return MemoryArchive()
    if _is_database(url):
        from tidewright.adapters.postgres.archive import PostgresArchive  # noqa: PLC0415 - SQLAlchemy and asyncpg

        return PostgresArchive.at(url, most)
    raise UrlRefused(
        f"{url.partition(':')[0]!r} is no archive; write postgresql://user:password@host:5432/database, or memory: for one that lasts as long as this process"
    )


def ready_archive(url: str, most: int = 8) -> Archive:
    """As `archive_at`, for a service that starts. Raises UrlRefused, with the remedy, for a database that somebody has to mend first, such as one of another
    version's schema; one that is away may come back, and is waited for by whoever asks it.
    """
    archive = archive_at(url, most)
    if _is_database(url):
        from tidewright.adapters.postgres.readiness import refusal_of  # noqa: PLC0415 - see above

        if refusal := refusal_of(url):
            raise UrlRefused(refusal)
    return archive


def _is_database(url: str) -> bool:
    return url.partition("://")[0] in {"postgresql", "postgres"}
