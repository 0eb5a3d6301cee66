"""The search of one worker: how it ends, goes on, is refused and fails, for both kinds of search."""

import math
import threading

import pytest
import searches
from searches import bowl, facts, in_windows, plan

from optuna_optimizer.plan import PlanRefused
from optuna_optimizer.searching import StudyFailed, counted, search
from optuna_optimizer.standing import Ending
from tidewright.adapters.study_stores import study_store_at
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, StudyRefused

BOTH = pytest.mark.parametrize("sampler", ["Random", "TPE"])


@pytest.fixture
def store():
    store = study_store_at("memory:")
    yield store
    store.close()


@BOTH
def test_a_search_ends_with_as_many_trials_as_were_asked_for(store, sampler):
    told = []
    ending = search(plan(sampler=sampler), store, bowl, progress=told.append)
    trials = store.trials(searches.KEY)

    assert isinstance(ending, Ending)
    assert (ending.reason, ending.counted, ending.standing.complete) == ("Complete", 40, 40)
    assert [trial.number for trial in trials] == list(range(40))
    assert ending.standing.best.values == min(trial.values for trial in trials)
    assert told[-1] == ending.standing
    assert store.held(searches.KEY) == []


@BOTH
def test_a_study_that_is_done_is_not_searched_again(store, sampler):
    search(plan(sampler=sampler), store, bowl)
    before = facts(store.trials(searches.KEY))

    assert search(plan(sampler=sampler), store, lambda *_: pytest.fail("tried again")).reason == "Complete"
    assert facts(store.trials(searches.KEY)) == before


@BOTH
def test_more_trials_go_on_where_the_study_was(store, sampler):
    search(plan(sampler=sampler, trials=15), store, bowl)
    before = facts(store.trials(searches.KEY))
    ending = search(plan(sampler=sampler, trials=25), store, bowl)

    assert ending.standing.complete == 25
    assert facts(store.trials(searches.KEY))[:15] == before


@BOTH
def test_with_fewer_trials_the_others_do_not_count(store, sampler):
    search(plan(sampler=sampler, trials=25), store, bowl)
    ending = search(plan(sampler=sampler, trials=10), store, bowl)

    assert ending.standing.complete == 10
    assert len(counted(plan(sampler=sampler, trials=10), store.trials(searches.KEY))) == 10


@BOTH
def test_told_to_stop_it_keeps_what_is_done_and_gives_back_the_rest(store, sampler):
    stop = threading.Event()

    def stopping(number, named, report):
        if number == 20:
            stop.set()
        return bowl(number, named)

    assert search(plan(sampler=sampler), store, stopping, stop=stop).reason == "Stopped"
    assert 21 <= len(store.trials(searches.KEY)) < 40
    assert store.held(searches.KEY) == []
    assert search(plan(sampler=sampler), store, bowl).standing.complete == 40


@BOTH
def test_a_search_ends_when_its_time_is_over(store, sampler):
    ending = search(plan(sampler=sampler, timeout=0.0), store, bowl)

    assert (ending.reason, ending.standing.done) == ("TimedOut", 0)


@BOTH
def test_a_search_that_finds_nothing_better_ends(store, sampler):
    flat = search(plan(sampler=sampler, stagnation=10, trials=1_000), store, lambda number, named, report: Trial(number, named, "Complete", values=(1.0,)))  # fmt: skip

    assert flat.reason == "Stagnated"
    assert len(counted(plan(sampler=sampler, stagnation=10, trials=1_000), store.trials(searches.KEY))) < 100


def test_where_an_enumerated_search_stagnates_does_not_depend_on_who_searched(store):
    """One worker alone ends early; the trials of several that went on are not counted."""
    told = plan(sampler="Random", stagnation=15, trials=200, seed=5)
    ending = search(told, store, bowl)
    alone = facts(counted(told, store.trials(searches.KEY)))
    whole = plan(key="whole", sampler="Random", trials=200, seed=5)
    search(whole, store, bowl)

    assert ending.counted == len(alone) < 200
    assert facts(counted(told, store.trials("whole"))) == alone


@BOTH
def test_another_space_is_refused_with_what_differs_and_nothing_is_lost(store, sampler):
    search(plan(sampler=sampler), store, bowl)

    with pytest.raises(StudyRefused, match=r'searched\[1\]\[0\]: "y", and is now asked to go on with "z"'):
        search(plan(sampler=sampler, space=(searches.SPACE[0], searches.Dimension("z", "Int", -10, 10))), store, bowl)
    assert len(store.trials(searches.KEY)) == 40


@BOTH
def test_failures_are_kept_with_their_reason_and_the_study_goes_on(store, sampler):
    def failing(number, named, report):
        if named["x"] > 5:
            return Trial(number, named, "Failed", reason="StrategyFailed", message="x is too large")
        return bowl(number, named)

    ending = search(plan(sampler=sampler), store, failing)
    failed = [trial for trial in store.trials(searches.KEY) if trial.state == "Failed"]

    assert ending.standing.complete + ending.standing.failed == 40
    assert len(failed) == ending.standing.failed > 0
    assert {(trial.reason, trial.message) for trial in failed} == {("StrategyFailed", "x is too large")}
    assert all(trial.parameters["x"] > 5 for trial in failed)


@BOTH
def test_where_most_fail_the_study_stops_and_says_why(store, sampler):
    def failing(number, named, report):
        return Trial(number, {"x": 1.5}, "Failed", reason="StrategyFailed", message=f"no column {number % 2}")

    told = r"(?s)trials failed, so the study was stopped; mend the strategy.*times StrategyFailed: no column 0 \(trial 0: x=1.5\).*no column 1 \(trial 1"
    with pytest.raises(StudyFailed, match=told):
        search(plan(sampler=sampler, trials=500), store, failing)
    assert 20 <= len(store.trials(searches.KEY)) < 100
    assert store.held(searches.KEY) == []


@BOTH
def test_where_all_are_pruned_the_study_ends_without_a_best(store, sampler):
    ending = search(plan(sampler=sampler), store, lambda number, named, report: Trial(number, named, "Pruned", reason="Undefined"))  # fmt: skip

    assert (ending.reason, ending.standing.pruned, ending.standing.best) == ("Complete", 40, None)


@BOTH
def test_what_is_not_feasible_is_counted_and_never_the_best(store, sampler):
    def short_of_trades(number, named, report):
        found = bowl(number, named)
        return Trial(number, named, "Complete", values=found.values, violations=(5.0 - number,))

    ending = search(plan(sampler=sampler, requirements=1), store, short_of_trades)

    assert (ending.standing.complete, ending.standing.infeasible) == (40, 5)
    assert ending.standing.best.number >= 5


def test_values_that_break_a_condition_are_neither_tried_nor_counted(store):
    search(plan(holds=lambda named: named["x"] < named["y"]), store, bowl)
    trials = store.trials(searches.KEY)

    assert [trial.number for trial in trials] == list(range(40))
    assert all(trial.parameters["x"] < trial.parameters["y"] for trial in trials)


@pytest.mark.parametrize("sampler", ["Random", "TPE", "QMC"])
def test_where_no_values_meet_the_conditions_it_is_said(store, sampler):
    with pytest.raises(PlanRefused, match="none of 1,000 draws meets the conditions; loosen the constraints"):
        search(plan(sampler=sampler, holds=lambda named: False), store, bowl)
    assert store.held(searches.KEY) == []


@pytest.mark.parametrize("sampler", ["TPE", "QMC", "CMAES"])
def test_where_a_sampler_finds_next_to_none_they_are_drawn(store, sampler):
    ending = search(plan(trials=5, sampler=sampler, holds=lambda named: named["x"] > 9.9), store, bowl)

    assert ending.standing.complete == 5
    assert all(trial.parameters["x"] > 9.9 for trial in store.trials(searches.KEY))


def test_what_an_earlier_study_found_is_tried_first(store):
    first = ({"x": 1.0, "y": 2}, {"x": 3.0, "y": 4})
    search(plan(first=first), store, bowl)

    assert [dict(trial.parameters) for trial in store.trials(searches.KEY)[:2]] == list(first)


def test_what_is_hopeless_is_given_up_between_windows(store):
    ending = search(plan(trials=60, windows=6), store, in_windows)
    pruned = [trial for trial in store.trials(searches.KEY) if trial.state == "Pruned"]

    assert ending.standing.pruned == len(pruned) > 0
    assert min(bowl(0, trial.parameters).values for trial in pruned) > ending.standing.best.values


@pytest.mark.parametrize("unpruned", [{"pruner": "None"}, {"directions": ("Minimize", "Minimize")}])
def test_without_a_pruner_or_with_several_objectives_nothing_is_given_up(store, unpruned):
    def both(number, named, report):
        found = in_windows(number, named, report)
        return Trial(number, named, found.state, values=found.values * len(plan(**unpruned).directions))

    assert search(plan(**unpruned), store, both).standing.complete == 40


def test_extremes_are_told_to_the_sampler(store):
    def extreme(number, named, report):
        return Trial(number, named, "Complete", values=((math.inf, -math.inf, named["x"])[number % 3],))

    assert search(plan(), store, extreme).standing.complete == 40


# Who is gone, and what others make of it.


class Gone(BaseException):
    """The worker ends where it stands."""


def leave(store, told, number, window=None):
    """A worker that is gone at a trial, or in one of its windows, without giving anything back."""

    def left(at, named, report):
        def reporting(step, value):
            given_up = report(step, value)
            if (at, step) == (number, window):
                raise Gone
            return given_up

        if at == number and window is None:
            raise Gone
        return in_windows(at, named, reporting)

    kept, store.let_go = store.let_go, lambda key, worker: None
    with pytest.raises(Gone):
        search(told, store, left, worker="gone")
    store.let_go = kept
    store.renew(told.key, "gone", -1.0)


@pytest.mark.parametrize("window", [None, 0, 3])
def test_a_trial_that_was_left_is_tried_again_with_its_values(store, window):
    told = plan(pruner="None", trials=20)
    uninterrupted = study_store_at("memory:")
    search(told, uninterrupted, in_windows)
    meant = uninterrupted.trial(told.key, 12)
    uninterrupted.close()
    leave(store, told, 12, window)

    assert search(told, store, in_windows).standing.complete == 20
    assert facts([store.trial(told.key, 12)]) == facts([meant])


def test_a_result_that_the_sampler_was_not_told_of_is_told_by_the_next_worker(store, monkeypatch):
    told = plan(trials=12)
    from optuna_optimizer.search.adaptive import Adaptive  # noqa: PLC0415 - the tests of enumerated searches do without

    tell, known = Adaptive._tell, []
    monkeypatch.setattr(Adaptive, "_tell", lambda self, asked, trial: (_ for _ in ()).throw(Gone) if trial.number == 8 else tell(self, asked, trial))  # fmt: skip
    with pytest.raises(Gone):
        search(told, store, bowl)
    monkeypatch.setattr(Adaptive, "_tell", lambda self, asked, trial: (known.append(trial.number), tell(self, asked, trial)))  # fmt: skip
    search(told, store, bowl)

    assert known == [8, 9, 10, 11]


@BOTH
def test_a_store_that_goes_away_ends_the_search_and_loses_nothing(store, monkeypatch, sampler):
    put = store.put

    def full(key, trials):
        if len(store.trials(key)) >= 10:
            raise ArchiveUnavailable("no space left on device")
        return put(key, trials)

    monkeypatch.setattr(store, "put", full)
    with pytest.raises(ArchiveUnavailable, match="no space left"):
        search(plan(sampler=sampler), store, bowl)
    monkeypatch.undo()
    assert len(store.trials(searches.KEY)) >= 10
    assert search(plan(sampler=sampler), store, bowl).standing.complete == 40
