"""Trials while their server is lost, gone or restarted: what is repeated is not doubled, and what is acknowledged is there."""

import asyncio
import threading

import asyncpg
import pytest

from tidewright.adapters.embedded_postgres import EmbeddedPostgres
from tidewright.adapters.postgres import asked_by_threads
from tidewright.adapters.postgres.connection import Address, DatabaseRefused
from tidewright.adapters.postgres.migrating import upgrade
from tidewright.adapters.postgres.studies import PostgresStudies
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, Claim, StudyNotFound

KEY = "default/demo"


@pytest.fixture
def server(tmp_path):
    """One of the test's own, which it may end."""
    with EmbeddedPostgres(tmp_path / "server", durable=False) as server:
        asyncio.run(upgrade(Address(server.url)))
        yield server


@pytest.fixture
def store(server):
    store = PostgresStudies.at(server.url, patience=30.0)
    store.open(KEY, {})
    yield store
    store.close()


@pytest.fixture
def forgetful(database_url, monkeypatch):
    """A store whose server does what it is asked, and whose connection is then lost before the answer comes: of the first statement after each `lose`."""
    losing = []

    class Forgetful:
        def __init__(self, driver):
            self._driver = driver

        def __getattr__(self, name):
            return getattr(self._driver, name)

        async def fetch(self, statement, *arguments):
            rows = await self._driver.fetch(statement, *arguments)
            if losing:
                self._driver.terminate()
                raise losing.pop()
            return rows

    connect = asked_by_threads.connect

    async def connected(address):
        return Forgetful(await connect(address))

    monkeypatch.setattr(asked_by_threads, "connect", connected)
    store = PostgresStudies.at(database_url)
    store.open(KEY, {})
    store.lose = lambda error=None: losing.append(error or ConnectionResetError("lost"))
    yield store
    assert not losing
    store.close()


def failed(*numbers):
    return [Trial(number, {"fast": number}, "Failed", reason="Test") for number in numbers]


def test_trials_whose_acknowledgement_is_lost_are_there_once(forgetful):
    forgetful.lose()
    forgetful.put(KEY, failed(0, 1))

    assert [trial.number for trial in forgetful.trials(KEY)] == [0, 1]


def test_a_claim_that_is_lost_on_the_way_is_given_again(forgetful):
    forgetful.lose()

    assert forgetful.claim(KEY, "a", 10, 2, 60.0) == Claim(0, 2, 1)
    assert forgetful.claim(KEY, "a", 10, 2, 60.0) == Claim(2, 4, 1)
    forgetful.let_go(KEY, "a")
    forgetful.lose()
    assert forgetful.claim(KEY, "b", 4, 3, 60.0) == Claim(0, 3, 2)
    assert forgetful.held(KEY) == [0, 1, 2]


def test_a_batch_whose_answer_is_lost_is_in_the_journal_once(forgetful):
    forgetful.append(KEY, "1", [b"a"], 0)
    forgetful.lose()

    assert forgetful.append(KEY, "2", [b"b", b"c"], 1) == [b"b", b"c"]
    assert forgetful.entries(KEY, 0) == [b"a", b"b", b"c"]


def test_a_connection_that_the_driver_has_lost_track_of_is_made_anew(forgetful):
    forgetful.lose(asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"))

    assert forgetful.claim(KEY, "a", 10, 2, 60.0) == Claim(0, 2, 1)


def test_deleting_is_done_where_its_answer_is_lost(forgetful):
    forgetful.lose()
    forgetful.delete(KEY)

    with pytest.raises(StudyNotFound):
        forgetful.trials(KEY)


def test_a_restart_between_two_statements_is_not_noticed(server, store):
    store.put(KEY, failed(0))
    server.stop()
    server.start()

    assert store.put(KEY, failed(0, 1)) == 1


def test_a_server_that_is_away_is_waited_for(server, store):
    server.kill()
    again = threading.Thread(target=server.start)
    again.start()

    assert store.put(KEY, failed(0)) == 1
    again.join()


def test_a_server_that_stays_away_is_said_to_be(server, store):
    impatient = PostgresStudies.at(server.url, patience=0.5)
    server.stop()

    with pytest.raises(ArchiveUnavailable, match=r"postgresql://postgres@127\.0\.0\.1:\d+/postgres: "):
        impatient.put(KEY, failed(0))
    impatient.close()
    server.start()


@pytest.mark.parametrize("problem", ["no study", "no schema"])
def test_what_waiting_does_not_mend_is_said_at_once(postgres_server, problem):
    with postgres_server.database(migrated=problem == "no study") as url:
        store = PostgresStudies.at(url, patience=3_600.0)  # longer than a test may take
        with pytest.raises(StudyNotFound if problem == "no study" else DatabaseRefused, match=problem):
            store.trials(KEY)
        store.close()


def test_many_threads_take_turns(store):
    threads = [threading.Thread(target=store.put, args=(KEY, failed(number))) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.counts(KEY, 20).failed == 20


def test_a_store_that_was_closed_may_be_asked_again(store):
    store.close()
    store.close()

    assert store.put(KEY, failed(0)) == 1
