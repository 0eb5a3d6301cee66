"""Files that are either as they were or complete, and writers that take turns."""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".tidewright-"
"""How the name of a folder begins in which files are written before they are put in place together."""

_RETRY = 0.02


def atomic_write(path: Path, write: Callable[[Path], None]) -> None:
    """Calls `write` with a temporary path in the folder of `path`, then puts the finished file in its place.

    Whatever interrupts it (a full disk, Ctrl-C), `path` keeps its old content and the temporary file is removed.
    Raises what `write` raises, and OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write(temporary)
        _flush(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def atomic_text(path: Path, text: str) -> None:
    """Puts a file of `text` in its place, as `atomic_write` does."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    atomic_write(path, write)


def clear_unfinished(folder: Path) -> None:
    """Remove what a process that was killed while it wrote results to `folder` has left there, and the folder where nothing else is in it."""
    for left in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def locked(path: Path, timeout: float) -> Iterator[None]:
    """Holds the lock file `path`, which stays behind empty: removing it would let two writers hold two different files.

    Raises TimeoutError after `timeout` seconds. The system frees the lock of a process that died.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        deadline = time.monotonic() + timeout
        while not _taken(lock.fileno()):
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"{path} has been locked by another process for {timeout:g} s; try again when it is done"
                )
            time.sleep(_RETRY)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
