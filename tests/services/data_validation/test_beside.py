"""The process beside the service's."""

import os

import pytest

from data_validation.beside import Beside
from tidewright.serving.failures import Failure

pytestmark = pytest.mark.anyio


@pytest.fixture
def beside():
    process = Beside()
    yield process
    process.close()


async def test_work_is_done_in_another_process(beside):
    assert await beside.run(os.getpid) not in {os.getpid(), None}


async def test_where_it_is_killed_whoever_waits_is_told_and_the_next_has_another(beside):
    with pytest.raises(Failure, match="was killed"):
        await beside.run(os._exit, 9)

    assert await beside.run(abs, -3) == 3


async def test_what_the_work_raises_is_raised_here(beside):
    with pytest.raises(ZeroDivisionError):
        await beside.run(divmod, 1, 0)
