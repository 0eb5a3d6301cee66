"""Trials in SQLite: of this process alone, or in a folder that all processes of one machine share. The one module that imports sqlite3.

Writes are acknowledged once they are with the system (a killed process loses none; a machine that loses its power may lose the last of them, whose trials are tried again).
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tidewright.adapters.study_rows import COLUMNS, LIGHT, as_written, neighbours, refuse_another, row_of, trial_of
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, Claim, Counts, StudyNotFound

FILE = "trials.sqlite"
"""The file in a store's folder."""

_PATIENCE = 30.0
"""Seconds for which another process may have the file to itself."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS studies (key TEXT PRIMARY KEY, definition TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trials (
    key TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, parameters TEXT NOT NULL,
    trial_values TEXT NOT NULL, violations TEXT NOT NULL, in_sample BLOB NOT NULL, out_of_sample BLOB NOT NULL, returns BLOB NOT NULL, feasible INTEGER NOT NULL,
    PRIMARY KEY (key, number));
CREATE TABLE IF NOT EXISTS claims (
    key TEXT NOT NULL, number INTEGER NOT NULL, worker TEXT NOT NULL, until REAL NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY (key, number));
CREATE TABLE IF NOT EXISTS journal (
    key TEXT NOT NULL, number INTEGER NOT NULL, batch TEXT NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (key, number));
CREATE INDEX IF NOT EXISTS journal_batches ON journal (key, batch);
"""
_PUT = (
    f"INSERT OR IGNORE INTO trials (key, {', '.join(COLUMNS)}, feasible) VALUES ({', '.join('?' * (len(COLUMNS) + 2))})"  # noqa: S608 - columns of ours
)
_FRESH = """
SELECT 1 + max(coalesce((SELECT max(number) FROM trials WHERE key = :key), -1), coalesce((SELECT max(number) FROM claims WHERE key = :key), -1))"""
_EXPIRED = "SELECT number, attempt FROM claims WHERE key = :key AND number < :below AND until <= :now ORDER BY number LIMIT :most"


class SqliteStudies:
    """A `StudyStore` in a folder, or, without one, in memory. Raises ArchiveUnavailable for a folder that cannot be written to."""

    def __init__(self, folder: Path | None = None) -> None:
        self._place = "memory" if folder is None else str(folder / FILE)
        self._lock = threading.RLock()
        with self._explained():
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                ":memory:" if folder is None else self._place,
                timeout=_PATIENCE,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {_SCHEMA}")

    def open(self, key: str, definition: Mapping[str, Any]) -> None:
        with self._transaction() as does:
            does("INSERT OR IGNORE INTO studies VALUES (?, ?)", (key, as_written(definition)))
            ((there,),) = does("SELECT definition FROM studies WHERE key = ?", (key,))
        refuse_another(key, there, definition)

    def definition(self, key: str) -> Mapping[str, Any]:
        with self._transaction() as does:
            found = does("SELECT definition FROM studies WHERE key = ?", (key,)).fetchone()
        if found is None:
            raise StudyNotFound(f"there is no study {key}")
        known: Mapping[str, Any] = json.loads(found[0])
        return known

    def put(self, key: str, trials: Sequence[Trial]) -> int:
        with self._transaction() as does:
            if does("SELECT 1 FROM studies WHERE key = ?", (key,)).fetchone() is None:
                raise StudyNotFound(f"there is no study {key}")
            new = 0
            for trial in trials:
                new += does(_PUT, (key, *row_of(trial), trial.feasible)).rowcount
                does("DELETE FROM claims WHERE key = ? AND number = ?", (key, trial.number))
            return new

    def trials(self, key: str, *, tables: bool = True) -> list[Trial]:
        columns = ", ".join(COLUMNS if tables else LIGHT)
        with self._transaction() as does:
            rows = does(f"SELECT {columns} FROM trials WHERE key = ? ORDER BY number", (key,)).fetchall()  # noqa: S608
        return [trial_of(row) for row in rows]

    def trial(self, key: str, number: int) -> Trial | None:
        statement = f"SELECT {', '.join(COLUMNS)} FROM trials WHERE key = ? AND number = ?"  # noqa: S608
        with self._transaction() as does:
            row = does(statement, (key, number)).fetchone()
        return None if row is None else trial_of(row)

    def counts(self, key: str, below: int) -> Counts:
        statement = "SELECT state, feasible, count(*) FROM trials WHERE key = ? AND number < ? GROUP BY state, feasible"
        with self._transaction() as does:
            found = {(state, bool(feasible)): count for state, feasible, count in does(statement, (key, below))}
        met, missed = found.get(("Complete", True), 0), found.get(("Complete", False), 0)
        return Counts(met + missed, found.get(("Pruned", False), 0), found.get(("Failed", False), 0), missed)

    def claim(self, key: str, worker: str, below: int, most: int, lease: float) -> Claim | None:
        now = time.time()
        with self._transaction() as does:
            ((fresh,),) = does(_FRESH, {"key": key})
            free = [(number, 0) for number in range(fresh, min(fresh + most, below))]
            if not free:
                free = does(_EXPIRED, {"key": key, "below": below, "most": most, "now": now}).fetchall()
            taken = neighbours(free)
            if not taken:
                return None
            rows = [(key, number, worker, now + lease, before + 1) for number, before in taken]
            for row in rows:
                does("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)", row)
            return Claim(taken[0][0], taken[-1][0] + 1, taken[0][1] + 1)

    def hold(self, key: str, worker: str, number: int, lease: float) -> None:
        until = time.time() + lease
        with self._transaction() as does:
            does("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, 1)", (key, number, worker, until))

    def renew(self, key: str, worker: str, lease: float) -> None:
        with self._transaction() as does:
            does("UPDATE claims SET until = ? WHERE key = ? AND worker = ?", (time.time() + lease, key, worker))

    def let_go(self, key: str, worker: str) -> None:
        with self._transaction() as does:
            does("UPDATE claims SET until = 0 WHERE key = ? AND worker = ?", (key, worker))

    def held(self, key: str) -> list[int]:
        with self._transaction() as does:
            rows = does("SELECT number FROM claims WHERE key = ? AND until > ? ORDER BY number", (key, time.time()))
            return [number for (number,) in rows]

    def append(self, key: str, batch: str, entries: Sequence[bytes], after: int) -> list[bytes]:
        with self._transaction() as does:
            if does("SELECT 1 FROM journal WHERE key = ? AND batch = ? LIMIT 1", (key, batch)).fetchone() is None:
                ((next_number,),) = does("SELECT coalesce(max(number) + 1, 0) FROM journal WHERE key = ?", (key,))
                for offset, entry in enumerate(entries):
                    does("INSERT INTO journal VALUES (?, ?, ?, ?)", (key, next_number + offset, batch, entry))
            return self._entries(does, key, after)

    def entries(self, key: str, after: int) -> list[bytes]:
        with self._transaction() as does:
            return self._entries(does, key, after)

    def delete(self, key: str) -> bool:
        with self._transaction() as does:
            for table in ("trials", "claims", "journal"):
                does(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608
            return bool(does("DELETE FROM studies WHERE key = ?", (key,)).rowcount)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @staticmethod
    def _entries(does: Any, key: str, after: int) -> list[bytes]:  # noqa: ANN401 - a bound method
        rows = does("SELECT entry FROM journal WHERE key = ? AND number >= ? ORDER BY number", (key, after))
        return [entry for (entry,) in rows]

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """Gives what executes a statement; all of it happens or nothing."""
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ArchiveUnavailable(f"the trials in {self._place} cannot be read or written: {error}") from error
