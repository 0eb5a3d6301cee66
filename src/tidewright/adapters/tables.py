"""Tables in files: CSV, Parquet and Feather in, Parquet out. The one module that imports pyarrow; import it where a file is at hand."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
from numpy.typing import NDArray

_Arrow: TypeAlias = Any  # pyarrow comes without types

_SNIFFED = 1 << 16
_BLOCK = 1 << 20
_DELIMITERS = ",;\t|"


class TableError(ValueError):
    """A file is no table that can be read; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Column:
    """`values` is int64, float64 (a missing number is NaN), bool, datetime64 in UTC (NaT) or objects, str or None.

    `zoned` says of a datetime whether the file itself gave a time zone.
    """

    name: str
    values: NDArray[Any]
    zoned: bool = False


@dataclass(frozen=True)
class Table:
    """The columns of a file, converted when asked for. Without a header line the names are "1", "2" and so on."""

    path: Path
    names: tuple[str, ...]
    headed: bool
    arrays: tuple[_Arrow, ...]
    first_line: int = 0
    """The line of a text file that holds the first row, from 1; 0 where rows have no lines."""

    def __len__(self) -> int:
        return len(self.arrays[0]) if self.arrays else 0

    def column(self, index: int) -> Column:
        array = self.arrays[index]
        zoned = pa.types.is_timestamp(array.type) and array.type.tz is not None
        return Column(self.names[index], _numpy(array), zoned)

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(self.column(index) for index in range(len(self.names)))

    def place(self, row: int) -> str:
        """How a reader of the file finds row `row`, counted from 0."""
        return f"line {self.first_line + row}" if self.first_line else f"row {row + 1}"


def read_table(path: Path) -> Table:
    """The table in a CSV file (``.gz`` included), a Parquet file or a Feather file, told apart by their content.

    Raises TableError, and OSError for a file that cannot be opened.
    """
    with path.open("rb") as file:
        magic = file.read(8)
    try:
        if magic.startswith(b"PAR1"):
            return _from_arrow(path, pq.ParquetFile(path).read())
        if magic.startswith((b"ARROW1", b"FEA1")):
            return _from_arrow(path, pa.feather.read_table(path))
        return _from_text(path)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise TableError(f"{path} cannot be read: {error}; save it as CSV, Parquet or Feather again") from error


def read_parquet(path: Path, names: tuple[str, ...]) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Columns of a Parquet file as arrays of the caller's own, datetimes as datetime64, and the file's metadata. Raises TableError."""
    try:
        table = pq.ParquetFile(path).read(columns=list(names))
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path} cannot be read: {error}") from error
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise TableError(f"{path} has no column {', '.join(missing)}")
    return {name: _copied(table[name]) for name in names}, _text_metadata(table.schema)


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a Parquet file, without its columns. Raises TableError."""
    try:
        return _text_metadata(pq.read_schema(path))
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path} cannot be read: {error}") from error


def write_parquet(path: Path, columns: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> None:
    """Writes columns of equal length; datetime64 becomes an instant in UTC. Raises OSError."""
    arrays = {name: _arrow(values) for name, values in columns.items()}
    for name, array in arrays.items():
        if pa.types.is_timestamp(array.type):
            arrays[name] = array.cast(pa.timestamp(array.type.unit, "UTC"))
    table = pa.table(arrays).replace_schema_metadata(metadata)
    pq.write_table(table, path, compression="zstd", use_dictionary=False)


def csv_blocks(
    stream: BinaryIO, columns: int, wanted: Mapping[int, type], *, headed: bool
) -> Iterator[list[NDArray[Any]]]:
    """Columns of a CSV stream, a megabyte at a time, as arrays of the caller's own.

    There are `columns` columns; `wanted` gives the type, int or float, of those that are asked for, by position. Raises TableError
    where a row has more or fewer columns, or holds something else than a number.
    """
    names = [str(i) for i in range(columns)]
    kinds = {names[i]: pa.int64() if kind is int else pa.float64() for i, kind in wanted.items()}
    read = pa.csv.ReadOptions(use_threads=False, column_names=names, skip_rows=int(headed), block_size=_BLOCK)
    convert = pa.csv.ConvertOptions(column_types=kinds, include_columns=list(kinds), null_values=[])
    try:
        for batch in pa.csv.open_csv(stream, read, convert_options=convert):
            yield [np.array(np.from_dlpack(column)) for column in batch.columns]
    except pa.ArrowInvalid as error:
        raise TableError(str(error)) from error


# Arrow's own conversions from and to numpy import pandas where it is installed, which takes longer than a whole backtest.


def _copied(column: _Arrow) -> NDArray[Any]:
    """A column as an array of the caller's own: compiled code would be compiled a second time for a read-only view."""
    kind = column.type
    if column.null_count or not (pa.types.is_primitive(kind) and not pa.types.is_boolean(kind)):
        return np.array(column.to_numpy())
    plain = column.cast(pa.int64()) if pa.types.is_timestamp(kind) else column
    values = np.concatenate([np.from_dlpack(chunk) for chunk in plain.chunks] or [np.empty(0)])
    return values.astype(f"datetime64[{kind.unit}]") if pa.types.is_timestamp(kind) else values


def _arrow(values: NDArray[Any]) -> _Arrow:
    if values.dtype.kind == "U":
        texts = [str(text).encode() for text in values]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
        return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(texts)))
    kind = pa.from_numpy_dtype(values.dtype)
    plain = np.packbits(values, bitorder="little") if values.dtype.kind == "b" else np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(plain.view(np.uint8))])


def _text_metadata(schema: _Arrow) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}


def _from_arrow(path: Path, table: _Arrow) -> Table:
    return Table(path, tuple(table.column_names), True, tuple(table.columns))


def _from_text(path: Path) -> Table:
    with pa.input_stream(str(path)) as stream:
        start = stream.read(_SNIFFED)
    if b"\0" in start or start.startswith(b"PK"):
        raise TableError(f"{path} is neither CSV, Parquet nor Feather; unpack an archive first")
    lines = start.decode("utf-8-sig", errors="replace").splitlines()
    if not lines:
        raise TableError(f"{path} is empty")
    delimiter = max(_DELIMITERS, key="\n".join(lines[:3]).count)
    skipped = (
        1 if delimiter not in lines[0] and len(lines) > 1 and delimiter in lines[1] else 0
    )  # a line with a link, say
    fields = [field.strip() for field in next(csv.reader([lines[skipped]], delimiter=delimiter))]
    headed = not all(_is_number(field) for field in fields)
    positions = [str(i + 1) for i in range(len(fields))]
    with pa.input_stream(str(path)) as stream:
        table = pa.csv.read_csv(
            stream,
            pa.csv.ReadOptions(use_threads=False, column_names=positions, skip_rows=skipped + headed),
            pa.csv.ParseOptions(delimiter=delimiter),
            # Types are found over whole columns afterwards: the reader's own guess looks at the first block alone.
            pa.csv.ConvertOptions(column_types=dict.fromkeys(positions, pa.string()), strings_can_be_null=True),
        )
    names = fields if headed else positions
    arrays = tuple(_typed(column) for column in table.columns)
    return Table(path, tuple(names), headed, arrays, first_line=1 + skipped + headed)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _typed(strings: _Arrow) -> _Arrow:
    trimmed = pc.utf8_trim_whitespace(strings)
    for kind in (pa.int64(), pa.float64()):
        try:
            return trimmed.cast(kind)
        except pa.ArrowInvalid:
            continue
    return trimmed


def _numpy(array: _Arrow) -> NDArray[Any]:
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    kind = array.type
    if pa.types.is_boolean(kind) and not array.null_count:
        return np.array(array.to_numpy())
    if pa.types.is_integer(kind) and not array.null_count:
        return np.array(array.to_numpy(), np.int64)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.array(array.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return np.array(array.cast(pa.timestamp("ms"), safe=False).to_numpy())
    return np.array(array.to_pylist(), object)
