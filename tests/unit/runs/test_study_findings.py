"""A small study from its trials to its record: what is selected, what the walk-forward earned, and what is believed of it."""

import json
import math
from itertools import product

import numpy as np
import pytest

from tidewright.domain.selection import best, chosen_by_window, robust
from tidewright.domain.stitching import stitch
from tidewright.domain.trials import FIGURE, Trial
from tidewright.ports.tracking import TrackedRun
from tidewright.runs.study_findings import STAGES, conclude, study_digest
from tidewright.runs.study_headlines import study_record_of
from tidewright.runs.study_plan import Evaluator, load_study
from tidewright.runs.study_record import equity_table, study_document
from tidewright.runs.study_tracking import tracked_study

VALUES = [{"fast": fast, "slow": slow} for fast, slow in product((5, 10, 15, 20), (10, 30, 40, 60))]


def tried(plan, data, values=VALUES):
    evaluate = Evaluator(plan, data)
    return [evaluate(number, named) for number, named in enumerate(values)]


@pytest.fixture
def concluded(study_planned, make_store, make_bars):
    """The findings of the study in a text with these edits, and its record."""

    def concluded(*edits, values=VALUES, count=3_000):
        store = make_store(make_bars(count))
        plan = study_planned(*edits)
        data = load_study(plan, store)
        stages = []
        found = conclude(plan, data, tried(plan, data, values), store, stages.append)
        return found, study_document(found, len(values), [("slow", 0.6), ("fast", 0.4)], 0, 1_000), stages

    return concluded


def test_selects_and_walks_forward(concluded):
    found, record, stages = concluded()
    column = FIGURE["sharpe"]
    assert found.best is best(found.trials, ("Maximize",))
    assert found.selected is found.robust is robust(found.trials, ("Maximize",), column)
    assert [one.trial for one in found.walked.windows] == chosen_by_window(found.trials, "Maximize", column)
    assert stages == list(STAGES)
    parts = [one.out_of_sample for one in found.walked.windows]
    assert record["result"]["totalReturn"] == pytest.approx(stitch(parts, 10_000.0).metrics.total_return)
    years = 365 * 86_400_000
    spans = found.data.setting.windows
    grew = [one.trial.in_sample[index, FIGURE["totalReturn"]] for index, one in enumerate(found.walked.windows)]
    length = sum((window.in_sample.end - window.in_sample.start) / years for window in spans)
    assert found.walked.growth_in_sample == pytest.approx(math.prod(1 + one for one in grew) ** (1 / length) - 1)
    table = equity_table(found)
    assert set(np.unique(table["window"])) == {0, 1, 2}
    assert len({len(column) for column in table.values()}) == 1


def test_the_record_is_json_and_says_what_was_found(concluded):
    found, record, _ = concluded()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    failed = [trial for trial in found.trials if trial.state == "Failed"]  # fast is not below slow
    assert record["trials"] == {
        "asked": 16,
        "complete": 16 - len(failed),
        "pruned": 0,
        "failed": len(failed),
        "infeasible": 0,
        "failures": record["trials"]["failures"],
    }
    assert len(failed) == 3
    assert sum(one["count"] for one in record["trials"]["failures"]) == 3
    assert record["selected"]["number"] == found.selected.number
    assert record["strategy"]["parameters"] == {"fast": 5, "slow": 20, "kind": "ema"} | dict(found.selected.parameters)
    assert record["run"]["spec"]["strategy"]["parameters"] == record["strategy"]["parameters"]
    assert record["overfitting"]["judged"] == 13
    assert record["overfitting"]["trials"] == 16
    assert record["overfitting"]["pbo"]["halves"] == 12_870
    assert sum(record["overfitting"]["pbo"]["logits"]["counts"]) == 12_870
    assert record["verdict"]["word"] in ("Robust", "Suspect", "Overfit")
    assert [one["reason"] for one in record["warnings"]][-1] == "TrialsFailed"
    assert [window["outOfSample"]["end"] for window in record["windows"]][-1] == record["period"]["end"]


def test_the_digest_covers_every_trial_and_the_walk(concluded):
    found, record, _ = concluded()
    again, _, _ = concluded()
    assert again.digest == found.digest == record["provenance"]["resultDigest"]
    fewer = [trial for trial in found.trials if trial.number]
    assert study_digest(fewer, found.walked.stitched) != found.digest
    assert study_digest(found.trials, None) != found.digest


def test_trials_that_were_given_up_count_as_attempts_too(study_planned, make_store, make_bars):
    store = make_store(make_bars(3_000))
    plan = study_planned()
    data = load_study(plan, store)
    evaluate = Evaluator(plan, data)
    trials = [evaluate(number, named, lambda step, value, n=number: n % 2 == 1) for number, named in enumerate(VALUES)]
    found = conclude(plan, data, trials, store)
    assert sum(trial.reason == "GivenUp" for trial in trials) >= 6
    assert found.evidence.judged == 13
    assert found.evidence.unknown == 3


def test_where_nothing_is_feasible_nothing_is_selected(concluded):
    found, record, _ = concluded(("  sampler:", "  requirements: {minTrades: 100000}\n  sampler:"))
    assert found.selected is None
    assert record["selected"] is None
    assert record["run"] is None
    assert record["verdict"]["word"] == "Suspect"
    told = study_record_of(record, "file:///r", "file:///a")
    assert told.reason == "StrategyFailed"
    assert "None of 13 complete trials meets the requirements" in told.message


def test_all_failing_is_told(concluded):
    found, record, _ = concluded(values=[{"fast": 20, "slow": 10}] * 3)
    assert found.selected is None
    assert "3 InvalidParameters" in record["warnings"][0]["message"]


def test_the_status_has_the_headlines(concluded):
    _, record, _ = concluded()
    told = study_record_of(record, "file:///report.html", "file:///artifacts")
    assert told.reason == "Complete"
    assert told.best.parameters == record["selected"]["parameters"]
    assert told.result.verdict == record["verdict"]["word"]
    assert told.tested.strategy_digest == record["provenance"]["selectedDigest"]
    assert told.tested.deflated_sharpe == record["overfitting"]["deflatedSharpe"]
    assert len(told.encoded()) <= 4_096


def test_a_tracker_is_told_of_the_study_its_windows_and_its_best_trials(concluded):
    found, record, _ = concluded(("  sampler:", "  tracking: {childRuns: 2}\n  sampler:"))
    run = tracked_study(record, found.trials)
    assert isinstance(run, TrackedRun)
    assert [child.name for child in run.children][:3] == [f"study window {number}" for number in (1, 2, 3)]
    best_ones = run.children[3:]
    assert [child.tags["selected"] for child in best_ones] == ["true", "false"]
    assert best_ones[0].parameters == {name: str(value) for name, value in found.selected.parameters.items()}
    assert run.metrics["objective.sharpe"] == pytest.approx(found.selected.values[0])
    assert all(math.isfinite(value) for one in (run, *run.children) for value in one.metrics.values())
    assert len({one.digest for one in (run, *run.children)}) == 6


def test_of_many_trials_those_that_are_judged_are_spread_evenly(concluded, monkeypatch):
    monkeypatch.setattr("tidewright.runs.study_findings.MOST_JUDGED", 8)
    found, record, _ = concluded()
    assert found.evidence.judged <= 9
    assert "EvidenceOfSome" in [one["reason"] for one in record["warnings"]]


def test_a_pareto_front_has_a_knee(concluded):
    edits = ("  sampler:", "  objectives: [{metric: Sharpe}, {metric: MaxDrawdown}]\n  selection: Knee\n  sampler:")
    found, record, _ = concluded(edits)
    assert found.selected is found.knee
    assert record["front"]
    assert record["candidates"]["knee"]["number"] == found.knee.number
    assert all(isinstance(trial, Trial) for trial in found.front)
