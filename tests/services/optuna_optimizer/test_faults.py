"""Searches while what they stand on fails: no finished trial is lost, none is there twice, and the best is the same."""

import asyncio
import threading
import time

import pytest
import searches
from searches import Slowly, facts, plan

from optuna_optimizer.searching import search
from optuna_optimizer.workers import run_workers
from tidewright.adapters.embedded_postgres import EmbeddedPostgres
from tidewright.adapters.postgres.connection import Address
from tidewright.adapters.postgres.migrating import upgrade
from tidewright.adapters.sqlite_studies import SqliteStudies
from tidewright.adapters.study_stores import study_store_at
from tidewright.ports import ArchiveUnavailable, StudyRefused

BOTH = pytest.mark.parametrize("sampler", ["Random", "TPE"])


@pytest.fixture
def server(tmp_path):
    """One of the test's own, which it may end, and which keeps what it has acknowledged."""
    with EmbeddedPostgres(tmp_path / "server") as server:
        asyncio.run(upgrade(Address(server.url)))
        yield server


def alone(told):
    store = study_store_at("memory:")
    search(told, store, searches.bowl)
    trials = store.trials(told.key)
    store.close()
    return trials


def acknowledged_by(store, known):
    """The store, which notes what it has acknowledged."""
    put = store.put

    def noted(key, trials):
        new = put(key, trials)
        known.extend(facts(trials))
        return new

    store.put = noted
    return store


@BOTH
def test_a_server_that_crashes_in_the_middle_is_waited_for(server, sampler):
    known, crashed = [], threading.Event()
    store = acknowledged_by(study_store_at(server.url), known)
    told = plan(sampler=sampler, trials=80, seed=3)

    def crash():
        crashed.wait()
        server.kill()
        server.start()

    def evaluate(number, named, report):
        if number == 40:
            crashed.set()
        time.sleep(0.01)
        return searches.bowl(number, named)

    crashing = threading.Thread(target=crash)
    crashing.start()
    ending = search(told, store, evaluate)
    crashing.join()
    trials = store.trials(told.key)
    store.close()

    assert (ending.reason, ending.standing.complete) == ("Complete", 80)
    assert facts(trials) == sorted(known)
    assert facts(trials) == facts(alone(told))


@BOTH
def test_a_full_disk_is_said_and_the_search_goes_on_when_there_is_room(tmp_path, sampler):
    known = []
    store = acknowledged_by(SqliteStudies(tmp_path), known)
    told = plan(sampler=sampler, trials=400, seed=3)
    store.open(told.key, told.whole_definition)
    ((pages,),) = store._connection.execute("PRAGMA page_count")
    store._connection.execute(f"PRAGMA max_page_count = {pages + 8}")

    with pytest.raises(ArchiveUnavailable, match=r"trials\.sqlite cannot be read or written: database or disk is full"):
        search(told, store, searches.bowl)
    assert facts(store.trials(told.key)) == sorted(known)
    assert 0 < len(known) < 400
    store.close()

    roomy = study_store_at(tmp_path.as_uri())
    ending = search(told, roomy, searches.bowl)
    trials = roomy.trials(told.key)
    roomy.close()
    assert ending.standing.complete == 400
    assert facts(trials)[: len(known)] == sorted(known)
    if told.enumerated:
        assert facts(trials) == facts(alone(told))


def test_of_two_studies_with_one_name_the_second_is_refused_while_the_first_goes_on(tmp_path):
    first, second = study_store_at(tmp_path.as_uri()), study_store_at(tmp_path.as_uri())
    refused = []

    def evaluate(number, named, report):
        if number == 5:
            with pytest.raises(StudyRefused, match="begun with seed: 1, and is now asked to go on with 2") as error:
                search(plan(seed=2), second, searches.bowl)
            refused.append(error)
        return searches.bowl(number, named)

    assert search(plan(seed=1), first, evaluate).standing.complete == 40
    assert refused
    first.close()
    second.close()


def test_two_studies_in_one_store_do_not_meet(tmp_path):
    stores = [study_store_at(tmp_path.as_uri()) for _ in range(2)]
    plans = [plan(key=f"default/{name}", seed=seed) for seed, name in enumerate(("one", "two"))]
    threads = [threading.Thread(target=search, args=(told, store, searches.bowl)) for told, store in zip(plans, stores, strict=True)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for told, store in zip(plans, stores, strict=True):
        assert facts(store.trials(told.key)) == facts(alone(told))
        store.close()


@pytest.mark.soak
@pytest.mark.timeout(900)
@BOTH
def test_postgres_away_for_a_minute_while_workers_search(server, sampler):
    """It is killed, stays away for 60 s, and is stopped in order and started twice more."""
    told = plan(sampler=sampler, trials=1_200, seed=3)
    over = threading.Event()

    def trouble():
        for end, away in ((server.kill, 60.0), (server.stop, 1.0), (server.kill, 0.0)):
            if over.wait(4.0):
                return
            end()
            over.wait(away)
            server.start()

    troubling = threading.Thread(target=trouble)
    troubling.start()
    try:
        ending = run_workers(told, server.url, Slowly(0.02), 2)
    finally:
        over.set()
        troubling.join()
    store = study_store_at(server.url)
    trials = store.trials(told.key)
    assert store.held(told.key) == []
    store.close()

    assert (ending.reason, ending.standing.complete) == ("Complete", 1_200)
    assert [trial.number for trial in trials] == list(range(1_200))
    if told.enumerated:
        assert facts(trials) == facts(alone(told))
