"""Optuna's journal in a store: what waits, what others see, and that all come to the same."""

import optuna
import pytest
import searches
from optuna.samplers import RandomSampler
from optuna.storages import JournalStorage
from optuna.trial import TrialState

from optuna_optimizer.search.journal import StoredJournal
from optuna_optimizer.search.space import distributions
from tidewright.adapters.study_stores import study_store_at

DISTRIBUTIONS = distributions(searches.SPACE)


@pytest.fixture
def store():
    store = study_store_at("memory:")
    store.open("k", {})
    yield store
    store.close()


def joined(store, seed=0, monkeypatch=None):
    journal = StoredJournal(store, "k")
    study = optuna.create_study(
        storage=JournalStorage(journal), study_name="k", load_if_exists=True, sampler=RandomSampler(seed)
    )
    return journal, study


@pytest.fixture(autouse=True)
def _always_asks(monkeypatch):
    """What others have written is seen at once."""
    monkeypatch.setattr("optuna_optimizer.search.journal._FRESH", -1.0)


def facts(study):
    return [(one.number, one.state, one.params, one.values, one.user_attrs, one.intermediate_values) for one in study.trials]  # fmt: skip


def test_a_trial_takes_one_append_to_ask_for_and_none_to_tell(store):
    journal, study = joined(store)
    before = len(store.entries("k", 0))
    trial = study.ask(DISTRIBUTIONS)
    trial.report(1.0, 0)
    study.tell(trial, 1.0)
    assert len(store.entries("k", 0)) == before + 1

    journal.flush()
    assert len(store.entries("k", 0)) == before + 1 + len(DISTRIBUTIONS) + 2


def test_what_waits_goes_before_what_comes_next(store):
    _, study = joined(store)
    study.tell(study.ask(DISTRIBUTIONS), 1.0)
    study.ask()
    _, other = joined(store)

    assert [one.state for one in other.trials] == [TrialState.COMPLETE, TrialState.RUNNING]


def test_two_workers_who_take_turns_come_to_the_same(store):
    (first, mine), (second, theirs) = joined(store, 1), joined(store, 2)
    for value in range(5):
        one, other = mine.ask(DISTRIBUTIONS), theirs.ask(DISTRIBUTIONS)
        one.set_user_attr("number", value)
        for step in range(3):
            one.report(value + step, step)
            other.report(value - step, step)
        theirs.tell(other, value - 3.0)
        mine.tell(one, value + 3.0)
    first.flush()
    second.flush()
    _, later = joined(store)

    assert facts(mine) == facts(theirs) == facts(later)
    assert [one.state for one in later.trials] == [TrialState.COMPLETE] * 10
    assert [one.number for one in later.trials] == list(range(10))


def test_who_takes_over_sees_the_values_that_were_flushed(store):
    journal, study = joined(store)
    gone = study.ask(DISTRIBUTIONS)
    journal.flush()
    later_journal, later = joined(store)
    (left,) = later.trials

    assert left.params == gone.params
    later.tell(left.number, 1.0)
    later_journal.flush()
    study.tell(gone, 2.0, skip_if_finished=True)
    journal.flush()
    _, third = joined(store)
    assert [one.values for one in third.trials] == [[1.0]]


def test_both_may_tell_of_one_trial_and_the_first_that_is_written_counts(store):
    journal, study = joined(store)
    gone = study.ask(DISTRIBUTIONS)
    journal.flush()
    later_journal, later = joined(store)
    study.tell(gone, 2.0)
    later.tell(0, 1.0)
    later_journal.flush()
    journal.flush()
    _, third = joined(store)

    assert [one.values for one in third.trials] == [[1.0]]
    assert study.ask().number == 1
