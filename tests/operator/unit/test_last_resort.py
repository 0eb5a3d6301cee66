"""A part that fails ends the process, also where the others do not end with it."""

import asyncio
import threading

import pytest

from tidewright_operator.last_resort import or_end


async def fails():
    raise RuntimeError("lost")


def test_a_part_that_fails_ends_the_process_after_a_while():
    ended, told, codes = threading.Event(), [], []

    def end(code):
        codes.append(code)
        ended.set()

    with pytest.raises(RuntimeError, match="lost"):
        asyncio.run(or_end(fails(), lambda: told.append("condemned"), patience=0.01, end=end))

    assert ended.wait(10)
    assert (told, codes) == (["condemned"], [1])


def test_a_part_that_is_cancelled_does_not():
    told = []

    async def scene():
        task = asyncio.create_task(or_end(asyncio.Event().wait(), lambda: told.append("condemned")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    assert told == []
