"""Finished runs and the book that they go into."""

import asyncio

import pytest
from backtest_host import SPEC, asked

from backtest_engine import bookkeeping
from backtest_engine.bookkeeping import Bookkeeping
from tidewright.adapters.run_books import MemoryRunBook
from tidewright.ports import ArchiveUnavailable


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_a_run_is_booked_and_found_there_when_its_folder_is_gone(tmp_path):
    with asked(tmp_path / "results", database="memory:") as service:
        run = service.post().json()
        service.until(lambda: service.rest.get("/runs").json())
        (tmp_path / "results" / run["id"] / "result.json").unlink()
        (row,) = service.rest.get("/runs", params={"by": "sharpe", "strategy": "MovingAverageCross"}).json()
        record = service.rest.get(f"/runs/{run['id']}").json()
    assert (row["id"], row["digest"]) == (run["id"], run["result"]["provenance"]["digest"])
    assert row["figures"]["sharpe"] == run["result"]["figures"]["sharpe"]
    assert record["provenance"] == run["result"]["provenance"]
    assert record["spec"]["seed"] == SPEC["seed"]


class Away(MemoryRunBook):
    """Away for the first few times, and then back."""

    def __init__(self, times):
        super().__init__()
        self.left, self.saved = times, asyncio.Event()

    async def save(self, run):
        if self.left:
            self.left -= 1
            raise ArchiveUnavailable("nobody is there")
        self.saved.set()
        return True


@pytest.mark.anyio
async def test_what_cannot_be_booked_waits_until_the_book_is_back(monkeypatch):
    monkeypatch.setattr(bookkeeping, "_FIRST_PAUSE", 0.001)
    book = Away(3)
    read = []
    keeping = Bookkeeping(book, lambda run: read.append(run) or run)
    working = asyncio.create_task(keeping.work())
    keeping.note("gone")
    await book.saved.wait()
    working.cancel()
    assert read == ["gone"] * 4


@pytest.mark.anyio
async def test_no_more_wait_than_there_is_room_for():
    keeping = Bookkeeping(Away(1), lambda run: None, most=2)
    for run in ("a", "b", "c"):
        keeping.note(run)
    assert list(keeping._waiting) == ["a", "b"]
