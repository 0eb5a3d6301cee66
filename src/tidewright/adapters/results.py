"""A run's results in a folder: the record, the report and the tables, all of them or none."""

import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.adapters.atomic import UNFINISHED

RECORD = "result.json"
"""The record's file name; it is put in place last, so a folder that has it is complete."""

_SECTIONS = {"kind", "name", "spec", "result", "provenance"}

Writer = Callable[[Path], object]
"""Writes one file at the path given."""


class NoResult(ValueError):
    """A file is no record of a run; the message names the file and the remedy."""


def write_results(folder: Path, writers: Mapping[str, Writer | None], record: Mapping[str, Any]) -> dict[str, str]:
    """Write every file of `writers`, by name, and the record with the files' paths as its ``artifacts``, which are returned.

    A file whose writer is None is not wanted: one from an earlier run would contradict the record, and is removed.
    Everything is written beside its place first. Whatever interrupts that (a full disk, Ctrl-C), the folder keeps what it had. Raises OSError.
    Where the process is killed, `clear_unfinished` removes what it leaves.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: write for name, write in writers.items() if write is not None}
    artifacts = {Path(name).stem: str(folder / name) for name in (RECORD, *wanted)}
    staging = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    try:
        for name, write in wanted.items():
            write(staging / name)
        (staging / RECORD).write_text(as_json({**record, "artifacts": artifacts}), encoding="utf-8")
        for path in staging.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        with _uninterrupted():
            for name in (RECORD, *(writers.keys() - wanted.keys())):
                (folder / name).unlink(missing_ok=True)
            for name in (*wanted, RECORD):
                (staging / name).replace(folder / name)
    except OSError as error:
        error.filename = str(folder)  # and not a name in there that nobody has given
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return artifacts


def as_json(record: Mapping[str, Any]) -> str:
    """The record as text: numbers in full, no NaN."""
    return json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def read_record(path: Path) -> dict[str, Any]:
    """The record of a run at `path`, a file or the folder that holds it. Raises NoResult, and OSError for a file that cannot be opened."""
    record = read_document(path)
    if record.get("kind") == "OptimizationStudy":
        raise NoResult(
            f"{path} is the record of a study, which has many accounts and not one; `tidewright report` shows it, "
            "and `tidewright apply-best` writes the strategy that it found, to be run by itself"
        )
    if not record.keys() >= _SECTIONS:
        raise NoResult(f"{path} is not the record of a run; name the result.json that `tidewright run` wrote")
    return record


def read_document(path: Path) -> dict[str, Any]:
    """The record at `path`, of whatever kind. Raises as `read_record`."""
    path = path / RECORD if path.is_dir() else path
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoResult(f"there is no {path}; name the result.json of a run, or its folder") from None
    except (ValueError, RecursionError) as error:
        raise NoResult(f"{path} is not JSON ({error}); name the result.json of a run") from None
    if not isinstance(record, dict):
        raise NoResult(f"{path} is not the record of a run; name the result.json that `tidewright run` wrote")
    return record


def write_table(path: Path, table: Mapping[str, NDArray[Any]]) -> None:
    """Write a table as Parquet; columns named for a time become instants in UTC."""
    from tidewright.adapters.tables import write_parquet  # noqa: PLC0415 - pyarrow, for those who read or write tables

    instants = {name: values.astype("datetime64[ms]") for name, values in table.items() if _is_time(name)}
    write_parquet(path, {**table, **instants})


def read_table(path: Path) -> dict[str, NDArray[Any]]:
    """A table written by `write_table`: times are milliseconds again. Raises OSError and ValueError."""
    from tidewright.adapters.tables import read_table as read  # noqa: PLC0415 - pyarrow, see above

    file = read(path)
    table = {name: np.asarray(file.column(index).values) for index, name in enumerate(file.names)}
    return {
        name: values.astype("datetime64[ms]").astype(np.int64) if _is_time(name) else values
        for name, values in table.items()
    }


def _is_time(name: str) -> bool:
    return name == "time" or name.endswith("Time")


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back for the few renames that put the files in place; they take effect after them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    stops = (signal.SIGINT, signal.SIGTERM)
    held = {stop: signal.signal(stop, lambda number, frame: pressed.append(number)) for stop in stops}
    try:
        yield
    finally:
        for stop, handler in held.items():
            signal.signal(stop, handler)
    if pressed:
        signal.raise_signal(pressed[0])
