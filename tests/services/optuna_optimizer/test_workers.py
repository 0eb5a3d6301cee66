"""Workers in processes of their own, on one store: the same trials on any number of them, and what becomes of those who die."""

import os
import random
import signal
import threading
import time
from contextlib import suppress

import pytest
import searches
from searches import Deadly, Noted, Slowly, Unstartable, facts, plan

from optuna_optimizer import workers as working
from optuna_optimizer.searching import search
from optuna_optimizer.workers import WorkersLost, run_workers
from tidewright.adapters.study_stores import study_store_at

GRID = {"space": searches.GRID, "sampler": "Grid", "trials": None}


@pytest.fixture
def url(tmp_path):
    return (tmp_path / "store").as_uri()


@pytest.fixture
def noted(tmp_path):
    """Makes an evaluation that is slow, and writes down who evaluates."""
    folder = tmp_path / "noted"
    folder.mkdir()
    return lambda seconds, *other: Noted(folder, seconds, *other)


def stored(url):
    store = study_store_at(url)
    try:
        assert store.held(searches.KEY) == []
        return store.trials(searches.KEY)
    finally:
        store.close()


def alone(told):
    """The trials of one worker in this process."""
    store = study_store_at("memory:")
    search(told, store, searches.bowl)
    trials = store.trials(told.key)
    store.close()
    return trials


@pytest.mark.parametrize("told", [plan(**GRID), plan(sampler="Random", trials=300, seed=11)], ids=["Grid", "Random"])
@pytest.mark.parametrize("workers", [2, 3])
def test_an_enumerated_search_finds_the_same_on_any_number_of_workers(url, told, workers):
    told_of = []
    ending = run_workers(told, url, Slowly(0.0), workers, progress=told_of.append)

    assert facts(stored(url)) == facts(alone(told))
    assert ending.reason == "Complete"
    assert told_of[-1].done == ending.standing.done == 300


def test_workers_learn_from_one_another_and_every_trial_is_there_once(url):
    ending = run_workers(plan(trials=60), url, Slowly(0.005), 2)

    assert [trial.number for trial in stored(url)] == list(range(60))
    assert ending.standing.complete == 60
    assert ending.standing.best.values < (12.0,)


@pytest.mark.parametrize("sampler", ["Random", "TPE"])
def test_a_worker_that_is_killed_is_replaced_and_its_trial_tried_again(url, tmp_path, sampler):
    told = plan(sampler=sampler, trials=30)
    ending = run_workers(told, url, Deadly(tmp_path, (7,), times=1), 2)

    assert ending.standing.complete == 30
    assert [trial.number for trial in stored(url)] == list(range(30))


@pytest.mark.parametrize("sampler", ["Random", "TPE"])
def test_a_trial_that_kills_every_worker_is_given_up(url, tmp_path, sampler):
    ending = run_workers(plan(sampler=sampler, trials=20), url, Deadly(tmp_path, (7,)), 2)
    (failed,) = [trial for trial in stored(url) if trial.state == "Failed"]

    assert ending.standing.complete == 19
    assert (failed.number, failed.reason) == (7, "WorkersLost")
    assert set(failed.parameters) == {"x", "y"}
    assert "too little memory" in failed.message


def test_workers_who_all_die_are_not_replaced_for_ever(url, tmp_path, monkeypatch):
    monkeypatch.setattr(working, "MOST_LOST", 2)
    with pytest.raises(WorkersLost, match="died 2 times in a row without finishing a trial"):
        run_workers(plan(sampler="Random"), url, Deadly(tmp_path, tuple(range(40))), 2)


def test_what_keeps_a_worker_from_starting_is_raised_here(url):
    with pytest.raises(FileNotFoundError, match="the bars are gone"):
        run_workers(plan(), url, Unstartable(), 2)


def test_told_to_stop_all_end_and_the_study_goes_on_later(url, noted):
    stop, evaluation = threading.Event(), noted(0.02)

    def enough(standing):
        if standing.done:
            stop.set()

    ending = run_workers(plan(trials=300), url, evaluation, 2, stop=stop, progress=enough)
    assert ending.reason == "Stopped"
    assert 0 < len(stored(url)) < 300
    assert not [pid for pid in evaluation.pids() if alive(pid)]
    before = facts(stored(url))

    assert run_workers(plan(trials=len(before) + 10), url, Slowly(0.0), 2).standing.complete == len(before) + 10
    assert facts(stored(url))[: len(before)] == before


def test_ctrl_c_ends_all_and_loses_no_finished_trial(url, noted):
    evaluation = noted(0.02)

    def interrupt(standing):
        if standing.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_workers(plan(sampler="Random", trials=300), url, evaluation, 2, progress=interrupt)
    assert not [pid for pid in evaluation.pids() if alive(pid)]
    assert 0 < len(stored(url)) < 300


def alive(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


class Killer(threading.Thread):
    """Kills one of the workers now and then, until it is told that it is enough."""

    def __init__(self, evaluation, times, pause, seed=1):
        super().__init__()
        self.evaluation, self.times, self.pause = evaluation, times, pause
        self.killed, self.enough, self.draw = 0, threading.Event(), random.Random(seed)  # noqa: S311 - no secret

    def run(self):
        while self.killed < self.times and not self.enough.wait(self.draw.uniform(0.5, 1.5) * self.pause):
            living = [pid for pid in self.evaluation.pids() if alive(pid)]
            if living:
                with suppress(ProcessLookupError):
                    os.kill(self.draw.choice(living), signal.SIGKILL)
                    self.killed += 1


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("where", ["folder", "postgres"])
@pytest.mark.parametrize("sampler", ["Random", "Grid", "TPE", "NSGAII"])
def test_workers_killed_at_random_lose_and_double_nothing(request, url, noted, sampler, where):
    place = url if where == "folder" else request.getfixturevalue("database_url")
    told = plan(**GRID) if sampler == "Grid" else plan(sampler=sampler, trials=300, seed=2)
    evaluation = noted(0.05)
    killer = Killer(evaluation, 8, 2.0)
    killer.start()
    began = time.monotonic()
    try:
        ending = run_workers(told, place, evaluation, 3)
    finally:
        killer.enough.set()
        killer.join()
    trials = stored(place)

    assert killer.killed >= 2, f"done in {time.monotonic() - began:.0f} s"
    assert ending.reason == "Complete"
    assert [trial.number for trial in trials] == list(range(300))
    assert {trial.state for trial in trials} == {"Complete"}
    if told.enumerated:
        assert facts(trials) == facts(alone(told))
        assert ending.standing.best.number == min(trials, key=lambda trial: (trial.values, trial.number)).number
