"""What the operator remembers of BacktestRuns."""

import pytest

from tidewright_operator.runs import Runs, studies

TESTED = {
    "start": "2020-01-01",
    "end": "2021-01-01",
    "bars": 10,
    "simulated": False,
    "commission": "0.1%",
    "slippage": "0%",
    "sharpe": 1.5,
}
DONE = {
    "conditions": [
        {"type": "Complete", "status": "True"},
        {"type": "Finished", "status": "True", "reason": "Complete"},
    ],
    "completionTime": "2026-01-01T00:00:00Z",
    "provenance": {"strategyDigest": "sha256:1"},
    "tested": TESTED,
}
WAITS = {"conditions": [{"type": "Finished", "status": "False", "reason": "StrategyNotFound"}]}


def run(name="one", status=None, strategy=None, namespace="research"):
    named = {"name": "ma-cross"} if strategy is None else strategy
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"strategy": named}, "status": status or {}}


@pytest.fixture
def runs():
    return Runs()


def test_a_completed_run_is_something_new_to_weigh_once(runs):
    assert runs.see(run()) is None
    assert runs.see(run(status=DONE)) == "ma-cross"
    assert runs.see(run(status=DONE)) is None

    (tested,) = runs.tested("research")
    assert (tested.name, tested.strategy, tested.digest) == ("one", "ma-cross", "sha256:1")
    assert tested.tested.sharpe == 1.5
    assert runs.tested("elsewhere") == []


def test_a_run_with_its_strategy_in_place_counts_and_wakes_nobody(runs):
    assert runs.see(run(status=DONE, strategy={"source": {}})) is None
    assert len(runs.tested("research")) == 1


def test_a_completed_run_that_goes_is_something_to_weigh_again(runs):
    runs.see(run(status=DONE))
    runs.see(run("running"))

    assert runs.forget("research", "one") == "ma-cross"
    assert runs.forget("research", "running") is None
    assert runs.forget("research", "unknown") is None
    assert runs.tested("research") == []
    assert runs.names() == []


@pytest.mark.parametrize(
    "status",
    [
        {**DONE, "conditions": [{"type": "Complete", "status": "False"}]},
        {name: value for name, value in DONE.items() if name != "tested"},
        {name: value for name, value in DONE.items() if name != "provenance"},
        {name: value for name, value in DONE.items() if name != "completionTime"},
        {**DONE, "tested": {**TESTED, "simulated": "no"}},
    ],
    ids=["failed", "not said on what", "not said of what", "not said when", "not readable"],
)
def test_a_run_that_does_not_say_all_shows_nothing(runs, status):
    runs.see(run(status=status))

    assert runs.tested("research") == []


@pytest.mark.parametrize("status", [{}, {"conditions": []}, WAITS], ids=["new", "seen", "told"])
@pytest.mark.parametrize("after", [{"attempts": 1}, DONE], ids=["begun", "finished"])
def test_runs_that_may_wait_for_a_strategy_are_known_until_they_begin(runs, status, after):
    runs.see(run("a", status))
    runs.see(run("b", status, {"name": "other"}))
    runs.see(run("c", status, namespace="elsewhere"))

    assert runs.waiting_for("research", "ma-cross") == ["a"]
    runs.see(run("a", after))
    assert runs.waiting_for("research", "ma-cross") == []


SELECTED = {
    **{name: value for name, value in TESTED.items() if name != "sharpe"},
    "strategyDigest": "sha256:" + 64 * "5",
}


def test_a_completed_study_shows_something_of_what_it_selects():
    known = studies()
    done = {**DONE, "provenance": {"strategyDigest": "sha256:1"}, "tested": {**SELECTED, "deflatedSharpe": 0.97}}

    assert known.see(run(status=done)) == "ma-cross"

    (tested,) = known.tested("research")
    assert (tested.name, tested.digest, tested.tested.deflated_sharpe) == ("one", "sha256:" + 64 * "5", 0.97)
    assert known.settled("research", "one") is None, "it is looked at for its Jobs' sake as any other"


def test_a_study_that_goes_on_shows_nothing_until_it_is_complete_again():
    known = studies()
    known.see(run(status={**DONE, "tested": SELECTED}))

    assert known.see(run(status={**WAITS, "trials": {"asked": 200}})) == "ma-cross"
    assert known.tested("research") == []
