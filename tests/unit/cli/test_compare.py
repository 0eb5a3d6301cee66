import json
from pathlib import Path

import pytest

from tidewright.adapters.results import read_table, write_table
from tidewright.cli.endings import DONE, REFUSED

FAST = ("{fast: 24, slow: 96}", "{fast: 12, slow: 48}")


@pytest.fixture
def run(command, manifest):
    """Runs the demo with edits and returns its folder."""

    def run(folder, *edits):
        assert command("run", manifest(*edits), "-q", "--no-report", "-o", folder).code == DONE
        return Path(folder)

    return run


@pytest.fixture
def two(run):
    return run("runs/slow", ("name: demo", "name: slow")), run("runs/fast", ("name: demo", "name: fast"), FAST)


def document(ended):
    assert (ended.code, ended.err) == (DONE, "")
    return json.loads(ended.out)


def refusal(command, *words):
    """What a refusal says, as lines and as a document."""
    ended, as_document = command("compare", *words), command("compare", *words, "--json")
    assert (ended.code, ended.out, as_document.code) == (REFUSED, "", REFUSED)
    problems = json.loads(as_document.out)["problems"]
    assert ended.err == as_document.err
    assert len(ended.err.splitlines()) == len(problems)
    return ended.err


def change(folder, edit):
    path = folder / "result.json"
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


def test_a_leaderboard_shows_what_each_did_and_in_what_they_differ(command, two):
    ended = command("compare", *two)
    assert (ended.code, ended.err) == (DONE, "")
    for words in (
        "2 runs by Sharpe ratio",
        "slow",
        "fast",
        "95 % interval",
        "Correlation",
        "Parameters",
        "SimulatedData",
    ):
        assert words in ended.out


def test_a_run_is_its_folder_or_its_file(command, two):
    by_folder = document(command("compare", *two, "--json"))
    by_file = document(command("compare", *(folder / "result.json" for folder in two), "--json"))
    assert by_folder == by_file
    assert {run["source"] for run in by_folder["runs"]} == {"runs/slow/result.json", "runs/fast/result.json"}


def test_the_document_ranks_by_the_figure_asked_for(command, two):
    for by in ("sharpe", "maxDrawdown", "trades"):
        found = document(command("compare", *two, "--by", by, "--json"))
        assert (found["kind"], found["by"]) == ("Comparison", by)
        figures = [run["figures"][by] for run in found["runs"]]
        assert figures == sorted(figures, reverse=by != "maxDrawdown")


def test_the_first_run_may_be_what_the_others_are_held_against(command, two):
    slow, fast = two
    assert document(command("compare", slow, fast, "--against", "first", "--json"))["against"] == "slow"
    assert document(command("compare", fast, slow, "--against", "first", "--json"))["against"] == "fast"


def test_a_page_is_written_where_it_is_asked_for(command, two):
    ended = command("compare", *two, "--output", "deep/compare.html")
    assert "Page  deep/compare.html" in ended.out
    page = Path("deep/compare.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "slow" in page
    assert document(command("compare", *two, "-o", "x.html", "--json"))["artifacts"] == {"report": "x.html"}


def test_the_same_seed_gives_the_same_document_and_another_one_other_intervals(command, two):
    first, again, other = (document(command("compare", *two, "--seed", seed, "--json")) for seed in (1, 1, 2))
    assert first == again
    assert first["runs"][1]["sharpeDifference"]["interval"] != other["runs"][1]["sharpeDifference"]["interval"]


def test_runs_of_the_same_name_are_told_apart_by_their_folders(command, run):
    found = document(command("compare", run("one"), run("two", FAST), "--json"))
    assert {each["name"] for each in found["runs"]} == {"demo (one)", "demo (two)"}


def test_names_are_shown_as_they_are(command, two):
    for folder in two:
        change(folder, lambda record: record.update(name="[bold]x"))
    assert "[bold]x (slow)" in command("compare", *two).out


def test_one_run_has_nothing_to_be_compared_with(command, two):
    assert "one run has nothing to be compared with; name another" in refusal(command, two[0])


def test_a_run_named_twice_is_refused(command, two):
    assert "is named twice" in refusal(command, two[0], two[0] / "result.json")


def test_all_that_is_wrong_with_any_of_them_is_told_at_once(command, two):
    (two[0] / "equity.parquet").unlink()
    Path("no.json").write_text("[]")
    said = refusal(command, *two, "no.json", "nowhere")
    assert len(said.splitlines()) == 3
    for words in ("equity.parquet", "no.json is not the record of a run", "there is no nowhere"):
        assert words in said


def test_runs_with_no_period_in_common_are_refused(command, run):
    early = run("early", ("start: 2023-01-01", "start: 2022-01-10"), ("end: 2023-04-01", "end: 2022-04-01"))
    assert "the runs have no period in common (demo (early): 2022-01-10 to 2022-04-01, " in refusal(
        command, early, run("late")
    )


def test_accounts_in_different_currencies_are_refused(command, two):
    change(two[1], lambda record: record["spec"]["strategy"].update(symbols=["ETH/BTC"]))
    assert "different currencies (slow: USDT, fast: BTC)" in refusal(command, *two)


def test_different_periods_are_compared_on_what_they_share_and_it_says_so(command, run):
    found = document(
        command("compare", run("long"), run("short", ("start: 2023-01-01", "start: 2023-02-01")), "--json")
    )
    assert found["period"] == {"start": "2023-02-01T00:00:00Z", "end": "2023-04-01T00:00:00Z", "periods": 59}
    assert "Period" in [warning["reason"] for warning in found["warnings"]]


@pytest.mark.parametrize("place", ["spec", "provenance", "warnings"])
@pytest.mark.parametrize("wrong", [None, 7, [7], {"what": 7}])
def test_a_record_that_is_not_whole_is_refused(command, two, place, wrong):
    change(two[0], lambda record: record.update({place: wrong}))
    assert "Error: runs/slow/result.json: is not the whole record of a run" in refusal(command, *two)


def test_the_record_of_something_else_is_refused(command, two):
    change(two[0], lambda record: record.update(kind="RLTraining"))
    assert "is the record of a RLTraining; name that of a BacktestRun" in refusal(command, *two)


def test_a_table_without_the_account_is_refused(command, two):
    table = read_table(two[0] / "equity.parquet")
    del table["equity"]
    write_table(two[0] / "equity.parquet", table)
    assert "is not the whole record of a run (KeyError('equity'))" in refusal(command, *two)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--by", "sharp"), "'sharp' is no figure to rank by (did you mean 'sharpe'?); name one of totalReturn, cagr,"),
        (("--against", "worst"), "'worst' is not one of 'best', 'first'"),
        (("--open",), "--open needs a page to open; name it with --output"),
        (("--seed", "-1"), "-1 is not in the range"),
    ],
)
def test_options_that_make_no_sense_are_refused(command, two, words, message):
    ended = command("compare", *two, *words)
    assert (ended.code, ended.out) == (REFUSED, "")
    assert message in ended.err


def test_without_a_run_it_says_what_is_missing(command):
    assert "Missing argument 'RUN...'" in command("compare").err
