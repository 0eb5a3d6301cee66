"""Samplers by the names of a resource: each searches, and what cannot work is refused with the remedy."""

import pytest
import searches
from optuna.samplers import BaseSampler, RandomSampler

from optuna_optimizer.plan import PlanRefused
from optuna_optimizer.searching import check, search
from tidewright.adapters.study_stores import study_store_at


class Own(RandomSampler):
    """A sampler of one's own, which takes a seed."""


class Seedless(RandomSampler):
    def __init__(self):
        super().__init__(5)


def found(plan):
    store = study_store_at("memory:")
    try:
        ending = search(plan, store, searches.bowl)
        assert ending.reason == "Complete"
        return store.trials(plan.key)
    finally:
        store.close()


@pytest.mark.parametrize("sampler", ["TPE", "NSGAII", "NSGAIII", "CMAES", "QMC"])
def test_every_sampler_searches_and_one_worker_finds_the_same_again(sampler):
    trials = found(searches.plan(sampler=sampler, seed=3))

    assert [trial.number for trial in trials] == list(range(40))
    assert min(trial.values for trial in trials) < (12.0,)
    assert searches.facts(trials) == searches.facts(found(searches.plan(sampler=sampler, seed=3)))
    assert searches.facts(trials) != searches.facts(found(searches.plan(sampler=sampler, seed=4)))


def test_what_learns_finds_better_than_chance():
    learned, by_chance = (found(searches.plan(sampler=sampler, trials=60, seed=1)) for sampler in ("TPE", "Random"))

    assert min(trial.values for trial in learned) < min(trial.values for trial in by_chance)


@pytest.mark.parametrize("sampler", ["TPE", "NSGAII", "NSGAIII"])
def test_several_objectives_are_searched(sampler):
    def two(number, named, report):
        one = searches.bowl(number, named)
        return searches.Trial(number, one.parameters, "Complete", values=(one.values[0], float(named["y"])))

    store = study_store_at("memory:")
    ending = search(searches.plan(sampler=sampler, directions=("Minimize", "Maximize")), store, two)
    store.close()

    assert ending.standing.complete == 40


@pytest.mark.parametrize("custom", [Own, Seedless])
def test_a_sampler_of_ones_own_searches(custom):
    assert len(found(searches.plan(sampler="Custom", custom=custom))) == 40


def test_what_is_no_sampler_is_refused():
    with pytest.raises(
        PlanRefused, match=r"dict is no sampler of Optuna's; derive it from optuna\.samplers\.BaseSampler"
    ):
        check(searches.plan(sampler="Custom", custom=dict))
    assert issubclass(Own, BaseSampler)


def test_cmaes_takes_one_objective():
    with pytest.raises(PlanRefused, match="CMAES takes one objective; leave one, or use NSGAII"):
        check(searches.plan(sampler="CMAES", directions=("Minimize", "Maximize")))


def test_gp_says_what_to_install(monkeypatch):
    monkeypatch.setattr("optuna_optimizer.search.samplers.find_spec", lambda name: None)
    with pytest.raises(
        PlanRefused, match=r"GP needs torch; install it with: pip install 'tidewright-optuna-optimizer\[gp\]'"
    ):
        check(searches.plan(sampler="GP"))
