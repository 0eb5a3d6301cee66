"""The worker itself: a payload in; the result put away and a record out."""

import errno
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tidewright.adapters.atomic import clear_unfinished
from tidewright.adapters.engines import find_engine
from tidewright.adapters.file_url import UrlRefused, path_of
from tidewright.adapters.progress_file import progress_to
from tidewright.adapters.results import read_record
from tidewright.adapters.run_books import NotBooked, book_result
from tidewright.adapters.stores import store_at, stores
from tidewright.adapters.trackers import track_result
from tidewright.api import Result
from tidewright.cli.work_log import WorkLog
from tidewright.domain.strategies.strategy import Strategy
from tidewright.ports import TrackingFailed
from tidewright.runs.backtest import BacktestFindings
from tidewright.runs.payload import Task, read_payload
from tidewright.runs.refusal import InputRefused
from tidewright.runs.work import Kept, refused, work
from tidewright.specs.problems import Problem
from tidewright.specs.status import Progress
from tidewright.specs.work_record import WorkRecord

STRATEGY_TIMEOUT = 300.0
"""Seconds that a strategy in another process may take over one question."""

_LONGEST_NAME = 180
_LONGEST_URL = 1000


@dataclass(frozen=True)
class Orders:
    """What a worker is told beside its payload: URLs, empty where there is none."""

    spec: Path
    artifacts: str
    store: str = ""
    progress: str = ""
    strategy_endpoint: str = ""
    strategy_timeout: float = STRATEGY_TIMEOUT
    streams: str = ""
    progress_key: str = ""


def record_of(orders: Orders, log: WorkLog, about_to_write: Callable[[Path], None] = lambda folder: None) -> WorkRecord:
    """Do the work and say how it ended, whatever happens; `about_to_write` is told the folder before anything is written to it."""
    try:
        return _work(orders, log, about_to_write)
    except InputRefused as refusal:
        return refused(refusal)
    except UrlRefused as error:
        return WorkRecord.of_problems("Refused", [str(error)])
    except OSError as error:
        return WorkRecord(reason="Failed", message=of_the_system(error))
    except MemoryError:
        message = "there is not enough memory; raise spec.pod.resources.limits.memory, or test a shorter period"
        return WorkRecord(reason="Failed", message=message)
    except Exception as error:  # the one place where a mistake of ours becomes a record
        log.tell("traceback", traceback.format_exc(), "error")
        return WorkRecord(reason="Failed", message=f"{type(error).__name__}: {error}; please report this")


def track(url: str, record: WorkRecord, log: WorkLog) -> None:
    """Tell the tracker at `url` of work whose record is complete; one that cannot be told is warned of, and nothing else comes of it."""
    if record.result is None or not record.result.artifacts:
        return
    try:
        folder = path_of(record.result.artifacts)
        log.tell("tracked", track_result(url, read_record(folder), folder))
    except (OSError, TrackingFailed, ValueError) as error:
        log.tell("tracking", f"the run is not tracked: {error}", "warning")


def put_down(url: str, record: WorkRecord, log: WorkLog) -> None:
    """Put work whose record is complete into the book of runs at `url`, by its place among the artifacts; as with a tracker, what cannot be done is warned of."""
    if record.result is None or not record.result.artifacts:
        return
    try:
        folder = path_of(record.result.artifacts)
        book_result(url, f"{folder.parent.name}/{folder.name}", read_record(folder), folder)
    except (OSError, NotBooked, ValueError) as error:
        log.tell("book", f"the run is not in the book: {error}", "warning")


def folder_of(artifacts: str, task: Task[Any]) -> Path:
    """Where the results of a task go: the same folder whenever it is done again, another for another task. Raises UrlRefused."""
    name = task.run.metadata.name
    # A file's name has at most 255 bytes; a UID tells apart those that begin alike.
    folder = path_of(artifacts) / task.namespace / (f"{name[:_LONGEST_NAME]}-{task.uid}" if task.uid else name)
    if len(folder.as_uri()) > _LONGEST_URL:
        raise UrlRefused(f"{folder.as_uri()[:60]!r}... is longer than {_LONGEST_URL} characters; shorten --artifacts")
    return folder


def _work(orders: Orders, log: WorkLog, about_to_write: Callable[[Path], None]) -> WorkRecord:
    task = read_payload(str(orders.spec), read_spec(orders.spec))
    folder = folder_of(orders.artifacts, task)
    store = store_at(orders.store) if orders.store else stores(os.environ)
    connect = (
        partial(connected, orders.strategy_endpoint, orders.strategy_timeout) if orders.strategy_endpoint else None
    )
    write = _progress_to(orders.progress, log)
    told = _progress_at(orders, task, log)
    named = f"{task.namespace}/{task.run.metadata.name}"
    log.tell("started", f"Backtest {named}", run=named, uid=task.uid, artifacts=folder.as_uri())

    def tell(progress: Progress) -> None:
        log.tell("stage", progress.stage, percent=progress.percent)
        write(progress)
        told(progress)

    def keep(found: BacktestFindings) -> Kept:
        about_to_write(folder)
        clear_unfinished(folder)
        result = Result.of(found)
        artifacts = result.save(folder)
        return Kept(result.document, Path(artifacts["report"]).as_uri(), folder.as_uri())

    return work(task, store, keep, tell, find_engine, connect)


def connected(endpoint: str, timeout: float) -> Strategy:
    """The strategy at an address. Raises InputRefused, StrategyError and OSError."""
    try:
        from tidewright.adapters.grpc_peer import Patience  # noqa: PLC0415 - grpc, which most work does without
        from tidewright.adapters.remote_strategy import RemoteStrategy  # noqa: PLC0415
    except ImportError as error:
        message = f"--strategy-endpoint: {error}; use an image with tidewright[local,serving] installed"
        raise InputRefused([Problem("", 0, (), message)]) from error
    return RemoteStrategy(endpoint, Patience(answer=timeout))


def read_spec(spec: Path) -> str:
    """The text of a payload. Raises InputRefused."""
    try:
        return spec.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text in UTF-8"
        raise InputRefused([Problem(str(spec), 0, (), f"cannot be read: {why}; name a worker's payload")]) from None


def _progress_to(url: str, log: WorkLog) -> Callable[[Progress], None]:
    """Where progress goes; a place that there is not is told and forgotten."""
    if url:
        try:
            return progress_to(url)
        except UrlRefused as error:
            log.tell("progress", f"nobody is told of the progress: {error}", "warning")
    return lambda progress: None


def _progress_at(orders: Orders, task: Task[Any], log: WorkLog) -> Callable[[Progress], None]:
    """The same for the board beside the streams, on which the operator looks."""
    if orders.streams:
        key = orders.progress_key or f"{task.namespace}/{task.run.metadata.name}/{task.uid}"
        try:
            from tidewright.adapters.progress_board import progress_at  # noqa: PLC0415 - redis, which most work does without

            tell = progress_at(orders.streams, key)
        except (ImportError, UrlRefused) as error:
            log.tell("progress", f"the board is not told of the progress: {error}", "warning")
        else:
            return lambda progress: tell(progress.percent)
    return lambda progress: None


def of_the_system(error: OSError) -> str:
    """What the system refused, where, and what to do about it."""
    where = f" ({error.filename})" if error.filename else ""
    what = error.strerror or str(error) or type(error).__name__
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk is full{where}; free some space, or enlarge the volume. Nothing half-written was left behind."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR}:
        return f"{what}{where}; mount a volume there that the worker may write to, or name another with --artifacts"
    return f"{what}{where}"
