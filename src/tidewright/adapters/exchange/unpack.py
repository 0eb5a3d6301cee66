"""A downloaded zip file of Binance's archive, taken with suspicion, as bars or as funding rates.

A file is one table or it is refused: one member of the expected name, no larger than its kind can be, with rows of its period
only. It is never unpacked to the disk, and a little of it is in memory at a time.
"""

import errno
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from tidewright.adapters.exchange.binance import ArchiveFile, Kind, milliseconds_of
from tidewright.adapters.tables import TableError, csv_blocks
from tidewright.domain.bars import Bars, Floats, Integers, Market
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import due_times, unusable
from tidewright.domain.instant import utc
from tidewright.domain.quality import Severity, assess
from tidewright.domain.resampling import Ticks, bars_of, joined
from tidewright.domain.timeframe import milliseconds

_Block: TypeAlias = list[NDArray[Any]]

LARGEST: Mapping[Kind, int] = {Kind.KLINES: 1 << 28, Kind.TRADES: 1 << 35, Kind.FUNDING: 1 << 20}
"""Bytes of a file's content: a month of minutes has under 10 MB, a month of all trades some GB, a month of funding some kB."""

_DENSEST = 200
"""How many times smaller than its content a zip file of figures can be; deflate could do 1,000 with zeros."""

_WIDTHS: Mapping[Kind, tuple[int, ...]] = {Kind.KLINES: (12,), Kind.TRADES: (7, 8), Kind.FUNDING: (3,)}
_WANTED: Mapping[Kind, Mapping[int, type]] = {
    Kind.KLINES: {0: int, 1: float, 2: float, 3: float, 4: float, 5: float},
    Kind.TRADES: {0: int, 1: float, 2: float, 5: int},
    Kind.FUNDING: {0: int, 2: float},
}
_NOTHING: Mapping[Kind, _Block] = {
    kind: [np.empty(0, column) for column in wanted.values()] for kind, wanted in _WANTED.items()
}
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 1
_QUOTED = 60


class ArchiveRefused(ValueError):
    """A file of the archive is not what it should be, and nothing of it was taken; the message names the file and the reason."""


def unpacked(path: Path, file: ArchiveFile, market: Market) -> Bars:
    """The bars in a zip file, in order of time; rows that only repeat another are dropped. Raises ArchiveRefused and OSError."""
    with _opened(path, file) as blocks:
        bars = _klines(blocks, market) if file.kind is Kind.KLINES else _trades(blocks, market)
    if problem := _problem(bars, file):
        raise ArchiveRefused(f"{file.name} was refused: {problem}")
    return bars


def unpacked_funding(path: Path, file: ArchiveFile) -> Funding:
    """The funding rates in a zip file, in order of time. Raises ArchiveRefused and OSError."""
    with _opened(path, file) as blocks:
        time, rate = (np.concatenate(parts) for parts in zip(_NOTHING[Kind.FUNDING], *blocks, strict=True))
    funding = Funding(time, rate)
    times = due_times(funding)
    if not len(times):
        problem = "it has no rows"
    elif np.any(np.diff(times) <= 0) or times[0] < file.period.start or times[-1] > file.period.end:
        problem = f"its rates are not in order of time, or not of {utc(file.period.start)} to {utc(file.period.end)}"
    elif len(wrong := unusable(rate)):
        problem = f"{rate[wrong[0]]:g} at {utc(int(time[wrong[0]]))} is no funding rate"
    else:
        return funding
    raise ArchiveRefused(f"{file.name} was refused: {problem}")


@contextmanager
def _opened(path: Path, file: ArchiveFile) -> Iterator[Iterator[_Block]]:
    """The rows of the file's table; whatever is wrong with it while they are read is a refusal of the file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_only_member(archive, file)) as stream:
            yield _blocks(cast("BinaryIO", stream), file.kind)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, TableError, ValueError) as error:
        raise ArchiveRefused(f"{file.name} was refused: {_reason(path, error)}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # what the system says to a place before the beginning of the file
            raise
        raise ArchiveRefused(f"{file.name} was refused: it points to places outside of itself") from error


def _only_member(archive: zipfile.ZipFile, file: ArchiveFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    expected = f"{file.name.removesuffix('.zip')}.csv"
    if [member.filename for member in members] != [expected]:
        names = ", ".join(repr(member.filename) for member in members[:3]) or "nothing"
        raise ValueError(f"it should hold {expected} alone and holds {names}{', ...' if len(members) > 3 else ''}")
    member = members[0]
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        raise ValueError("it is encrypted, or packed in a way that zip files of the archive are not")
    # The reader stops at the size that the member states, so what is stated bounds what is unpacked.
    if member.file_size > min(LARGEST[file.kind], _DENSEST * member.compress_size):
        raise ValueError(
            f"it would unpack from {member.compress_size:,} to {member.file_size:,} bytes, as no such table does"
        )
    return member


def _blocks(stream: BinaryIO, kind: Kind) -> Iterator[_Block]:
    line = cast("zipfile.ZipExtFile", stream).peek(1 << 12).splitlines()[:1]
    columns = line[0].count(b",") + 1 if line else 0
    if columns not in _WIDTHS[kind]:
        start = line[0][:_QUOTED].decode(errors="replace") if line else ""
        raise ValueError(
            f"its first line has {columns} columns and not {' or '.join(map(str, _WIDTHS[kind]))}: {start!r}"
        )
    # Files of the futures have a header line from 2022 on.
    return csv_blocks(stream, columns, _WANTED[kind], headed=not line[0][:1].isdigit())


def _klines(blocks: Iterator[_Block], market: Market) -> Bars:
    time, *rest = (np.concatenate(parts) for parts in zip(_NOTHING[Kind.KLINES], *blocks, strict=True))
    time = milliseconds_of(time)
    rows = _distinct(np.vstack([time, *rest]), time)
    open_, high, low, close, volume = (column[rows] for column in rest)
    return Bars(time[rows], open_, high, low, close, volume, milliseconds(market.timeframe), market)


def _distinct(table: Floats, time: Integers) -> Integers:
    """The rows in order of time, without those that only repeat the one before; rows that contradict each other stay."""
    order = np.argsort(time, kind="stable")
    repeats = np.zeros(len(time), np.bool_)
    repeats[1:] = np.all(table[:, order[1:]] == table[:, order[:-1]], axis=0)
    return order[~repeats].astype(np.int64, copy=False)


def _trades(blocks: Iterator[_Block], market: Market) -> Bars:
    parts, last = [], -1
    for number, price, quantity, time in blocks:
        ahead = np.diff(number, prepend=last)
        if np.any(ahead < 0):
            raise ValueError("its trades are not in the order of their numbers")
        fresh = ahead > 0
        last = int(number[-1]) if len(number) else last
        parts.append(bars_of(Ticks(milliseconds_of(time[fresh]), price[fresh], quantity[fresh]), market))
    return joined(parts)


def _problem(bars: Bars, file: ArchiveFile) -> str:
    if not len(bars):
        return "it has no rows"
    first, last = int(bars.time[0]), int(bars.time[-1])
    if not file.period.start <= first <= last < file.period.end:
        outside = first if first < file.period.start else last
        return f"it is about {utc(file.period.start)} to {utc(file.period.end)} and has a row of {utc(outside)}"
    errors = [finding for finding in assess(bars) if finding.severity is Severity.ERROR]
    return "; ".join(f"{finding.message} ({finding.rule})" for finding in errors)


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, zipfile.BadZipFile):
        with path.open("rb") as file:
            start = file.read(_QUOTED)
        if not start.startswith(b"PK"):
            return f"it is no zip file; it begins with {start.decode(errors='replace')!r}"
    return str(error)
