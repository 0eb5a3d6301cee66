import gzip
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from tidewright.adapters.tables import TableError, read_metadata, read_parquet, read_table, write_parquet

TIMES = pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC", name="date")
FRAME = pd.DataFrame({"open": [1.5, 2.5, np.nan], "trades": [1, 2, 3], "note": ["a", None, "c"]}, index=TIMES)


def columns(table):
    return {column.name: column for column in table.columns}


@pytest.fixture(params=["parquet", "feather"])
def binary(request, tmp_path):
    path = tmp_path / "file.bin"  # told apart by content
    frame = FRAME.reset_index()
    getattr(frame, f"to_{request.param}")(path)
    return path


def test_parquet_and_feather_are_read_as_they_are(binary):
    table = read_table(binary)
    read = columns(table)

    assert len(table) == 3
    assert read["date"].values.tolist() == [datetime(2024, 1, 1, hour) for hour in range(3)]
    assert read["date"].zoned
    assert read["open"].values.tolist()[:2] == [1.5, 2.5]
    assert np.isnan(read["open"].values[2])
    assert read["trades"].values.dtype == np.int64
    assert read["note"].values.tolist() == ["a", None, "c"]
    assert table.place(1) == "row 2"


def test_a_pandas_index_without_a_name_is_a_column(tmp_path):
    FRAME.rename_axis(None).to_parquet(tmp_path / "file.parquet")

    assert read_table(tmp_path / "file.parquet").names[-1] == "__index_level_0__"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_read_with_whatever_separates_its_fields(tmp_path, delimiter):
    path = tmp_path / "file.csv"
    path.write_text("\ufefftime, open ,note\n1,1.5,a\n2, 2.5 ,\n3,,c\n".replace(",", delimiter), encoding="utf-8")
    table = read_table(path)
    read = columns(table)

    assert table.names == ("time", "open", "note")
    assert read["time"].values.tolist() == [1, 2, 3]
    assert read["open"].values.tolist()[:2] == [1.5, 2.5]
    assert np.isnan(read["open"].values[2])
    assert read["note"].values.tolist() == ["a", None, "c"]
    assert table.place(1) == "line 3"


def test_a_type_is_that_of_the_whole_column_however_late_it_shows(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("a,b\n" + "1,2\n" * 300_000 + "1.5,x\n")
    read = columns(read_table(path))

    assert read["a"].values[-1] == 1.5
    assert read["b"].values[-1] == "x"


def test_without_a_header_line_columns_are_numbered(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("1502942400000,4261.48,0\n1502946000000,4308.83,0\n")
    table = read_table(path)

    assert not table.headed
    assert table.names == ("1", "2", "3")
    assert len(table) == 2
    assert table.place(0) == "line 1"


def test_a_line_above_the_header_is_passed_over(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("https://www.cryptodatadownload.com\nunix,open\n1,2\n")
    table = read_table(path)

    assert table.names == ("unix", "open")
    assert table.place(0) == "line 3"


def test_compressed_csv_is_read(tmp_path):
    path = tmp_path / "file.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))

    assert read_table(path).names == ("a", "b")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "unpack an archive first"),
        (b"\x00\x01\x02", "neither CSV, Parquet nor Feather"),
        (b"PAR1 and nothing else", "cannot be read"),
        (b"ARROW1 and nothing else", "cannot be read"),
        (b"a,b\n1,2\n3\n", "Row #3"),
    ],
    ids=["empty", "zip", "binary", "torn parquet", "torn feather", "ragged"],
)
def test_what_is_no_table_is_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "file.csv"
    path.write_bytes(content)

    with pytest.raises(TableError, match=reason) as refused:
        read_table(path)
    assert str(path) in str(refused.value)


def test_what_is_written_as_parquet_is_read_back(tmp_path):
    path = tmp_path / "file.parquet"
    written = {"time": np.array([0, 1], "datetime64[ms]"), "open": np.array([0.1, np.nan]), "count": np.array([1, 2])}
    write_parquet(path, written, {"key": "värde"})
    read, metadata = read_parquet(path, tuple(written))

    for name, values in written.items():
        np.testing.assert_array_equal(read[name], values)
        assert read[name].dtype == values.dtype
        assert read[name].flags.writeable
    assert metadata["key"] == read_metadata(path)["key"] == "värde"


def test_written_times_are_instants_in_utc(tmp_path):
    path = tmp_path / "file.parquet"
    write_parquet(path, {"time": np.array([0], "datetime64[ms]")})

    assert pd.read_parquet(path)["time"][0] == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "file.parquet"
    write_parquet(path, {"open": np.zeros(1)})

    with pytest.raises(TableError, match="no column close, low"):
        read_parquet(path, ("open", "close", "low"))


WITHOUT_PANDAS = """
import sys
from pathlib import Path
import numpy as np
from tidewright.adapters.tables import read_parquet, write_parquet
path = Path(sys.argv[1])
columns = {"time": np.array([0], "datetime64[ms]"), "open": np.ones(1), "reason": np.array(["Signal"]), "held": np.array([True])}
write_parquet(path, columns)
read_parquet(path, ("time", "open"))
print("pandas" in sys.modules)
"""


def test_pandas_is_not_imported_for_it_because_that_takes_longer_than_a_backtest(tmp_path):
    command = [sys.executable, "-c", WITHOUT_PANDAS, str(tmp_path / "table.parquet")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
