"""A study is written whole, and read again as it was, as far as its tables tell."""

import json
import math

import numpy as np
import pytest
from made_up_studies import nothing_found, study

from tidewright.adapters import study_results
from tidewright.adapters.results import NoResult, read_record, read_table
from tidewright.adapters.study_results import load, save, trials_table
from tidewright.domain.trials import FIGURE, Trial

KEPT = [FIGURE[name] for name in ("sharpe", "totalReturn", "maxDrawdown", "trades")]


def same(left, right):
    """Whether two trials agree in all that is written of one."""
    return (
        (left.number, dict(left.parameters), left.state, left.reason, left.message, left.violations)
        == (right.number, dict(right.parameters), right.state, right.reason, right.message, right.violations)
        and left.values == right.values
        and np.array_equal(left.returns, right.returns)
        and np.array_equal(left.out_of_sample[:, KEPT], right.out_of_sample[:, KEPT], equal_nan=True)
    )


def test_a_study_comes_back_as_it_was(tmp_path):
    made = study()
    artifacts = save(tmp_path, made.record, made.trials, made.equity, page="<!doctype html>")
    found = load(tmp_path)
    assert found.record == made.record | {"artifacts": artifacts}
    assert all(same(*pair) for pair in zip(found.trials, made.trials, strict=True))
    assert {name: values.tolist() for name, values in found.equity.items()} == {
        name: values.tolist() for name, values in made.equity.items()
    }
    assert set(artifacts) == {"result", "report", "trials", "returns", "equity"}
    assert (tmp_path / "report.html").read_text() == "<!doctype html>"


def test_what_is_in_sample_of_a_complete_trial_comes_back(tmp_path):
    made = study()
    save(tmp_path, made.record, made.trials, made.equity)
    for before, after in zip(made.trials, load(tmp_path).trials, strict=True):
        if before.state == "Complete":
            assert np.array_equal(before.in_sample[:, KEPT], after.in_sample[:, KEPT], equal_nan=True)
            assert before.feasible == after.feasible


def test_the_table_of_trials_is_one_to_work_with():
    made = study(asked=9, windows=2, objectives=("sharpe",))
    table = trials_table(made.record, made.trials[::-1])
    assert table["number"].tolist() == list(range(9))
    assert table["fast"].dtype == np.int64
    assert table["threshold"].dtype == np.float64
    assert set(table["average"]) <= {"SMA", "EMA", "WMA"}
    assert table["risk.stopLoss"][0] == made.trials[0].parameters["risk.stopLoss"]
    assert table["is_sharpe_1"][0] == made.trials[0].in_sample[1, FIGURE["sharpe"]]
    assert table["oos_trades_0"][0] == made.trials[0].out_of_sample[0, FIGURE["trades"]]
    assert table["state"][7] == "Failed"
    assert math.isnan(table["value_sharpe"][7])


@pytest.mark.parametrize(
    ("choices", "stored"),
    [
        ([False, True], [False, True]),
        ([10, 20], [10, 20]),
        ([10, 20.5], [10.0, 20.5]),
        (["1%", "2%"], ["1%", "2%"]),
        ([True, "auto"], ["True", "auto"]),
    ],
)
def test_choices_of_every_kind_keep_their_kind(tmp_path, choices, stored):
    space = [{"name": "which", "kind": "Choice", "low": 0, "high": 0, "step": None, "log": False, "choices": choices}]
    made = study(asked=12, space=space)
    found = trials_table(made.record, made.trials)["which"].tolist()
    assert set(found) == set(stored)
    save(tmp_path, made.record, made.trials, made.equity)
    for before, after in zip(made.trials, load(tmp_path).trials, strict=True):
        assert after.parameters == before.parameters
        assert type(after.parameters["which"]) is type(before.parameters["which"])


def test_a_field_with_the_name_of_another_column_is_told_apart(tmp_path):
    space = [{"name": "state", "kind": "Int", "low": 1, "high": 9, "step": 1, "log": False, "choices": []}]
    made = study(asked=12, space=space)
    save(tmp_path, made.record, made.trials, made.equity)
    table = read_table(tmp_path / "trials.parquet")
    assert table["parameters.state"].tolist() == [one.parameters["state"] for one in made.trials]
    assert set(table["state"]) == {"Complete", "Failed"}
    assert [one.parameters for one in load(tmp_path).trials] == [one.parameters for one in made.trials]


def test_a_study_that_found_nothing_is_written_too(tmp_path):
    made = nothing_found()
    save(tmp_path, made.record, made.trials, made.equity)
    assert [one.state for one in load(tmp_path).trials] == ["Failed"] * 6


def test_of_very_many_trials_the_best_keep_their_returns(tmp_path, monkeypatch):
    monkeypatch.setattr(study_results, "MOST_RETURNS", 3)
    made = study(objectives=("sharpe",))
    save(tmp_path, made.record, made.trials, made.equity)
    complete = sorted((one for one in made.trials if one.state == "Complete"), key=lambda one: -one.values[0])
    kept = sorted(one.number for one in complete[:3])
    assert list(read_table(tmp_path / "returns.parquet")) == [str(number) for number in kept]
    assert [one.number for one in load(tmp_path).trials if len(one.returns)] == kept


def test_what_a_backtest_left_in_the_folder_goes_away_with_it(tmp_path):
    (tmp_path / "trades.parquet").write_bytes(b"old")
    made = study(asked=4)
    save(tmp_path, made.record, made.trials, made.equity)
    assert not (tmp_path / "trades.parquet").exists()


def test_nothing_is_left_of_a_study_that_cannot_be_written(tmp_path):
    made = study(asked=4)
    spoilt = [*made.trials, Trial(4, {}, "Complete", values=(1.0, 1.0))]
    with pytest.raises(KeyError):
        save(tmp_path, made.record, spoilt, made.equity)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["{}", "[]", "not JSON", json.dumps({"kind": "OptimizationStudy"})])
def test_what_is_no_study_is_refused(tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(NoResult, match=r"result\.json|is not the record of a study"):
        load(tmp_path)


def test_a_study_is_not_taken_for_a_run(tmp_path):
    made = study(asked=4)
    save(tmp_path, made.record, made.trials, made.equity)
    with pytest.raises(NoResult, match=r"is the record of a study.*apply-best"):
        read_record(tmp_path)
