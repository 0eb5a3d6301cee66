"""A study on a terminal: whether to believe it comes first."""

import io

import pytest
from made_up_studies import nothing_found, study
from rich.console import Console

from tidewright.cli.study_view import show


def shown(record, width=110):
    console = Console(file=io.StringIO(), width=width)
    show(record, console)
    return console.file.getvalue()


def written(made):
    return made.record | {"artifacts": {"result": "out/result.json", "report": "out/report.html"}}


def test_the_verdict_and_its_reasons_come_before_what_was_found():
    told = shown(written(study()))
    places = [told.index(words) for words in ("Verdict  Suspect", "? With 87% probability", "✓ The neighbours", "Selected  fast", "Out of sample from", "Deflated Sharpe")]  # fmt: skip
    assert places == sorted(places)


def test_every_window_is_a_line_with_its_choice_in_and_out_of_sample():
    made = study(windows=3)
    lines = shown(made.record).splitlines()
    for window in made.record["windows"]:
        (line,) = [each for each in lines if each.startswith(window["outOfSample"]["start"][:10])]
        figures = window["inSampleFigures"], window["outOfSampleFigures"]
        assert line.split()[1:4] == [str(window["chosen"]["number"]), *(f"{one['sharpe']:.2f}" for one in figures)]


def test_of_many_windows_the_first_are_listed():
    assert "12 of 20 windows" in shown(study(30, 20).record)


def test_it_says_where_the_report_is_and_how_to_go_on():
    told = shown(written(study()))
    assert "Report  out/report.html" in told
    assert "Apply   tidewright apply-best out/result.json\n" in told
    assert "apply-best out/result.json --even-if-overfit" in shown(written(study(verdict="Overfit")))


def test_a_study_that_found_nothing_has_dashes_and_nothing_to_apply():
    told = shown(written(nothing_found()))
    assert "No trial could be selected." in told
    assert "NothingSelected: No trial was evaluated to its end" in told
    assert "apply-best" not in told
    (line,) = [line for line in told.splitlines() if line.startswith("Deflated Sharpe ratio")]
    assert line.split()[-1] == "–"


def test_simulated_data_are_told():
    made = study()
    made.record["provenance"]["data"]["simulated"] = True
    assert "SIMULATED DATA" in shown(made.record)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_fits_the_terminal(width):
    assert max(map(len, shown(study().record, width).splitlines())) <= max(width, 80)
