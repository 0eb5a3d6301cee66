"""What outlives the process: a folder a study, with what was asked for, how it stands, and what was found."""

import asyncio
import fcntl
import json
import shutil
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from optuna_optimizer.jobs import Job
from tidewright.adapters.atomic import atomic_write
from tidewright.adapters.results import RECORD, NoResult
from tidewright.adapters.study_results import read_study
from tidewright.serving.logs import logger

REPORT = "report.html"

_STANDING = "study.json"
_LOCK = ".lock"
_READ = 16
_LOOK = 0.5
"""Seconds between two looks at whether another process has let go of the folder."""


class Shelf:
    """The studies in one folder, which one process at a time works with. Records are read again only where they have changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._saving = asyncio.Lock()
        self._reading = threading.Lock()
        self._records: OrderedDict[str, tuple[int, dict[str, Any]]] = OrderedDict()

    def place(self, study: str) -> Path:
        return self.folder / study

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """The folder is ours alone, as soon as no other process has it."""
        with (self.folder / _LOCK).open("a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_LOOK)
            yield

    async def save(self, job: Job) -> None:
        """Keep how a study stands now, unless it is forgotten. Raises OSError."""
        async with self._saving:  # whoever comes later has the newer state
            if job.forgotten:
                return
            text = json.dumps(job.record(), allow_nan=False)
            path = self.place(job.id) / _STANDING
            await asyncio.to_thread(atomic_write, path, lambda new: _write(new, text))

    async def remove(self, job: Job) -> None:
        """Forget a study and what was found; that it is gone is the first thing that lasts."""
        async with self._saving:
            await asyncio.to_thread(self._remove, job.id)
            job.forgotten = True

    def jobs(self) -> list[Job]:
        """All studies. One that cannot be read is told of in the log, and left where it is."""
        found = []
        for file in self.folder.glob(f"*/{_STANDING}"):
            try:
                found.append(Job.read(json.loads(file.read_text(encoding="utf-8"))))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                logger().error("study cannot be read", file=str(file), reason=repr(error))
        return found

    def record(self, study: str) -> dict[str, Any] | None:
        """What a study found, without the paths of this machine; None where there is nothing yet."""
        place = self.place(study) / RECORD
        with self._reading:
            known = self._records.pop(study, None)
            try:
                changed = place.stat().st_mtime_ns
                if known is None or known[0] != changed:
                    known = changed, {**read_study(place), "artifacts": {}}
            except (NoResult, OSError):
                return None
            self._records[study] = known
            if len(self._records) > _READ:
                self._records.popitem(last=False)
            return known[1]

    def report(self, study: str) -> bytes | None:
        """The HTML page of a study."""
        try:
            return (self.place(study) / REPORT).read_bytes()
        except OSError:
            return None

    def _remove(self, study: str) -> None:
        place = self.place(study)
        (place / _STANDING).unlink(missing_ok=True)
        if place.is_dir():
            shutil.rmtree(place)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
