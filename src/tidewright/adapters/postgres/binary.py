"""Rows of numbers as PostgreSQL's binary COPY has them, to and from columns, without a Python object a row.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format". Every row is the number of its fields, and of each field its length and its bytes,
big-endian. Where no field is NULL and none varies in length, a row is a record of a fixed size.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_WIRE = {np.dtype(np.int32): ">i4", np.dtype(np.int64): ">i8", np.dtype(np.float64): ">f8", np.dtype(np.bool_): "?"}
_CHUNK = 1 << 20

Columns = Mapping[str, NDArray[Any]]
Kinds = Mapping[str, type[np.generic]]
"""The columns' names and types: int32 is integer, int64 bigint or timestamptz, float64 double precision, bool boolean."""


class NotBinary(ValueError):
    """What came is not the binary form of such rows."""


def encoded(columns: Columns) -> Iterator[bytes]:
    """The stream of a COPY ... FROM STDIN, in parts of about a megabyte; columns have shape (n,)."""
    record = _record({name: values.dtype.type for name, values in columns.items()})
    count = len(next(iter(columns.values())))
    rows = np.empty(count, record)
    rows["fields"] = len(columns)
    for name, values in columns.items():
        rows[f"length of {name}"] = values.dtype.itemsize
        rows[name] = values
    yield _SIGNATURE
    step = max(_CHUNK // record.itemsize, 1)
    for first in range(0, count, step):
        yield rows[first : first + step].tobytes()
    yield _TRAILER


def decoded(stream: Sequence[bytes], kinds: Kinds) -> dict[str, NDArray[Any]]:
    """The columns in the parts of a stream of COPY ... TO STDOUT, in this machine's byte order, the caller's own. Raises NotBinary."""
    data = b"".join(stream)
    record = _record(kinds)
    body = len(data) - len(_SIGNATURE) - len(_TRAILER)
    if not data.startswith(_SIGNATURE) or body < 0 or body % record.itemsize or data[-2:] != _TRAILER:
        raise NotBinary(f"{len(data):,} bytes that are no rows of {', '.join(kinds)}")
    rows = np.frombuffer(data, record, body // record.itemsize, len(_SIGNATURE))
    if np.any(rows["fields"] != len(kinds)) or any(
        np.any(rows[f"length of {name}"] != np.dtype(kind).itemsize) for name, kind in kinds.items()
    ):
        raise NotBinary(f"rows that are not of {', '.join(kinds)}, or with NULL in them")
    return {name: rows[name].astype(kind) for name, kind in kinds.items()}


def _record(kinds: Kinds) -> np.dtype[Any]:
    fields = [("fields", ">i2")]
    for name, kind in kinds.items():
        fields += [(f"length of {name}", ">i4"), (name, _WIRE[np.dtype(kind)])]
    return np.dtype(fields)
