"""Trials as they are read for whoever asks."""

import pytest

from optuna_optimizer.jobs import Job, Objective, Planned, Standing
from optuna_optimizer.shelf import Shelf
from optuna_optimizer.tried import Tried, page
from tidewright.domain.trials import Dimension, Trial
from tidewright.ports import ArchiveUnavailable, StudyNotFound

pytestmark = pytest.mark.anyio

PLANNED = Planned(
    4, (Objective("sharpe", "Maximize"), Objective("maxDrawdown", "Minimize")), (Dimension("fast", "Int", 2, 9, 1),)
)
TRIALS = [
    Trial(0, {"fast": 2}, "Complete", values=(1.0, 0.1)),
    Trial(1, {"fast": 3}, "Complete", values=(2.0, 0.3)),
    Trial(2, {"fast": 4}, "Complete", values=(0.5, 0.2)),
    Trial(3, {"fast": 5}, "Failed", reason="StrategyFailed"),
]


class Store:
    """One that counts how often it is asked, and that may have nothing or be away."""

    def __init__(self, wrong=None):
        self.asked = 0
        self.wrong = wrong

    def trials(self, key, *, tables):
        assert not tables
        self.asked += 1
        if self.wrong:
            raise self.wrong
        return TRIALS


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def job():
    return Job("a", {"metadata": {"name": "a"}, "spec": {"sampler": {"name": "TPE"}}}, 4, 0)


async def test_trials_are_read_again_where_the_study_stands_differently_and_not_else(tmp_path, job):
    store = Store()
    tried = Tried(store, Shelf(tmp_path))
    for _ in range(3):
        assert await tried.trials(job) == TRIALS
    assert store.asked == 1
    job.stand(Standing(complete=3, failed=1), None)
    await tried.trials(job)
    assert store.asked == 2
    tried.forget(job.id)
    await tried.trials(job)
    assert store.asked == 3


async def test_a_study_that_has_neither_trials_nor_results_has_none(tmp_path, job):
    assert await Tried(Store(StudyNotFound("a")), Shelf(tmp_path)).trials(job) == []


async def test_a_store_that_is_away_is_not_taken_for_one_without_trials(tmp_path, job):
    with pytest.raises(ArchiveUnavailable):
        await Tried(Store(ArchiveUnavailable("nobody answers")), Shelf(tmp_path)).trials(job)


async def test_the_front_is_of_all_objectives_and_has_a_knee(tmp_path, job):
    found = await Tried(Store(), Shelf(tmp_path)).front(job, PLANNED)
    assert [one["number"] for one in found.trials] == [1, 0]
    assert (found.knee, found.final) == (0, False)


async def test_the_best_of_what_is_to_be_small_are_the_smallest():
    fewest = Planned(4, (Objective("sharpe", "Minimize"),), PLANNED.space)
    assert [one.number for one in page(TRIALS, fewest, None, "best", 0, 10)[1]] == [2, 0, 1, 3]
    assert page(TRIALS, fewest, "Complete", "newest", 1, 1) == (3, [TRIALS[1]])
