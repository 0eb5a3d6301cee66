import json
from pathlib import Path

import pytest
from made_up_studies import study

from tidewright.adapters.study_results import save
from tidewright.cli.endings import DONE, FAILED, REFUSED
from tidewright.report.study_page import render_study


@pytest.fixture
def result(command, manifest):
    assert command("run", manifest(), "-q", "-o", "out") == (DONE, "", "")
    return Path("out/result.json")


def test_a_report_is_made_again_from_the_files_alone(command, result):
    before = Path("out/report.html").read_bytes()
    Path("out/report.html").unlink()
    Path("bt.yaml").unlink()
    for named in (result, result.parent):
        ended = command("report", named)
        assert ended == (DONE, "out/report.html\n", "")
        assert Path("out/report.html").read_bytes() == before


def test_a_report_may_go_elsewhere(command, result):
    before = Path("out/report.html").read_bytes()
    assert command("report", result, "--output", "deep/down.html").out == "deep/down.html\n"
    assert Path("deep/down.html").read_bytes() == before


@pytest.mark.parametrize("table", ["equity.parquet", "trades.parquet"])
@pytest.mark.parametrize("content", [None, b"", b"not a table"])
def test_a_table_that_cannot_be_read_is_named(command, result, table, content):
    path = result.with_name(table)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    ended = command("report", result)
    assert (ended.code, ended.out) == (REFUSED, "")
    assert ended.err.startswith("Error: out: its tables cannot be read (")
    assert table in ended.err
    assert ended.err.endswith("; run the resource again\n")


@pytest.mark.parametrize("place", ["spec", "provenance", "result", "intervals", "warnings"])
@pytest.mark.parametrize(
    "change", [lambda record, place: record.pop(place), lambda record, place: record.update({place: {}})]
)
def test_a_record_that_is_not_whole_never_ends_in_a_traceback(command, result, place, change):
    record = json.loads(result.read_text())
    change(record, place)
    result.write_text(json.dumps(record))
    ended = command("report", result)
    assert ended.code in {DONE, REFUSED}
    assert (ended.code == REFUSED) == ended.err.startswith("Error: out/result.json")


def test_what_is_no_record_is_refused(command):
    Path("x.json").write_text("[]")
    ended = command("report", "x.json")
    assert (ended.code, ended.err.startswith("Error: x.json is not the record of a run")) == (REFUSED, True)
    assert command("report", "nowhere").code == REFUSED


def test_a_place_that_cannot_be_written_to_is_told(command, result):
    ended = command("report", result, "--output", "bt.yaml/report.html")
    assert (ended.code, ended.out) == (FAILED, "")
    assert ended.err.startswith("Error: ")
    assert "bt.yaml" in ended.err


def test_the_report_of_a_study_is_made_again_from_its_files_alone(command):
    made = study()
    save(Path("out"), made.record, made.trials, made.equity)
    assert command("report", "out") == (DONE, "out/report.html\n", "")
    assert Path("out/report.html").read_text() == render_study(made.record, made.trials, made.equity)
    Path("out/trials.parquet").unlink()
    ended = command("report", "out/result.json")
    assert (ended.code, "trials.parquet" in ended.err) == (REFUSED, True)


@pytest.mark.parametrize("name", ["compare", "verify"])
def test_a_study_is_not_taken_for_a_run(command, name):
    made = study(30)
    save(Path("out"), made.record, made.trials, made.equity)
    ended = command(name, "out", *(["out/result.json"] if name == "compare" else []))
    assert (ended.code, "is the record of a study" in ended.err) == (REFUSED, True)
