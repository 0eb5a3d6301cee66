"""Funding rates from a file: as exchanges publish them, or as freqtrade keeps them, in a file of bars."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tidewright.adapters.recognise import NAMES, BarFileError, instants, located, numbers
from tidewright.adapters.tables import Table, TableError, read_table
from tidewright.domain.bars import Integers
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import LARGEST_RATE, due_times, unusable
from tidewright.domain.instant import utc
from tidewright.ports import Source

FUNDING_NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (*NAMES["time"], "calc_time", "funding_time", "fundingtime"),
    "rate": ("rate", "funding_rate", "fundingrate", "last_funding_rate", "lastfundingrate"),
}
"""The usual names of each field, as in `tidewright.adapters.recognise.NAMES`."""

_UNUSED_BY_FREQTRADE = ("high", "low", "close", "volume")
_LISTED = 3


@dataclass(frozen=True, slots=True)
class FundingFile:
    """What a file held, and what a reader should know of how it was read."""

    funding: Funding
    source: Source
    notes: tuple[str, ...]


def read_funding(path: Path, named: Mapping[str, str] | None = None, *, sort: bool = False) -> FundingFile:
    """The funding rates in a CSV, Parquet or Feather file, in ascending time, with their times as they were published.

    `named` gives the columns of ``time`` and ``rate`` where they have no usual name; `sort` allows rows out of order. A row that says again what
    another has said of the same second is left out. Raises BarFileError with every problem that was found, and OSError for a file that cannot be opened.
    """
    try:
        table = read_table(path)
    except TableError as error:
        raise BarFileError(str(error)) from error
    unordered, notes = _converted(table, named or {})
    order = np.argsort(unordered.time, kind="stable")
    funding = Funding(unordered.time[order], unordered.rate[order])
    problems = [] if sort else _unsorted(table, unordered)
    problems += _unusable(table, unordered) + _contradicting(table, funding, order)
    if problems:
        raise BarFileError(*problems)
    first = np.flatnonzero(np.diff(due_times(funding), prepend=-1))
    source = Source(path.name, f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
    return FundingFile(Funding(funding.time[first], funding.rate[first]), source, tuple(notes))


def _converted(table: Table, named: Mapping[str, str]) -> tuple[Funding, list[str]]:
    """The rows as they stand in the file."""
    places = located(table, table.names, FUNDING_NAMES, named if "rate" in named else {**_in_bars(table), **named})
    if not len(table):
        raise BarFileError(f"{table.path} has a header but no rows")
    time, problems, notes = instants(table, places["time"])
    rate, wrong = numbers(table, places["rate"])
    if problems or wrong:
        raise BarFileError(*problems, *wrong)
    matched = ", ".join(f"{field} from {table.names[place]!r}" for field, place in places.items())
    return Funding(time, rate), [matched, *notes]


def _in_bars(table: Table) -> dict[str, str]:
    """The column of the rate in a file of bars: freqtrade's have it in the open, and nothing but zeros beside it."""
    columns = {name.lower(): table.column(index) for index, name in enumerate(table.names) if table.headed}
    if not columns.keys() >= {"open", *_UNUSED_BY_FREQTRADE} or columns.keys() & set(FUNDING_NAMES["rate"]):
        return {}
    if any(bool(np.any(columns[name].values != 0)) for name in _UNUSED_BY_FREQTRADE):
        raise BarFileError(f"{table.path.name} holds bars and no funding rates; import them without --funding")
    return {"rate": columns["open"].name}


def _unsorted(table: Table, funding: Funding) -> list[str]:
    earlier = np.flatnonzero(np.diff(funding.time) < 0) + 1
    if not len(earlier):
        return []
    row = int(earlier[0])
    times = f"{utc(int(funding.time[row]))} comes after {utc(int(funding.time[row - 1]))}"
    return [f"{table.place(row)}: the times are not in ascending order, {times}; --sort puts the rows in order"]


def _unusable(table: Table, funding: Funding) -> list[str]:
    rows = unusable(funding.rate).tolist()
    remedy = f"is no funding rate, which is a share of at most {LARGEST_RATE:g}: write 0.0001 for 0.01 %"
    told = [
        f"{table.place(row)}: {'nothing' if np.isnan(rate) else f'{rate:g}'} {remedy}"
        for row, rate in zip(rows[:_LISTED], funding.rate[rows[:_LISTED]], strict=True)
    ]
    return [*told, f"and {len(rows) - _LISTED} more rows without a funding rate"] if len(rows) > _LISTED else told


def _contradicting(table: Table, funding: Funding, order: Integers) -> list[str]:
    rows = np.flatnonzero((np.diff(due_times(funding)) == 0) & (np.diff(funding.rate) != 0))
    told = [
        f"{table.place(int(order[i]))} and {table.place(int(order[i + 1]))} hold different rates of "
        f"{utc(int(due_times(funding)[i]))} ({funding.rate[i]:g} and {funding.rate[i + 1]:g}); remove one"
        for i in rows[:_LISTED]
    ]
    return [*told, f"and {len(rows) - _LISTED} more times with different rates"] if len(rows) > _LISTED else told
