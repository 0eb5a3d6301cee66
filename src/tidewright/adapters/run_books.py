"""Which book of runs a URL names, what a book says of a run, and a book in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.results import RECORD, read_table
from tidewright.domain.metrics.table import METRICS
from tidewright.ports import RANKED_BY, FinishedRun, RunBook, RunEntry

_MEMORY = "memory:"
_LESS_IS_BETTER = {metric.name for metric in METRICS if metric.higher_is_better is False}


def run_book_at(url: str, most: int = 4) -> RunBook:
    """The book of ``memory:`` or ``postgresql://...``, with up to `most` connections; it is not asked for anything yet. Raises UrlRefused."""
    if url == _MEMORY:
        return MemoryRunBook()
    if url.partition("://")[0] in {"postgresql", "postgres"}:
        from tidewright.adapters.postgres.run_book import PostgresRunBook  # noqa: PLC0415 - SQLAlchemy and asyncpg

        return PostgresRunBook.at(url, most)
    raise UrlRefused(
        f"{url.partition(':')[0]!r} is no book of runs; write postgresql://user:password@host:5432/database"
    )


class NotBooked(RuntimeError):
    """A run could not be put into a book; the message says why. Booking it again does no harm."""


def check_book(url: str) -> str:
    """The URL, as it is. Raises UrlRefused for one that names no database."""
    import asyncio  # noqa: PLC0415 - only where there is a book

    asyncio.run(run_book_at(url).close())
    return url


def book_result(url: str, run_id: str, document: Mapping[str, Any], folder: Path) -> bool:
    """Put a finished run, whose record and tables are in its `folder`, into a book by its id; whether it was new there.

    Raises NotBooked, whatever goes wrong: the result is there already, and must not be lost for this.
    """
    import asyncio  # noqa: PLC0415 - only where there is a book

    try:
        saved_ms = (folder / RECORD).stat().st_mtime_ns // 1_000_000
        run = FinishedRun(run_id, {**document, "artifacts": {}}, read_table(folder / "trades.parquet"), saved_ms)
        return asyncio.run(_book(url, run))
    except Exception as error:  # of a library that speaks to a network, whatever it is
        raise NotBooked(f"{error}".partition("\n")[0] or type(error).__name__) from error


async def _book(url: str, run: FinishedRun) -> bool:
    book = run_book_at(url, most=1)
    try:
        return await book.save(run)
    finally:
        await book.close()


def ascending(figure: str) -> bool:
    """Whether less of a figure is better. Raises ValueError for one that books do not rank by."""
    if figure not in RANKED_BY:
        raise ValueError(f"{figure!r} is no figure to rank by; name one of {', '.join(RANKED_BY)}")
    return figure in _LESS_IS_BETTER


class MemoryRunBook:
    """A `RunBook` for one process and as long as it lives."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], FinishedRun] = {}

    async def save(self, run: FinishedRun) -> bool:
        return self._runs.setdefault((run.id, run.digest), run) is run

    async def run(self, run_id: str, digest: str | None = None) -> FinishedRun | None:
        return next((run for run in self._newest() if run.id == run_id and digest in {None, run.digest}), None)

    async def runs(self, most: int) -> list[RunEntry]:
        return [entry_of(run) for run in self._newest()[:most]]

    async def leaderboard(self, figure: str, most: int) -> list[RunEntry]:
        sign = 1 if ascending(figure) else -1

        def place(entry: RunEntry) -> tuple[bool, float, str, str]:
            value = entry.figures[figure]
            return value is None, 0.0 if value is None else sign * value, entry.id, entry.digest

        return sorted(map(entry_of, self._runs.values()), key=place)[:most]

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _newest(self) -> list[FinishedRun]:
        return sorted(self._runs.values(), key=lambda run: (run.saved_ms, run.id, run.digest), reverse=True)


def entry_of(run: FinishedRun) -> RunEntry:
    """What a book says of a run."""
    provenance: dict[str, Any] = run.record["provenance"]
    data = provenance["data"]
    return RunEntry(
        id=run.id,
        digest=run.digest,
        saved_ms=run.saved_ms,
        name=run.record["name"],
        strategy=provenance["strategy"]["name"],
        exchange=data["exchange"],
        symbol=data["symbol"],
        timeframe=data["timeframe"],
        start=data["start"],
        end=data["end"],
        simulated=bool(data.get("simulated")),
        figures={name: _number(run.record["result"].get(name)) for name in RANKED_BY},
    )


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
