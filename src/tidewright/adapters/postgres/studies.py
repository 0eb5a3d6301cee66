"""Trials in PostgreSQL, for workers on any number of machines."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from tidewright.adapters.postgres.asked_by_threads import AskedByThreads
from tidewright.adapters.postgres.connection import Address
from tidewright.adapters.study_rows import COLUMNS, LIGHT, as_written, refuse_another, row_of, trial_of
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, Claim, Counts, StudyNotFound

PATIENCE = 180.0
"""Seconds for which a server that is away is waited for: longer than it takes to start one again."""

_NO_STUDY = "P0002"

_TYPES = ("integer", "text", "text", "text", "json", "text", "text", "bytea", "bytea", "bytea")
_ARRAYS = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate((*_TYPES, "boolean"), 2))
_NAMES = ", ".join((*COLUMNS, "feasible"))

_OPEN = "INSERT INTO studies (key, definition) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING"
_DEFINITION = "SELECT definition FROM studies WHERE id = study_of($1)"
_PUT = f"""
    WITH kept AS (
        INSERT INTO study_trials (study_id, {_NAMES}) SELECT study_of($1), given.* FROM unnest({_ARRAYS}) AS given
        ON CONFLICT (study_id, number) DO NOTHING RETURNING number
    ), done AS (
        DELETE FROM study_claims WHERE study_id = study_of($1) AND number = ANY($2)
    )
    SELECT count(*) FROM kept"""  # noqa: S608 - columns of ours
_TRIALS = "SELECT {} FROM study_trials WHERE study_id = study_of($1) ORDER BY number"
_TRIAL = f"SELECT {', '.join(COLUMNS)} FROM study_trials WHERE study_id = study_of($1) AND number = $2"  # noqa: S608
_COUNTS = """
    SELECT count(*) FILTER (WHERE state = 'Complete'), count(*) FILTER (WHERE state = 'Pruned'),
           count(*) FILTER (WHERE state = 'Failed'), count(*) FILTER (WHERE state = 'Complete' AND NOT feasible)
    FROM study_trials WHERE study_id = study_of($1) AND number < $2"""
_CLAIM = "SELECT * FROM claim_trials($1, $2, $3, $4, $5, $6)"
_HOLD = """
    INSERT INTO study_claims VALUES (study_of($1), $3, $2, '', clock_timestamp() + $4, 1)
    ON CONFLICT (study_id, number) DO UPDATE SET worker = excluded.worker, request = '', until = excluded.until, attempt = 1"""
_RENEW = "UPDATE study_claims SET until = clock_timestamp() + $3 WHERE study_id = study_of($1) AND worker = $2"
_LET_GO = "UPDATE study_claims SET until = '-infinity', request = '' WHERE study_id = study_of($1) AND worker = $2"
_HELD = "SELECT number FROM study_claims WHERE study_id = study_of($1) AND until > clock_timestamp() ORDER BY number"
_APPEND = "SELECT * FROM append_to_journal($1, $2, $3, $4)"
_ENTRIES = "SELECT entry FROM study_journal WHERE study_id = study_of($1) AND number >= $2 ORDER BY number"
_DELETE = "DELETE FROM studies WHERE key = $1 RETURNING id"


class PostgresStudies:
    """A `StudyStore` in a database. Every method is one statement, which is a transaction; beside what the port says, they raise DatabaseRefused, at once."""

    def __init__(self, database: AskedByThreads) -> None:
        self._database = database

    @classmethod
    def at(cls, url: str, patience: float = PATIENCE) -> Self:
        """In the database of a URL, which is connected to when it is needed. Raises UrlRefused."""
        return cls(AskedByThreads(Address(url), patience))

    def open(self, key: str, definition: Mapping[str, Any]) -> None:
        self._database.rows(_OPEN, key, as_written(definition))
        refuse_another(key, self._asked(_DEFINITION, key)[0][0], definition)

    def definition(self, key: str) -> Mapping[str, Any]:
        known: Mapping[str, Any] = json.loads(self._asked(_DEFINITION, key)[0][0])
        return known

    def put(self, key: str, trials: Sequence[Trial]) -> int:
        rows = [(*row_of(trial), trial.feasible) for trial in trials]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in (*COLUMNS, "feasible")]
        new: int = self._asked(_PUT, key, *columns)[0][0]
        return new

    def trials(self, key: str, *, tables: bool = True) -> list[Trial]:
        columns = ", ".join(COLUMNS if tables else LIGHT)
        return [trial_of(row) for row in self._asked(_TRIALS.format(columns), key)]

    def trial(self, key: str, number: int) -> Trial | None:
        return next((trial_of(row) for row in self._asked(_TRIAL, key, number)), None)

    def counts(self, key: str, below: int) -> Counts:
        return Counts(*self._asked(_COUNTS, key, below)[0])

    def claim(self, key: str, worker: str, below: int, most: int, lease: float) -> Claim | None:
        # Named, so that a claim whose answer is lost is given again instead of another beside it.
        rows = self._asked(_CLAIM, key, worker, uuid.uuid4().hex, below, most, timedelta(seconds=lease))
        return next((Claim(*row) for row in rows), None)

    def hold(self, key: str, worker: str, number: int, lease: float) -> None:
        self._asked(_HOLD, key, worker, number, timedelta(seconds=lease))

    def renew(self, key: str, worker: str, lease: float) -> None:
        self._asked(_RENEW, key, worker, timedelta(seconds=lease))

    def let_go(self, key: str, worker: str) -> None:
        self._asked(_LET_GO, key, worker)

    def held(self, key: str) -> list[int]:
        return [number for (number,) in self._asked(_HELD, key)]

    def append(self, key: str, batch: str, entries: Sequence[bytes], after: int) -> list[bytes]:
        return [entry for (entry,) in self._asked(_APPEND, key, batch, list(entries), after)]

    def entries(self, key: str, after: int) -> list[bytes]:
        return [entry for (entry,) in self._asked(_ENTRIES, key, after)]

    def delete(self, key: str) -> bool:
        return bool(self._database.rows(_DELETE, key))

    def close(self) -> None:
        self._database.close()

    def _asked(self, statement: str, key: str, *arguments: object) -> Sequence[Any]:
        try:
            return self._database.rows(statement, key, *arguments)
        except ArchiveUnavailable as error:
            if getattr(error.__cause__, "sqlstate", None) == _NO_STUDY:
                raise StudyNotFound(f"there is no study {key}") from None
            raise
