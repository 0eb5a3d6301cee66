"""Optuna's journal in a store of trials. An append brings back what others have appended meanwhile; what concerns one's own trial alone waits for the next one that does not."""

import json
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from optuna.storages.journal import BaseJournalBackend
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import TrialState

from tidewright.ports import StudyStore

_OF_ONE_TRIAL = {
    JournalOperation.SET_TRIAL_PARAM,
    JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE,
    JournalOperation.SET_TRIAL_USER_ATTR,
    JournalOperation.SET_TRIAL_SYSTEM_ATTR,
}
_FRESH = 0.1
"""Seconds for which what was read is good enough to be asked again: a sampler reads many times for one trial."""


class StoredJournal(BaseJournalBackend):
    """The journal of one study, for one `JournalStorage`. It keeps no snapshots: those are pickles, which whoever can write to the store could make execute anything.

    What a worker does to the trial that it has (values, windows, how it ended) commutes with what others do to theirs. It takes effect here at once, and is written with what comes next:
    `flush` where that may take a while.
    """

    def __init__(self, store: StudyStore, key: str) -> None:
        self._store, self._key = store, key
        self._read = 0
        self._asked = float("-inf")
        self._news: deque[dict[str, Any]] = deque()
        self._waiting: list[dict[str, Any]] = []
        self._own: set[str] = set()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._own |= {log["worker_id"] for log in logs}
        if all(map(_may_wait, logs)):
            self._news += logs
            self._waiting += logs
        else:
            self._write(logs)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """What is new; the place is known here, where own entries may be ahead of their place in the store."""
        if not self._news and time.monotonic() - self._asked > _FRESH:
            self._take(self._store.entries(self._key, self._read))
        while self._news:
            yield self._news.popleft()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._write([])

    def _write(self, logs: list[dict[str, Any]]) -> None:
        entries = [json.dumps(log, separators=(",", ":")).encode() for log in (*self._waiting, *logs)]
        self._take(self._store.append(self._key, uuid.uuid4().hex, entries, self._read))
        self._waiting = []

    def _take(self, entries: Iterable[bytes]) -> None:
        for entry in entries:
            self._read += 1
            log = json.loads(entry)
            if log["worker_id"] not in self._own or not _may_wait(log):
                self._news.append(log)
        self._asked = time.monotonic()


def _may_wait(log: dict[str, Any]) -> bool:
    ended = log["op_code"] == JournalOperation.SET_TRIAL_STATE_VALUES and TrialState(log["state"]).is_finished()
    return ended or log["op_code"] in _OF_ONE_TRIAL
