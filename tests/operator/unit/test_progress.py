"""How far workers are, looked up beside everything else."""

import asyncio
from datetime import UTC, datetime

import pytest

from tidewright.adapters.progress_board import MemoryProgress
from tidewright_operator.progress import MOST, ProgressWatch, Told, board_at

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def anyio_backend():
    return "asyncio"


class World:
    def __init__(self):
        self.board, self.changed = MemoryProgress(), []
        self.watch = ProgressWatch(self.board, lambda *whose: self.changed.append(whose), lambda: NOON)

    async def told(self, percent, eta=None, details=None, key="research/job"):
        await self.board.tell(key, percent, eta, details)
        await self.watch.look(self.board)
        return self.watch.of(key, "BacktestRun", "research", "run")


async def test_what_a_worker_tells_is_known_after_a_look():
    its = World()
    assert its.watch.of("research/job", "BacktestRun", "research", "run") is None
    assert await its.told(42.7, 90) == Told(42, "2026-01-31T12:01:30Z")
    assert its.changed == [("BacktestRun", "research", "run")]


async def test_only_another_percent_is_something_new():
    its = World()
    its.watch.of("research/job", "BacktestRun", "research", "run")
    assert await its.told(42.1, 90) == await its.told(42.9, 60)
    assert len(its.changed) == 1
    assert await its.told(43) == Told(43)
    assert len(its.changed) == 2


async def test_another_count_is_something_new_whatever_the_percent():
    its = World()
    its.watch.of("research/job", "OptimizationStudy", "research", "run")
    assert await its.told(42.1, None, {"trials": {"complete": 1}}) == Told(42, None, {"trials": {"complete": 1}})
    assert await its.told(42.2, None, {"trials": {"complete": 2}}) == Told(42, None, {"trials": {"complete": 2}})
    assert len(its.changed) == 2


@pytest.mark.parametrize(("told", "shown"), [(-5, 0), (1e9, 100)])
async def test_a_percent_is_between_none_and_all(told, shown):
    its = World()
    its.watch.of("research/job", "BacktestRun", "research", "run")
    assert (await its.told(told)).percent == shown


async def test_nobody_hears_of_work_that_nobody_asked_for_or_that_has_ended():
    its = World()
    assert await its.told(10) is None
    await its.watch.look(its.board)
    its.watch.forget("research/job")
    assert await its.told(20) is None
    assert len(its.changed) == 1


async def test_what_is_watched_is_bounded():
    its = World()
    for number in range(MOST + 1):
        its.watch.of(f"research/{number}", "BacktestRun", "research", str(number))
        await its.board.tell(f"research/{number}", 1, None)
    await its.watch.look(its.board)
    assert len(its.changed) == MOST
    assert ("BacktestRun", "research", "0") not in its.changed


async def test_where_there_is_no_board_nothing_is_known_and_nothing_runs():
    watch = ProgressWatch(None)
    assert watch.of("research/job", "BacktestRun", "research", "run") is None
    async with asyncio.timeout(5):
        await watch.run()


def test_a_url_that_names_no_redis_is_logged_and_that_is_all(caplog):
    assert board_at("") is None
    assert board_at("http://elsewhere") is None
    assert "nobody is asked how far workers are: the streams' URL" in caplog.text
