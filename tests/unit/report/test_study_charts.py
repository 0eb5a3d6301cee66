"""A study's pictures by their numbers, on trials small enough to be checked by hand."""

import math

import numpy as np
import pytest
from made_up_studies import SPACE, nothing_found, study

from tidewright.domain.metrics.table import METRICS
from tidewright.domain.trials import FIGURE, Trial
from tidewright.report import study_charts, study_space_charts
from tidewright.report.study_trials import complete, counted, fields, positions, range_text, settings, thinned

SHARPE = FIGURE["sharpe"]


def trial(number, value, out=0.0, *, feasible=True, **parameters):
    tables = [np.full((2, len(METRICS)), math.nan) for _ in range(2)]
    tables[0][:, SHARPE], tables[1][:, SHARPE] = value, out
    violations = () if feasible else (1.0,)
    return Trial(number, parameters, "Complete", (value,), *tables, violations=violations)


def record(*space, selected=None, maximize=True):
    """As much of a record as the pictures of trials need."""
    return {
        "objectives": [{"metric": "sharpe", "direction": "Maximize" if maximize else "Minimize"}],
        "space": list(space),
        "importance": [],
        "selected": None if selected is None else {"number": selected},
    }


def numbered(option, name):
    """The numbers of the trials in a group of points."""
    return [point[2] for one in option["series"] if one["name"] == name for point in one["data"]]


NUMBER = {"name": "x", "kind": "Int", "low": 0, "high": 10, "step": 1, "log": False, "choices": []}
WORD = NUMBER | {"name": "w", "kind": "Choice", "choices": ["a", "b"]}


def test_the_best_so_far_climbs_over_feasible_trials_alone():
    trials = [trial(0, 1.0, x=1), trial(1, 9.0, x=1, feasible=False), trial(2, 0.5, x=1), trial(5, 2.0, x=1)]
    option = study_charts.history(record(NUMBER, selected=5), trials)
    assert option["series"][-1]["data"] == [[0, 1.0], [5, 2.0], [5, 2.0]]
    assert (numbered(option, "Trials"), numbered(option, "Not feasible"), numbered(option, "Selected")) == (
        [0, 2],
        [1],
        [5],
    )


def test_less_may_be_better():
    option = study_charts.history(record(NUMBER, maximize=False), [trial(0, 1.0, x=1), trial(1, 0.5, x=1)])
    assert option["series"][-1]["data"] == [[0, 1.0], [1, 0.5], [1, 0.5]]


def test_rank_correlation_is_spearmans():
    of = [trial(i, value, out, x=1) for i, (value, out) in enumerate([(1, 10), (2, 30), (3, 20), (4, 40)])]
    assert study_charts.rank_correlation(record(NUMBER), of) == pytest.approx(0.8)
    assert math.isnan(study_charts.rank_correlation(record(NUMBER), of[:2]))
    assert math.isnan(study_charts.rank_correlation(record(NUMBER), [trial(i, 1.0, i, x=1) for i in range(5)]))


def test_a_trial_without_a_figure_out_of_sample_is_not_among_the_points():
    option = study_charts.generalisation(record(NUMBER), [trial(0, 1.0, 2.0, x=1), trial(1, 1.0, math.nan, x=1)])
    assert numbered(option, "Trials") == [0]


def test_the_front_joins_what_none_beats():
    made = study(objectives=("sharpe", "maxDrawdown"))
    option = study_charts.front(made.record, complete(made.trials), 1)
    line = option["series"][-1]["data"]
    expected = sorted((one["values"] for one in made.record["front"]), reverse=True)
    assert line == [pytest.approx(pair, rel=1e-4) for pair in expected]


def test_windows_that_are_undefined_have_no_bar():
    made = study(windows=3)
    made.record["windows"][1]["outOfSampleFigures"] = None
    source = study_charts.windows(made.record, "sharpe")["dataset"]["source"]
    assert source["outOfSample"][1] is None
    assert None not in source["inSample"]
    assert study_charts.windows(nothing_found().record, "sharpe") is None


def test_the_account_marks_where_each_window_but_the_first_begins():
    made = study(windows=3)
    marks = study_charts.account(made.record, made.equity)["series"][0]["markLine"]["data"]
    assert [mark["xAxis"] for mark in marks] == [int(made.equity["time"][index]) for index in (90, 180)]
    assert [mark["label"]["formatter"] for mark in marks] == ["2", "3"]


def test_without_rehearsals_there_are_no_logits():
    made = study()
    assert sum(bar["value"][1] for bar in study_charts.logits(made.record)["series"][0]["data"]) == 12_870
    assert study_charts.logits(nothing_found().record) is None


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        (NUMBER, 7, 7.0),
        (WORD, "b", 1.0),
        (NUMBER | {"kind": "Percent"}, "2.5%", 2.5),
        (NUMBER | {"kind": "Choice", "choices": [False, True]}, True, 1.0),
    ],
)
def test_trials_lie_along_fields_of_every_kind(field, value, place):
    assert positions(field, [trial(0, 1.0, **{field["name"]: value})]).tolist() == [place]


def test_the_surface_has_a_cell_for_what_was_tried_the_stronger_the_better():
    trials = [trial(0, 1.0, x=0, w="a"), trial(1, 2.0, x=10, w="b"), trial(2, 4.0, x=10, w="b")]
    option = study_space_charts.surface(record(NUMBER, WORD), trials)
    cells = option["series"][0]["markArea"]["data"]
    assert [corner["coord"] for corner in cells[0]] == [[0.0, -0.5], [3.5, 0.5]]
    assert [corner["coord"] for corner in cells[1]] == [[7.5, 0.5], [10.0, 1.5]]
    assert [cell[0]["itemStyle"]["opacity"] for cell in cells] == [0.06, 0.8]


def test_a_single_field_has_no_surface_but_a_slice():
    trials = [trial(0, 1.0, x=3), trial(1, 2.0, x=4)]
    assert study_space_charts.surface(record(NUMBER), trials) is None
    points = study_space_charts.slice_of(record(NUMBER), NUMBER, trials)["series"][0]["data"]
    assert [point[:2] for point in points] == [[3.0, 1.0], [4.0, 2.0]]


def test_parallel_lines_run_from_the_lowest_to_the_highest_value():
    trials = [trial(0, 1.0, x=0, w="b"), trial(1, 3.0, x=10, w="a"), trial(2, 2.0, x=5, w="a")]
    series = study_space_charts.parallel(record(NUMBER, WORD, selected=2), trials)["series"]
    traced = {one["name"]: [share for share, _ in one["data"]] for one in series if "name" in one}
    assert traced == {"Others": [0.0, 1.0, 0.0], "Best tenth": [1.0, 0.0, 1.0], "Selected": [0.5, 0.0, 0.5]}


def test_a_field_of_one_value_is_drawn_in_the_middle():
    fixed = NUMBER | {"low": 3, "high": 3}
    trials = [trial(0, 1.0, x=3, w="a"), trial(1, 2.0, x=3, w="b")]
    (first, *_) = study_space_charts.parallel(record(fixed, WORD), trials)["series"]
    assert first["data"][0] == [0.5, 0]
    assert study_space_charts.surface(record(fixed, WORD), trials) is not None


def test_nothing_is_drawn_of_nothing():
    made = nothing_found()
    assert study_charts.account(made.record, made.equity) is None
    for draw in (study_charts.history, study_charts.generalisation, study_space_charts.surface, study_space_charts.parallel):  # fmt: skip
        assert draw(made.record, []) is None
    assert study_charts.front(made.record, [], 1) is None
    assert study_space_charts.slice_of(made.record, SPACE[0], []) is None


def test_of_very_many_trials_the_best_the_selected_and_evenly_spaced_ones_are_drawn():
    trials = [trial(i, float(i % 97), x=1) for i in range(1000)]
    kept = thinned(record(NUMBER, selected=1), trials, 100)
    numbers = [one.number for one in kept]
    assert len(kept) in {100, 101}
    assert numbers == sorted(set(numbers))
    assert {i for i in range(1000) if i % 97 == 96} < set(numbers)
    assert 1 in numbers
    assert max(np.diff(numbers)) < 40


def test_fields_come_in_the_order_of_their_importance():
    given = record(NUMBER, WORD) | {"importance": [{"name": "w", "share": 0.9}]}
    assert [field["name"] for field in fields(given)] == ["w", "x"]


def test_values_are_told_in_words():
    assert settings({"a": 0.123456789, "b": "x" * 60}) == f"a 0.123457, b {'x' * 39}…"
    assert settings({"a": 1, "b": 2, "c": 3}, 2) == "a 1, b 2 and 1 more"
    assert range_text(SPACE[1]) == "20 to 200 in steps of 5, by logarithm"
    assert range_text(SPACE[4]) == "1% to 10% in steps of 0.5%"
    assert range_text(WORD) == "a, b"
    assert counted(study(60).record) == "54 of 60 complete (3 of them not feasible), 3 pruned, 3 failed"
