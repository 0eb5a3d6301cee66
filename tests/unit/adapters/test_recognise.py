import numpy as np
import pyarrow as pa
import pytest

from tidewright.adapters.recognise import FIELDS, KLINES, BarFileError, instants, numbers, recognise
from tidewright.adapters.tables import Table

SECONDS = 1_704_067_200  # 2024-01-01
UTC_HOURS = [SECONDS * 1_000, SECONDS * 1_000 + 3_600_000]


def table(tmp_path, headed=True, first_line=2, **columns):
    arrays = tuple(pa.chunked_array([pa.array(values)]) for values in columns.values())
    return Table(tmp_path / "file.csv", tuple(columns), headed, arrays, first_line)


def named(tmp_path, *names, headed=True):
    return Table(tmp_path / "file.csv", names, headed, tuple(pa.chunked_array([[1]]) for _ in names), 2)


@pytest.mark.parametrize(
    "names",
    [
        ("date", "open", "high", "low", "close", "volume"),
        ("Datetime", "Open", "High", "Low", "Close", "Volume"),
        ("t", "o", "h", "l", "c", "v"),
        ("Open time", "Open", "High", "Low", "Close", "Volume", "Close time", "Quote asset volume", "Ignore"),
        ("unix", "symbol", "open", "high", "low", "close", "Volume BTC", "Volume USDT"),
        ("__index_level_0__", "OPEN", "HIGH", "LOW", "CLOSE", "Volume_(BTC)"),
    ],
)
def test_columns_are_recognised_under_their_usual_names(tmp_path, names):
    places = recognise(named(tmp_path, *names), "BTC/USDT", {})

    assert set(places) == set(FIELDS)
    assert names[places["time"]] == names[0]
    assert names[places["close"]].lower() in {"close", "c"}
    assert names[places["volume"]].lower() in {"volume", "v", "volume btc", "volume_(btc)"}


def test_binance_klines_are_recognised_without_a_header(tmp_path):
    numbered = named(tmp_path, *(str(i + 1) for i in range(len(KLINES))), headed=False)

    assert recognise(numbered, "BTC/USDT", {}) == {field: i for i, field in enumerate(FIELDS)}


def test_other_files_without_a_header_need_every_column_named(tmp_path):
    numbered = named(tmp_path, "1", "2", "3", "4", "5", "6", headed=False)

    with pytest.raises(BarFileError, match="no header line") as refused:
        recognise(numbered, "BTC/USDT", {})
    assert len(refused.value.problems) == len(FIELDS)
    assert recognise(numbered, "BTC/USDT", {field: str(i + 1) for i, field in enumerate(FIELDS)})["volume"] == 5


def test_named_columns_go_first(tmp_path):
    places = recognise(
        named(tmp_path, "unix", "date", "o", "h", "l", "c", "v", "amount"),
        "BTC/USDT",
        {"time": "date", "volume": "amount"},
    )

    assert (places["time"], places["volume"]) == (1, 7)


def test_every_problem_is_told_with_its_remedy(tmp_path):
    with pytest.raises(BarFileError) as refused:
        recognise(named(tmp_path, "unix", "date", "open", "high", "low", "Volume USD"), "BTC/USD", {"open": "opne"})

    assert refused.value.problems == (
        "more than one column may be time: 'unix', 'date'; choose with --column time=unix",
        "--column open=opne: there is no such column among 'unix', 'date', 'open', 'high', 'low', 'Volume USD'; the nearest is 'open'",
        "no column is recognised as close among 'unix', 'date', 'open', 'high', 'low', 'Volume USD'; name it with --column close=NAME",
        "no column is recognised as volume among 'unix', 'date', 'open', 'high', 'low', 'Volume USD'; name it with --column volume=NAME",
    )


@pytest.mark.parametrize(
    ("factor", "unit"),
    [(1, "seconds"), (1_000, "milliseconds"), (1_000_000, "microseconds"), (1_000_000_000, "nanoseconds")],
)
def test_the_unit_of_an_epoch_time_is_told_by_its_magnitude(tmp_path, factor, unit):
    times, problems, notes = instants(table(tmp_path, time=[SECONDS * factor, (SECONDS + 3_600) * factor]), 0)

    assert (times.tolist(), problems) == (UTC_HOURS, [])
    assert notes == [f"times in column 'time' are read as {unit}"]


def test_each_epoch_time_has_a_unit_of_its_own(tmp_path):
    times, problems, notes = instants(table(tmp_path, time=[UTC_HOURS[0], UTC_HOURS[1] * 1_000 + 999]), 0)

    assert (times.tolist(), problems) == (UTC_HOURS, [])
    assert notes == ["times in column 'time' are read as milliseconds and microseconds"]


def test_seconds_may_have_a_fraction(tmp_path):
    assert instants(table(tmp_path, time=[SECONDS + 0.25]), 0)[0].tolist() == [SECONDS * 1_000 + 250]


@pytest.mark.parametrize(
    ("written", "zoned"),
    [
        ("2024-01-01T01:00:00Z", True),
        ("2024-01-01 01:00:00+00:00", True),
        ("2024-01-01T01:00:00.000+0000", True),
        ("2024-01-01T02:00:00+01:00", True),
        ("2024-01-01 01:00:00 UTC", True),
        ("2024-01-01 01:00:00", False),
        ("20240101T01", False),
    ],
)
def test_iso_8601_is_read_in_its_zone_and_without_one_as_utc(tmp_path, written, zoned):
    times, problems, notes = instants(table(tmp_path, time=[written]), 0)

    assert (times.tolist(), problems) == (UTC_HOURS[1:], [])
    assert notes == ([] if zoned else ["times in column 'time' have no time zone and are read as UTC"])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Stockholm"])
def test_datetime_columns_are_read_whatever_their_unit_and_zone(tmp_path, unit, zone):
    values = pa.array(np.array(UTC_HOURS, "datetime64[ms]")).cast(pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    times, problems, notes = instants(table(tmp_path, time=values), 0)

    assert (times.tolist(), problems) == (UTC_HOURS, [])
    assert bool(notes) == (zone is None)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([20_240_101], "20240101"),
        ([-5], "-5"),
        ([float("nan")], "nothing"),
        (["01/02/2024"], "'01/02/2024'"),
        (["x", None], "'x'"),
    ],
)
def test_what_is_no_time_is_named_with_its_place(tmp_path, values, shown):
    _, problems, _ = instants(table(tmp_path, time=values), 0)

    assert problems[0].startswith(f"line 2, column 'time': {shown} is no time")


def test_a_missing_datetime_is_named_with_its_place(tmp_path):
    values = np.array(["2024-01-01", "NaT"], "datetime64[ms]")

    assert instants(table(tmp_path, time=values), 0)[1] == ["line 3, column 'time': nothing is no time"]


def test_numbers_may_be_text_and_a_missing_one_is_nan(tmp_path):
    values, problems = numbers(table(tmp_path, open=["1.5", None, "1e3"]), 0)

    np.testing.assert_array_equal(values, [1.5, np.nan, 1_000])
    assert problems == []


def test_what_is_no_number_is_named_with_its_place_and_the_rest_is_counted(tmp_path):
    _, problems = numbers(table(tmp_path, open=["1", "a", "1,5", "c", "d", "e"]), 0)

    assert problems == [
        "line 3, column 'open': 'a' is no number; write it as in 1234.5",
        "line 4, column 'open': '1,5' is no number; write it as in 1234.5",
        "line 5, column 'open': 'c' is no number; write it as in 1234.5",
        "and 2 more in column 'open'",
    ]


def test_times_are_no_numbers(tmp_path):
    assert numbers(table(tmp_path, open=np.array([0], "datetime64[ms]")), 0)[1] == [
        "column 'open' holds times, not numbers"
    ]
