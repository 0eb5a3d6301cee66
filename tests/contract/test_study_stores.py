"""What every `StudyStore` promises."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.study_stores import study_store_at
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, Claim, Counts, StudyNotFound, StudyRefused

KEY = "default/demo"
LONG, PAST = 3_600.0, -1.0


@pytest.fixture(params=["memory", "folder", "postgres"])
def url(request, tmp_path):
    match request.param:
        case "memory":
            return "memory:"
        case "folder":
            return tmp_path.as_uri()
        case _:
            return request.getfixturevalue("database_url")


@pytest.fixture
def empty(url):
    store = study_store_at(url)
    yield store
    store.close()


@pytest.fixture
def store(empty):
    empty.open(KEY, {"space": ["fast"], "seed": 7})
    return empty


@pytest.fixture
def another(url, store):
    """The same trials as another worker's process sees them."""
    if url == "memory:":
        yield store
        return
    other = study_store_at(url)
    yield other
    other.close()


def a_trial(number=0, value=1.0, **more):
    tables = np.arange(2.0 * len(METRICS)).reshape(2, -1) + number
    known = {
        "parameters": {"fast": 5 + number, "risk.stopLoss": "2.5%", "average": "ema", "short": True, "band": 0.1},
        "state": "Complete",
        "values": (value,),
        "in_sample": tables,
        "out_of_sample": -tables,
        "returns": np.linspace(-0.1, 0.1, 7) * number,
        "violations": (-1.0,),
    }
    return Trial(number, **known | more)


def told(trial):
    """Bit for bit: NaN is NaN, and -0.0 is not 0.0."""
    tables = (trial.in_sample, trial.out_of_sample, trial.returns)
    facts = (trial.number, trial.parameters, trial.state, trial.violations, trial.reason, trial.message)
    return facts, repr(trial.values), [(table.shape, table.dtype, table.tobytes()) for table in tables]


# Studies.


def test_a_study_is_what_it_was_begun_with(store, another):
    another.open(KEY, {"seed": 7, "space": ["fast"]})

    assert another.definition(KEY) == {"space": ["fast"], "seed": 7}


def test_another_study_of_that_name_is_refused_with_what_differs(store):
    store.put(KEY, [a_trial()])

    with pytest.raises(StudyRefused, match=r"begun with space\[0\]: \"fast\", and is now .* \"slow\".*another name"):
        store.open(KEY, {"space": ["slow"], "seed": 7})
    assert len(store.trials(KEY)) == 1


def test_where_there_is_no_study_it_is_said(empty):
    with pytest.raises(StudyNotFound, match="no study default/demo"):
        empty.definition(KEY)
    with pytest.raises(StudyNotFound, match="no study default/demo"):
        empty.put(KEY, [a_trial()])
    assert not empty.delete(KEY)


def test_a_study_that_is_deleted_is_gone_and_others_stay(store):
    store.open("default/other", {})
    for key in (KEY, "default/other"):
        store.put(key, [a_trial()])
    store.claim(KEY, "a", 10, 1, LONG)
    store.append(KEY, "batch", [b"{}"], 0)

    assert store.delete(KEY)
    store.open(KEY, {"space": ["slow"]})
    assert store.trials(KEY) == []
    assert store.entries(KEY, 0) == []
    assert store.claim(KEY, "a", 10, 1, LONG) == Claim(0, 1, 1)
    assert len(store.trials("default/other")) == 1


# Trials.


def test_a_trial_is_read_as_it_was_put(store, another):
    odd = np.full((1, len(METRICS)), math.nan)
    odd[0, 0] = -0.0
    trials = [
        a_trial(0),
        a_trial(1, in_sample=odd, values=(math.inf, -0.0, 1 / 3), violations=(0.5, -math.inf)),
        Trial(2, {"fast": 9}, "Pruned", reason="Undefined", message="no trade in 4 of 6 windows"),
        Trial(3, {}, "Failed", reason="StrategyError", message="ü\n\"quoted\" 'too'"),
    ]
    assert store.put(KEY, trials) == 4

    assert [told(trial) for trial in another.trials(KEY)] == [told(trial) for trial in trials]
    assert told(another.trial(KEY, 1)) == told(trials[1])
    assert another.trial(KEY, 4) is None


def test_what_was_read_may_be_written_to(store):
    store.put(KEY, [a_trial(1)])
    (trial,) = store.trials(KEY)
    trial.returns[0] = 9.0

    assert told(store.trial(KEY, 1)) == told(a_trial(1))


def test_without_tables_there_is_all_but_the_arrays(store):
    store.put(KEY, [a_trial(3, 0.5)])
    (light,) = store.trials(KEY, tables=False)

    assert (light.number, light.values, light.parameters) == (3, (0.5,), a_trial(3).parameters)
    assert (len(light.in_sample), len(light.out_of_sample), len(light.returns)) == (0, 0, 0)


def test_trials_come_by_number_whatever_their_order(store):
    store.put(KEY, [a_trial(5), a_trial(2)])
    store.put(KEY, [a_trial(3)])

    assert [trial.number for trial in store.trials(KEY)] == [2, 3, 5]


def test_the_first_result_of_a_number_stays(store, another):
    store.put(KEY, [a_trial(0, 1.0)])

    assert another.put(KEY, [a_trial(0, 2.0), a_trial(1, 3.0)]) == 1
    assert another.put(KEY, [a_trial(1, 4.0)]) == 0
    assert [trial.values for trial in store.trials(KEY)] == [(1.0,), (3.0,)]


def test_putting_nothing_is_no_mistake(store):
    assert store.put(KEY, []) == 0


def test_trials_are_counted_by_their_state(store):
    assert store.counts(KEY, 100) == Counts(0, 0, 0, 0)
    states = ["Complete", "Complete", "Pruned", "Failed", "Complete"]
    store.put(KEY, [a_trial(number, state=state) for number, state in enumerate(states)])
    store.put(KEY, [a_trial(5, violations=(0.1,)), a_trial(6)])

    assert store.counts(KEY, 6) == Counts(complete=4, pruned=1, failed=1, infeasible=1)
    assert store.counts(KEY, 6).done == 6


# Claims.


def test_numbers_are_given_out_once(store, another):
    assert store.claim(KEY, "a", 10, 4, LONG) == Claim(0, 4, 1)
    assert another.claim(KEY, "b", 10, 4, LONG) == Claim(4, 8, 1)
    assert store.claim(KEY, "a", 10, 4, LONG) == Claim(8, 10, 1)
    assert another.claim(KEY, "b", 10, 4, LONG) is None
    assert store.held(KEY) == list(range(10))


def test_more_trials_may_be_asked_for_later(store):
    store.put(KEY, [a_trial(number) for number in range(3)])
    assert store.claim(KEY, "a", 3, 8, LONG) is None

    assert store.claim(KEY, "a", 5, 8, LONG) == Claim(3, 5, 1)


def test_what_has_a_trial_is_not_given_out_again(store):
    store.claim(KEY, "a", 4, 4, LONG)
    store.put(KEY, [a_trial(0), a_trial(2)])
    assert store.held(KEY) == [1, 3]
    store.let_go(KEY, "a")

    assert store.claim(KEY, "b", 4, 4, LONG) == Claim(1, 2, 2)
    assert store.claim(KEY, "b", 4, 4, LONG) == Claim(3, 4, 2)
    assert store.claim(KEY, "b", 4, 4, LONG) is None


def test_a_claim_that_expires_is_anybodys(store, another):
    store.claim(KEY, "a", 2, 2, PAST)
    assert store.held(KEY) == []

    assert another.claim(KEY, "b", 2, 2, PAST) == Claim(0, 2, 2)
    assert another.claim(KEY, "c", 2, 2, LONG) == Claim(0, 2, 3)
    assert store.claim(KEY, "a", 2, 2, LONG) is None


def test_new_numbers_come_before_those_that_have_expired(store):
    store.claim(KEY, "a", 3, 2, PAST)

    assert store.claim(KEY, "b", 3, 2, LONG) == Claim(2, 3, 1)
    assert store.claim(KEY, "b", 3, 2, LONG) == Claim(0, 2, 2)


def test_what_is_renewed_does_not_expire(store):
    store.claim(KEY, "a", 2, 1, PAST)
    store.claim(KEY, "b", 2, 1, PAST)
    store.renew(KEY, "a", LONG)

    assert store.held(KEY) == [0]
    assert store.claim(KEY, "c", 2, 2, LONG) == Claim(1, 2, 2)


def test_one_number_can_be_held(store):
    store.hold(KEY, "a", 3, LONG)

    assert store.held(KEY) == [3]
    assert store.claim(KEY, "b", 10, 2, LONG) == Claim(4, 6, 1)


def test_attempts_are_those_of_the_first_number(store):
    store.claim(KEY, "a", 3, 3, PAST)
    store.hold(KEY, "a", 0, PAST)
    for _ in range(2):
        store.hold(KEY, "b", 1, LONG)
        store.claim(KEY, "a", 3, 1, PAST)
    store.hold(KEY, "b", 1, PAST)

    assert store.claim(KEY, "c", 3, 3, PAST) == Claim(0, 3, 4)
    store.put(KEY, [a_trial(0)])
    assert store.claim(KEY, "c", 3, 3, LONG) == Claim(1, 3, 3)


def test_letting_go_is_of_ones_own(store):
    store.claim(KEY, "a", 2, 1, LONG)
    store.claim(KEY, "b", 2, 1, LONG)
    store.let_go(KEY, "a")

    assert store.held(KEY) == [1]


def test_workers_who_ask_at_once_share_no_number(store, url):
    begin = threading.Barrier(4)

    def numbers(worker):
        own = study_store_at(url) if url != "memory:" else store
        begin.wait()
        found = []
        while claim := own.claim(KEY, worker, 60, 3, LONG):
            found += claim.numbers
            own.put(KEY, [a_trial(number) for number in claim.numbers])
        if own is not store:
            own.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        given = [number for numbers in pool.map(numbers, "abcd") for number in numbers]
    assert sorted(given) == list(range(60))
    assert [trial.number for trial in store.trials(KEY)] == list(range(60))


# The journal.


def test_a_journal_is_read_from_any_place(store, another):
    assert store.append(KEY, "1", [b"a", b"b"], 0) == [b"a", b"b"]
    assert another.append(KEY, "2", [b"c"], 1) == [b"b", b"c"]
    assert store.entries(KEY, 0) == [b"a", b"b", b"c"]
    assert store.entries(KEY, 2) == [b"c"]
    assert store.entries(KEY, 3) == []


def test_a_batch_is_appended_once(store):
    store.append(KEY, "1", [b"a", b"b"], 0)
    store.append(KEY, "2", [b"c"], 0)

    assert store.append(KEY, "1", [b"a", b"b"], 0) == [b"a", b"b", b"c"]


def test_all_who_append_at_once_agree_on_the_order(store, url):
    begin = threading.Barrier(4)

    def seen(worker):
        own = study_store_at(url) if url != "memory:" else store
        begin.wait()
        read = []
        for turn in range(25):
            read += own.append(KEY, f"{worker}{turn}", [f"{worker}{turn}".encode()], len(read))
        if own is not store:
            own.close()
        return read

    with ThreadPoolExecutor(4) as pool:
        views = list(pool.map(seen, "abcd"))
    everything = store.entries(KEY, 0)
    assert len(everything) == len(set(everything)) == 100
    assert all(view == everything[: len(view)] for view in views)


# Where they are.


def test_a_url_that_is_no_store_is_refused_with_what_to_write():
    with pytest.raises(UrlRefused, match="'http' is no store of trials; write postgresql://"):
        study_store_at("http://db")


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveUnavailable, match=r"trials in .*file/store/trials.sqlite cannot be read or written"):
        study_store_at((tmp_path / "file" / "store").as_uri())
