"""A study's page: the verdict comes first, everything that is there is shown, and nothing that is undefined becomes a number."""

import json
import re
from dataclasses import replace

import pytest
from made_up_studies import SPACE, nothing_found, study

from tidewright.report.study_page import render_study


def page(made):
    return render_study(made.record, made.trials, made.equity)


def charts(html):
    return json.loads(re.search(r'<script type="application/json" id="charts">(.*?)</script>', html, re.DOTALL)[1])


def without_scripts(html):
    """The page without the scripts that belong to every page."""
    return re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)


def text(html):
    """What a reader sees of a page, without styles, scripts and marks."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize(
    ("word", "style", "reading"),
    [
        ("Robust", "notices sound", "unlikely to be luck"),
        ("Suspect", "notices", "may be more than luck"),
        ("Overfit", "notices alert", "Do not trade it"),
    ],
)
def test_the_verdict_comes_first_with_every_reason(word, style, reading):
    html = page(study(verdict=word))
    told = text(html)
    assert f'<section id="verdict" class="{style}"' in html
    assert f"<h1>ma-cross-study: {word}</h1>" in html
    assert told.index(reading) < told.index("Out-of-sample return")
    for reason in study().record["verdict"]["reasons"]:
        assert reason["message"] in told.replace("&#39;", "'")


def test_the_headline_figures_are_those_of_the_record():
    told = text(page(study()))
    for figure in (
        "Out-of-sample return 31.2% 3 of 4 windows with a profit",
        "Out-of-sample Sharpe 0.94 a year",
        "Out-of-sample drawdown 18.4%",
        "Out-of-sample trades 148 in 4 of 4 windows",
        "Walk-forward efficiency 47.0% of the growth in sample was kept",
        "Deflated Sharpe ratio 87.1% after 60 trials, worth 11.4 independent ones",
        "Overfitting (PBO) 27.1% of 12,870 rehearsals chose badly",
        "p value 0.183 Hansen&#39;s test of superior predictive ability",
    ):
        assert figure in told


def test_the_selected_parameters_are_there_to_copy_with_the_command():
    made = study()
    html = page(made)
    selected = made.record["selected"]["parameters"]
    snippet = re.search(r'<pre id="parameters">(.*?)</pre>', html, re.DOTALL)[1]
    assert f"  fast: {selected['fast']}\n" in snippet
    assert f"risk:\n  stopLoss: {selected['risk.stopLoss']}\n" in snippet
    assert "tidewright apply-best result.json -o strategy.yaml" in html
    assert "apply-best result.json --even-if-overfit" in page(study(verdict="Overfit"))


def test_every_picture_is_drawn():
    drawn = charts(page(study()))
    assert set(drawn) == {
        "account", "windows", "windows:totalReturn", "windows:maxDrawdown", "history", "front", "generalisation", "logits",
        "surface", "parallel", *(f"slice:{field['name']}" for field in SPACE),
    }  # fmt: skip


def test_a_study_of_one_objective_has_no_front_and_one_of_three_has_two():
    assert not any(name.startswith("front") for name in charts(page(study(objectives=("sharpe",)))))
    html = page(study(objectives=("sharpe", "maxDrawdown", "totalReturn")))
    assert {name for name in charts(html) if name.startswith("front")} == {"front", "front:2"}
    assert '<option value="front:2">Against Total return</option>' in html


def test_a_study_that_found_nothing_says_so_and_shows_no_zero():
    html = page(nothing_found())
    told = text(html)
    assert "of 6 trials, none were evaluated in full, and none could be selected" in told
    assert told.count("Not defined") == 9
    assert "nothing was traded out of sample" in told
    assert "There is no account out of sample" in told
    assert "Strategy failed 6 division by zero" in told
    assert "apply-best" not in told
    assert not re.search(r"\bNaN\b|\bNone\b|\bnan\b|\bnull\b", told)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (("walkForward", "efficiency"), "growth in sample was +67.0% a year"),
        (("overfitting", "deflatedSharpe"), "the returns do not vary, or are too few"),
        (("overfitting", "pbo", "probability"), "fewer than two trials have returns"),
        (("overfitting", "test", "pValue"), "the returns are too few"),
        (("result", "sharpe"), "the account did not vary out of sample"),
    ],
)
def test_a_figure_that_is_absent_is_not_defined_with_the_reason(place, reason):
    made = study()
    part = made.record
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = None
    assert f"Not defined {reason}" in text(page(made))


def test_ten_thousand_trials_stay_below_three_megabytes_and_the_page_says_what_is_left_out():
    made = study(10_000, 6)
    html = page(made)
    assert len(html) < 3_000_000
    drawn = charts(html)
    for name in ("history", "front", "generalisation"):
        assert sum(len(one["data"]) for one in drawn[name]["series"] if one["type"] == "scatter") <= 2_001
    assert "Of 9,000 complete trials about 2,000 are drawn" in text(html)


def test_many_fields_are_drawn_as_far_as_they_matter():
    fields = [SPACE[0] | {"name": f"p{index}"} for index in range(32)]
    made = study(600, 2, space=fields)
    html = page(made)
    assert sum(name.startswith("slice:") for name in charts(html)) == 12
    assert "The 12 fields that matter most are shown." in html
    assert len(html) < 3_000_000


def test_hostile_text_stays_text():
    hostile = "<img src=x onerror=alert(1)></script>"
    made = study(30)
    made.record["name"] = hostile
    made.record["verdict"]["reasons"][0]["message"] = hostile
    trials = [replace(one, message=hostile) for one in made.trials]
    html = render_study(made.record, trials, made.equity)
    assert "<img" not in without_scripts(html)
    assert without_scripts(html).count("</script>") == 1


def test_the_page_loads_nothing_and_is_the_same_each_time():
    made = study()
    html = page(made)
    assert html == page(made)
    assert re.search(r'(src|href)="(?!#)', without_scripts(html)) is None


def test_simulated_data_are_told_everywhere():
    made = study()
    made.record["provenance"]["data"]["simulated"] = True
    html = page(made)
    assert "SIMULATED DATA" in html
    assert "(simulated data)</title>" in html
