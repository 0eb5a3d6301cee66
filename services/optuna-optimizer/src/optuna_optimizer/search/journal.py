"""Optuna's journal in a store of trials: every append brings back what others have appended meanwhile, so that the read that follows asks nobody."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from tidewright.ports import StudyStore


class StoredJournal(BaseJournalBackend):
    """The journal of one study. It keeps no snapshots: those are pickles, which whoever can write to the store could make execute anything."""

    def __init__(self, store: StudyStore, key: str) -> None:
        self._store, self._key = store, key
        self._read = 0
        self._news: list[dict[str, Any]] = []

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        entries = [json.dumps(log, separators=(",", ":")).encode() for log in logs]
        self._take(self._store.append(self._key, uuid.uuid4().hex, entries, self._read))

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        if log_number_from != self._read - len(self._news):
            self._read, self._news = log_number_from, []
        if not self._news:
            self._take(self._store.entries(self._key, self._read))
        news, self._news = self._news, []
        return news

    def _take(self, entries: Iterable[bytes]) -> None:
        new = [json.loads(entry) for entry in entries]
        self._news += new
        self._read += len(new)
