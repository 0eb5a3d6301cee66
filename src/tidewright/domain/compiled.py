"""Compilation of the loops that numpy cannot express; the one module that imports numba.

Without numba the decorated functions run as plain Python: same results, bit for bit, a few hundred times slower.

Code is compiled for numba's ``generic`` CPU unless ``NUMBA_CPU_NAME`` says otherwise: then the cached machine code runs on any machine
of the architecture, and no instruction of a newer CPU can change a result. ``fastmath`` stays off for the same reason.
An image brings such code in the folder ``TIDEWRIGHT_COMPILED``, so that no container compiles what its image could.
"""

import hashlib
import importlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

os.environ.setdefault("NUMBA_CPU_NAME", "generic")

numba: Any
try:
    numba = importlib.import_module("numba")
except ModuleNotFoundError:  # the operator's image goes without it
    numba = None


def _source_digest() -> str:
    """Digest of the arithmetic's source files.

    numba notices a change of a function's own file only, not of a function that it calls from another file; the digest
    in the cache's path makes any such change a fresh cache.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _writable(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
        return os.access(path, os.W_OK)
    except OSError:
        return False


def _cache_directory() -> Path | None:
    """Where machine code is kept; None where nothing can be written."""
    digest = _source_digest()
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        if _writable(home / "tidewright" / "compiled" / digest):
            return home / "tidewright" / "compiled" / digest
    except RuntimeError:  # a container may run as a user whom its system does not know, and who has no home
        pass
    try:
        return _private(f"tidewright-compiled-{os.getuid()}") / digest
    except OSError:
        return None


def _private(name: str) -> Path:
    """A temporary folder that nobody else can write to: cached code is executed, so it must not be somebody else's."""
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    return folder if ours else Path(tempfile.mkdtemp(prefix=name))


def _begin_with(brought: Path, directory: Path) -> None:
    """Fill a cache that is empty with the machine code that an image brings.

    numba reads only where it can write, and an image is read-only where it runs.
    """
    if not any(directory.glob("*")):
        with suppress(OSError), tempfile.TemporaryDirectory(dir=directory.parent) as unfinished:
            copy = shutil.copytree(brought / directory.name, Path(unfinished) / directory.name)
            copy.replace(directory)  # refused where another process was first


_KEPT = True
"""Whether machine code is kept on disk; without a place for it, every process compiles anew."""

if numba is not None and not os.environ.get("NUMBA_CACHE_DIR"):
    _directory = _cache_directory()
    _KEPT = _directory is not None
    if _directory is not None and "TIDEWRIGHT_COMPILED" in os.environ:
        _begin_with(Path(os.environ["TIDEWRIGHT_COMPILED"]), _directory)
    numba.config.CACHE_DIR = str(_directory or "")


def compiled(function: _Function) -> _Function:
    """Compile on first call, cache on disk, release the GIL while running; IEEE division (x / 0 is inf or NaN)."""
    if numba is None:
        return function
    decorate: Callable[[_Function], _Function] = numba.njit(cache=_KEPT, nogil=True, error_model="numpy")
    return decorate(function)


def inlined(function: _Function) -> _Function:
    """Compile as a part of the compiled functions that call it; never called from Python, so it has no cache of its own."""
    if numba is None:
        return function
    decorate: Callable[[_Function], _Function] = numba.njit(error_model="numpy", inline="never")
    return decorate(function)


class CompilationRefused(ValueError):
    """The compiler cannot make machine code of a function; the message is the part of its own that says why."""


def compiles() -> bool:
    """Whether there is a compiler, and nobody has turned it off (``NUMBA_DISABLE_JIT=1``)."""
    return numba is not None and not numba.config.DISABLE_JIT


def compiled_c_function(function: Callable[[int], int]) -> Any:  # noqa: ANN401 - a type of numba's
    """A function from int64 to int64 as machine code that has an `address`. Raises CompilationRefused."""
    try:
        return numba.cfunc("int64(int64)", error_model="numpy")(function)
    except numba.core.errors.NumbaError as error:
        raise CompilationRefused(_useful_line(str(error))) from error
    except Exception as error:  # what the compiler itself stumbles over: a field that there is not is a KeyError
        raise CompilationRefused(f"{type(error).__name__}: {error}") from error


_BOILERPLATE = re.compile(
    r"Failed in nopython|No implementation of function|>>>|There are \d+ candidate|- Of which|Overload |With argument"
    r"|Rejected as|TypingError: Failed in|No match|During: |raised from|File |def |<source elided>|\^|$"
)


def _useful_line(message: str) -> str:
    """The first line of numba's message that says what is wrong, without the call stack of its type inference."""
    lines = [line.strip() for line in message.splitlines()]
    told = next((line for line in lines if not _BOILERPLATE.match(line)), lines[0] if lines else "")
    return told.removeprefix("TypingError: ")


def shared(function: _Function) -> _Function:
    """For compiled code as if compiled, and for Python a plain function: what users' own code calls in either form."""
    if numba is None:
        return function
    decorate: Callable[[_Function], _Function] = numba.extending.register_jitable(error_model="numpy")
    return decorate(function)


def as_written(function: _Function) -> _Function:
    """As `shared`, for a user's own function: it divides by zero as Python does, with an error, and so does the same in either form."""
    if numba is None:
        return function
    decorate: Callable[[_Function], _Function] = numba.extending.register_jitable(error_model="python")
    return decorate(function)


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether the machine code of `function` is on disk already, so that its first call will not wait for the compiler."""
    if numba is None or not hasattr(function, "_cache"):
        return True
    if not _KEPT:
        return False
    cache = function._cache
    index: Path = Path(cache.cache_path) / cache._cache_file._index_name
    return index.exists()
