import errno
import json
import os
import signal
import stat
import threading

import numpy as np
import pytest

from tidewright.adapters.results import NoResult, as_json, read_record, read_table, write_results, write_table

RECORD = {
    "kind": "BacktestRun",
    "name": "demo",
    "spec": {},
    "result": {"sharpe": 0.1 + 0.2, "winRate": None},
    "intervals": {},
    "benchmark": {},
    "warnings": [],
    "provenance": {},
}


def writing(text):
    return lambda path: path.write_text(text)


def contents(folder):
    """Every file in a folder, hidden ones included, and what is in it; of the record only that it is there."""
    return {path.name: "" if path.name == "result.json" else path.read_text() for path in folder.iterdir()}


def raising(error):
    def write(path):
        path.write_text("half")
        raise error

    return write


def test_the_record_says_where_everything_is(tmp_path):
    folder = tmp_path / "deep" / "down"
    artifacts = write_results(folder, {"a.txt": writing("A"), "b.txt": writing("B")}, RECORD)
    assert artifacts == {"result": str(folder / "result.json"), "a": str(folder / "a.txt"), "b": str(folder / "b.txt")}
    assert read_record(folder) == {**RECORD, "artifacts": artifacts}
    assert contents(folder) == {"result.json": "", "a.txt": "A", "b.txt": "B"}


def test_a_second_result_takes_the_place_of_the_first_and_leaves_other_files_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    write_results(tmp_path, {"a.txt": writing("old")}, RECORD)
    write_results(tmp_path, {"a.txt": writing("new")}, {**RECORD, "name": "second"})
    (tmp_path / "folder").rmdir()
    assert contents(tmp_path) == {"result.json": "", "a.txt": "new", "notes.txt": "mine"}
    assert read_record(tmp_path)["name"] == "second"


def test_what_is_not_wanted_any_more_does_not_stay_beside_a_record_it_contradicts(tmp_path):
    write_results(tmp_path, {"report.html": writing("old")}, RECORD)
    artifacts = write_results(tmp_path, {"report.html": None}, RECORD)
    assert artifacts.keys() == {"result"}
    assert contents(tmp_path) == {"result.json": ""}


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device"), ValueError("boom")]
)
def test_whatever_interrupts_the_writing_leaves_the_result_before_it_whole(tmp_path, error):
    write_results(tmp_path, {"a.txt": writing("old"), "b.txt": writing("old")}, RECORD)
    before = contents(tmp_path)
    with pytest.raises(type(error)):
        write_results(tmp_path, {"a.txt": writing("new"), "b.txt": raising(error)}, {**RECORD, "name": "second"})
    assert contents(tmp_path) == before
    assert read_record(tmp_path)["name"] == "demo"


def test_a_full_disk_is_told_with_the_folder_that_was_asked_for(tmp_path):
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_results(tmp_path, {"a.txt": raising(OSError(errno.ENOSPC, "No space left on device"))}, RECORD)
    assert caught.value.filename == str(tmp_path)


def test_an_interrupted_first_result_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_results(tmp_path / "new", {"a.txt": raising(KeyboardInterrupt())}, RECORD)
    assert list((tmp_path / "new").iterdir()) == []


def test_ctrl_c_while_files_are_put_in_place_waits_until_they_are(tmp_path, monkeypatch):
    place = type(tmp_path).replace

    def interrupting(source, target):
        signal.raise_signal(signal.SIGINT)
        return place(source, target)

    monkeypatch.setattr(type(tmp_path), "replace", interrupting)
    with pytest.raises(KeyboardInterrupt):
        write_results(tmp_path, {"a.txt": writing("A")}, RECORD)
    assert contents(tmp_path) == {"result.json": "", "a.txt": "A"}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sigterm_while_files_are_put_in_place_waits_until_they_are(tmp_path, monkeypatch):
    place = type(tmp_path).replace
    came = []

    def interrupting(source, target):
        signal.raise_signal(signal.SIGTERM)
        return place(source, target)

    monkeypatch.setattr(type(tmp_path), "replace", interrupting)
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append((tmp_path / "result.json").exists()))
    try:
        write_results(tmp_path, {"a.txt": writing("A")}, RECORD)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [True]


def test_results_are_written_from_any_thread(tmp_path):
    thread = threading.Thread(target=write_results, args=(tmp_path, {"a.txt": writing("A")}, RECORD))
    thread.start()
    thread.join()
    assert contents(tmp_path) == {"result.json": "", "a.txt": "A"}


def test_files_can_be_read_by_whoever_the_umask_allows(tmp_path):
    mask = os.umask(0o022)
    try:
        write_results(tmp_path, {"a.txt": writing("A")}, RECORD)
    finally:
        os.umask(mask)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o644}


def test_a_folder_under_a_file_is_the_systems_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        write_results(tmp_path / "file" / "results", {}, RECORD)


def test_numbers_are_written_in_full_and_none_of_them_is_nan():
    assert json.loads(as_json(RECORD)) == RECORD
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"sharpe": float("nan")})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not the record of a run"),
        ('{"kind": "Refusal", "problems": []}', "is not the record of a run"),
        ("null", "is not the record of a run"),
    ],
)
def test_what_is_no_record_is_told_with_the_remedy(tmp_path, text, message):
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(NoResult, match=f"{path} {message}.*name the result.json"):
        read_record(path)


def test_binary_and_missing_files_are_no_records_either(tmp_path):
    (tmp_path / "result.json").write_bytes(b"PAR1\xff\xfe")
    with pytest.raises(NoResult, match="is not JSON"):
        read_record(tmp_path)
    with pytest.raises(NoResult, match=r"there is no .*; name the result.json of a run, or its folder"):
        read_record(tmp_path / "nowhere")


def test_a_table_comes_back_as_it_went(tmp_path):
    table = {
        "time": np.array([0, 3_600_000], np.int64),
        "exitTime": np.array([1, 2], np.int64),
        "price": np.array([1.5, np.nan]),
        "side": np.array([1, -1], np.int8),
        "reason": np.array(["Signal", "StopLoss"]),
        "column:cross": np.array([True, False]),
    }
    write_table(tmp_path / "t.parquet", table)
    read = read_table(tmp_path / "t.parquet")
    assert list(read) == list(table)
    for name, values in table.items():
        np.testing.assert_array_equal(read[name], values)


def test_an_empty_table_keeps_its_columns(tmp_path):
    write_table(tmp_path / "t.parquet", {"time": np.empty(0, np.int64), "reason": np.empty(0, np.str_)})
    read = read_table(tmp_path / "t.parquet")
    assert {name: len(values) for name, values in read.items()} == {"time": 0, "reason": 0}
    assert read["time"].dtype == np.int64
