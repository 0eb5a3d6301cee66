"""What every `ProgressBoard` promises."""

import asyncio

import pytest
from redis_for_tests import redis_for_tests

from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.progress_board import MemoryProgress, RedisProgress, progress_at
from tidewright.adapters.redis_server import RedisServer
from tidewright.ports import ToldProgress

pytestmark = pytest.mark.anyio

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def url():
    with redis_for_tests() as its:
        yield its


@pytest.fixture(params=["memory", "redis"])
async def board(request):
    if request.param == "memory":
        yield MemoryProgress()
        return
    its = RedisProgress(request.getfixturevalue("url"))
    yield its
    await its.close()


async def test_what_was_told_last_is_known(board):
    assert await board.ask("research/unknown") is None
    await board.tell("research/ma-cross", 10, 30.5)
    await board.tell("research/ma-cross", 42.5, None)
    assert await board.ask("research/ma-cross") == ToldProgress(42.5)
    await board.tell("research/ma-cross", 50, 7.5)
    assert await board.ask("research/ma-cross") == ToldProgress(50.0, 7.5)


async def test_what_its_kind_has_to_tell_beside_the_percent_is_known_too(board):
    counted = {"trials": {"complete": 7}, "best": {"trial": 3, "value": "1.2000"}}
    await board.tell("research/study", 7, 90.0, counted)
    assert await board.ask("research/study") == ToldProgress(7.0, 90.0, counted)


async def test_a_board_that_is_away_tells_nothing_and_raises_nothing():
    board = RedisProgress(NOBODY)
    await board.tell("key", 1, None)
    assert await board.ask("key") is None
    await board.close()


@pytest.mark.parametrize(
    "other",
    ["", "no JSON", "[1]", '["a", null]', "[NaN, null]", "[1, Infinity]", "{}", f'[1, 1, {{"a": "{9000 * "b"}"}}]'],
)
async def test_what_others_have_written_there_is_nothing(url, other):
    server, board = RedisServer(url), RedisProgress(url)
    await server.ask("SET", "tidewright:progress:theirs", other)
    assert await board.ask("theirs") is None
    await server.close()
    await board.close()


async def test_it_is_forgotten_after_a_while(url):
    server, board = RedisServer(url), RedisProgress(url)
    await board.tell("passing", 1, None)
    assert 0 < await server.ask("TTL", "tidewright:progress:passing") <= 3_600
    await server.close()
    await board.close()


def test_work_that_is_no_coroutine_tells_it_too(url):
    progress_at(url, "research/plain")(33)

    async def asked():
        board = RedisProgress(url)
        found = await board.ask("research/plain")
        await board.close()
        return found

    assert asyncio.run(asked()) == ToldProgress(33.0)


def test_work_goes_on_where_nobody_listens():
    tell = progress_at(NOBODY, "key")
    for percent in range(0, 100, 20):
        tell(percent)


def test_work_is_told_of_a_url_that_cannot_be_meant():
    with pytest.raises(UrlRefused):
        progress_at("http://elsewhere", "key")
