"""Which column of a table is what, and in which units its times are."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.adapters.tables import Column, Table
from tidewright.domain.bars import COLUMNS, Floats, Integers

FIELDS = ("time", *COLUMNS)
"""What a table of bars must have."""

NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (
        *(
            "time",
            "date",
            "datetime",
            "timestamp",
            "date_time",
            "open_time",
            "opentime",
            "start_time",
            "start",
            "begin",
        ),
        *("ts", "t", "unix", "unix_time", "unix_timestamp", "epoch", "index_level_0"),
    ),
    "open": ("open", "o", "open_price", "price_open"),
    "high": ("high", "h", "high_price", "price_high", "max"),
    "low": ("low", "l", "low_price", "price_low", "min"),
    "close": ("close", "c", "close_price", "price_close"),
    "volume": ("volume", "v", "vol", "base_volume", "volume_base"),
}
"""The usual names of each field, in lower case and with an underscore for anything that is no letter or digit."""

KLINES = (
    "open_time",
    *COLUMNS,
    "close_time",
    "quote_volume",
    "trades",
    "taker_base_volume",
    "taker_quote_volume",
    "ignore",
)
"""The columns of Binance's kline archives, which come without a header line."""

_EARLIEST = 10**8
_UNITS = ((10**11, "seconds"), (10**14, "milliseconds"), (10**17, "microseconds"), (2**63, "nanoseconds"))
"""An epoch time below the first limit is in seconds, and so on: each unit covers the years from 1973 to 5138 or further."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LISTED = 3


class BarFileError(ValueError):
    """A file holds no bars, or no funding rates, that can be taken; `problems` says why, each with the place in the file, the value and the remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def recognise(table: Table, symbol: str, named: Mapping[str, str]) -> dict[str, int]:
    """The position of each field's column.

    `named` gives columns by name, or by number where there is no header line; `symbol` tells ``Volume BTC`` from ``Volume USDT``.
    Raises BarFileError with every field that has no column, or more than one.
    """
    names = KLINES if not table.headed and len(table.names) == len(KLINES) else table.names
    base = _plain(symbol.split("/", maxsplit=1)[0])
    return located(table, names, {field: (*NAMES[field], f"{field}_{base}") for field in FIELDS}, named)


def located(
    table: Table, names: Sequence[str], usual: Mapping[str, Sequence[str]], named: Mapping[str, str]
) -> dict[str, int]:
    """The position of each field of `usual`, which has the names that its column may have; `names` are those of the columns.

    `named` and errors as in `recognise`.
    """
    found, problems = {}, []
    for field in usual:
        if field in named:
            places = [i for i, name in enumerate(table.names) if name == named[field]]
            problem = _not_there(field, named[field], table)
        else:
            places = [i for i, name in enumerate(names) if _plain(name) in usual[field]]
            problem = f"no column is recognised as {field} among {_listed(table)}; name it with --column {field}=NAME"
        if len(places) > 1:
            candidates = ", ".join(repr(table.names[i]) for i in places)
            problem = f"more than one column may be {field}: {candidates}; choose with --column {field}={table.names[places[0]]}"
        if len(places) == 1:
            found[field] = places[0]
        else:
            problems.append(problem)
    if problems:
        raise BarFileError(*problems)
    return found


def numbers(table: Table, index: int) -> tuple[Floats, list[str]]:
    """A column as numbers, and what is none; a missing value is NaN."""
    column = table.column(index)
    if column.values.dtype.kind in "if":
        return column.values.astype(np.float64, copy=False), []
    if column.values.dtype.kind != "O":
        return np.full(len(table), np.nan), [f"column {column.name!r} holds times, not numbers"]
    values = np.array([_number(value) for value in column.values], np.float64)
    wrong = [i for i, value in enumerate(column.values) if value is not None and np.isnan(values[i])]
    return values, _refused(table, column, wrong, "is no number; write it as in 1234.5")


def instants(table: Table, index: int) -> tuple[Integers, list[str], list[str]]:
    """A column as milliseconds since the epoch, what is no time, and what a reader should know of how it was read."""
    column = table.column(index)
    kind = column.values.dtype.kind
    if kind == "M":
        wrong = np.flatnonzero(np.isnat(column.values)).tolist()
        times = column.values.astype("datetime64[ms]").astype(np.int64)
        return times, _refused(table, column, wrong, "is no time"), [] if column.zoned else [_without_zone(column)]
    if kind == "O":
        return _from_iso(table, column)
    return _from_epoch(table, column)


def _from_iso(table: Table, column: Column) -> tuple[Integers, list[str], list[str]]:
    parsed = [_parsed(value) for value in column.values]
    wrong = [i for i, moment in enumerate(parsed) if moment is None]
    naive = any(moment is not None and moment.tzinfo is None for moment in parsed)
    aware = (_EPOCH if moment is None else moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in parsed)
    times = np.array([(moment - _EPOCH) // _MILLISECOND for moment in aware], np.int64)
    remedy = "is no time; write it in ISO 8601, as in 2024-01-31T16:00Z, or as seconds or milliseconds since the epoch"
    return times, _refused(table, column, wrong, remedy), [_without_zone(column)] if naive else []


def _from_epoch(table: Table, column: Column) -> tuple[Integers, list[str], list[str]]:
    """Each value by its own magnitude: Binance's archives turn from milliseconds to microseconds in the middle."""
    values = column.values
    usable = (values >= _EARLIEST) & (values < float(2**63))
    wrong = np.flatnonzero(~usable).tolist()
    known = np.where(usable, values, _EARLIEST)
    seconds, milliseconds, microseconds = (known < limit for limit, _ in _UNITS[:3])
    whole = known.astype(np.int64)
    times = np.select(
        [seconds, milliseconds, microseconds],
        [np.rint(np.where(seconds, known, 0) * 1000.0).astype(np.int64), whole, whole // 1_000],
        whole // 1_000_000,
    )
    remedy = (
        "is no time since the epoch; write it in seconds, milliseconds, microseconds or nanoseconds, or in ISO 8601"
    )
    limits = np.array([limit for limit, _ in _UNITS[:3]], np.float64)
    units = [_UNITS[i][1] for i in np.unique(np.searchsorted(limits, known, side="right"))]
    return (
        times,
        _refused(table, column, wrong, remedy),
        [f"times in column {column.name!r} are read as {' and '.join(units)}"],
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _listed(table: Table) -> str:
    names = ", ".join(map(repr, table.names))
    return names if table.headed else f"columns {names} (the file has no header line)"


def _not_there(field: str, name: str, table: Table) -> str:
    near = get_close_matches(name, table.names, n=1)
    hint = f"; the nearest is {near[0]!r}" if near else ""
    return f"--column {field}={name}: there is no such column among {_listed(table)}{hint}"


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")


def _parsed(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value).replace(" UTC", "Z"))
    except ValueError:
        return None


def _without_zone(column: Column) -> str:
    return f"times in column {column.name!r} have no time zone and are read as UTC"


def _refused(table: Table, column: Column, rows: Sequence[int], remedy: str) -> list[str]:
    listed = [f"{table.place(i)}, column {column.name!r}: {_shown(column.values, i)} {remedy}" for i in rows[:_LISTED]]
    return [*listed, f"and {len(rows) - _LISTED} more in column {column.name!r}"] if len(rows) > _LISTED else listed


def _shown(values: NDArray[Any], row: int) -> str:
    value = values[row]
    if str(value) in {"None", "nan", "NaT"}:
        return "nothing"
    return repr(value) if isinstance(value, str) else str(value)
