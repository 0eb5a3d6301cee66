"""Bars from a file of any usual shape: read, recognised, put in order as far as asked for, and refused with every reason at once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from tidewright.adapters.recognise import FIELDS, BarFileError, instants, numbers, recognise
from tidewright.adapters.tables import Table, TableError, read_table
from tidewright.domain.bars import COLUMNS, Bars, Booleans, Integers, Market
from tidewright.domain.instant import utc
from tidewright.domain.quality import Severity, assess
from tidewright.domain.timeframe import TIMEFRAMES, duration, milliseconds
from tidewright.ports import Source

_LISTED = 3
_ORDER_RULES = {"DuplicateTime", "UnsortedTime"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a file where it does not speak for itself.

    `columns` names a field's column; `time_is` says which end of the bar its time stands for; `sort` and `drop_duplicates`
    allow what is refused otherwise: rows out of order, and rows that say the same thing twice.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    time_is: Literal["open", "close"] = "open"
    sort: bool = False
    drop_duplicates: bool = False


@dataclass(frozen=True, slots=True)
class BarFile:
    """What a file held, and what a reader should know of how it was read."""

    bars: Bars
    source: Source
    notes: tuple[str, ...]


def read_bars(path: Path, market: Market, reading: Reading | None = None) -> BarFile:
    """The bars in a CSV, Parquet or Feather file, in ascending time.

    Gaps stay gaps. Raises BarFileError with every problem that was found, and OSError for a file that cannot be opened.
    """
    reading = reading or Reading()
    try:
        table = read_table(path)
    except TableError as error:
        raise BarFileError(str(error)) from error
    unordered, notes = _converted(table, market, reading)
    order = np.argsort(unordered.time, kind="stable")
    bars = _taken(unordered, order)
    repeated, problems = _repeated(table, bars, order, allowed=reading.drop_duplicates)
    problems = (
        _unsorted(table, unordered, allowed=reading.sort) + problems + _misspaced(bars) + _broken(table, bars, order)
    )
    if problems:
        raise BarFileError(*problems)
    source = Source(path.name, f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
    return BarFile(_taken(bars, np.flatnonzero(~repeated)), source, tuple(notes))


def _converted(table: Table, market: Market, reading: Reading) -> tuple[Bars, list[str]]:
    """The rows as they stand in the file."""
    places = recognise(table, market.symbol, reading.columns)
    if not len(table):
        raise BarFileError(f"{table.path} has a header but no rows")
    step = milliseconds(market.timeframe)
    times, problems, notes = instants(table, places["time"])
    if reading.time_is == "close":
        # Binance writes the last millisecond of the bar, others the first of the next one.
        times = times + ((times + 1) % 1_000 == 0) - step
    columns = {}
    for name in COLUMNS:
        columns[name], wrong = numbers(table, places[name])
        problems += wrong
    if problems:
        raise BarFileError(*problems)
    matched = ", ".join(f"{name} from {table.names[places[name]]!r}" for name in FIELDS)
    return Bars(time=times, step=step, market=market, **columns), [matched, *notes]


def _taken(bars: Bars, rows: Integers) -> Bars:
    columns = {name: getattr(bars, name)[rows] for name in COLUMNS}
    return Bars(time=bars.time[rows], step=bars.step, market=bars.market, **columns)


def _unsorted(table: Table, bars: Bars, *, allowed: bool) -> list[str]:
    earlier = np.flatnonzero(np.diff(bars.time) < 0) + 1
    if allowed or not len(earlier):
        return []
    row = int(earlier[0])
    times = f"{utc(int(bars.time[row]))} comes after {utc(int(bars.time[row - 1]))}"
    return [f"{table.place(row)}: the times are not in ascending order, {times}; --sort puts the rows in order"]


def _repeated(table: Table, bars: Bars, order: Integers, *, allowed: bool) -> tuple[Booleans, list[str]]:
    """Which rows, in order of time, only repeat the row before."""
    same_time = np.diff(bars.time, prepend=bars.time[:1] - 1) == 0
    same = same_time.copy()
    for name in COLUMNS:
        column = getattr(bars, name)
        same[1:] &= column[1:] == column[:-1]
    contradicting = np.flatnonzero(same_time & ~same)
    problems = [
        f"{table.place(int(order[i - 1]))} and {table.place(int(order[i]))} hold different bars of {utc(int(bars.time[i]))}; remove one"
        for i in contradicting[:_LISTED]
    ]
    if len(contradicting) > _LISTED:
        problems.append(f"and {len(contradicting) - _LISTED} more times with different bars")
    if same.any() and not allowed:
        i = int(np.argmax(same))
        places = f"{table.place(int(order[i - 1]))} and {table.place(int(order[i]))}"
        problems.append(
            f"rows that only repeat another: {int(same.sum())}, the first {places}; --drop-duplicates keeps one of each"
        )
    return same, problems


def _misspaced(bars: Bars) -> list[str]:
    """The file's own spacing is the distance that occurs most often, to the second: some publishers' times jitter."""
    distances = np.rint(np.diff(np.unique(bars.time)) / 1_000).astype(np.int64) * 1_000
    if not len(distances):
        return []
    values, counts = np.unique(distances, return_counts=True)
    usual = int(values[np.argmax(counts)])
    if usual == bars.step:
        return []
    found = duration(usual)
    remedy = (
        f"import them with --timeframe {found}"
        if found in TIMEFRAMES
        else f"a timeframe is one of {', '.join(TIMEFRAMES)}"
    )
    return [f"the bars are {found} apart, not {bars.market.timeframe}; {remedy}"]


def _broken(table: Table, bars: Bars, order: Integers) -> list[str]:
    if not (bars.high.any() or bars.low.any() or bars.close.any()):
        return [
            f"{table.path.name}: high, low and close are zero throughout; these are funding rates or the like, not bars"
        ]
    problems = []
    for finding in assess(bars):
        if finding.severity is Severity.ERROR and finding.rule not in _ORDER_RULES:
            shown = "; ".join(f"{table.place(int(order[i]))}: {_values(bars, i)}" for i in finding.bars[:_LISTED])
            problems.append(f"{finding.message} ({finding.rule}); {shown}; correct or remove these rows")
    return problems


def _values(bars: Bars, row: int) -> str:
    return ", ".join(f"{name} {getattr(bars, name)[row]:.10g}" for name in COLUMNS)
