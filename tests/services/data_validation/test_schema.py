"""Requests that schemathesis draws from the OpenAPI document, sound and not: none is answered with anything but what the document says."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
from documented import probe


@contextmanager
def served(asked):
    """The service in a thread with a loop of its own: schemathesis asks from outside any."""
    address, done = [], asyncio.Event()
    started, loops = threading.Event(), []

    async def serve():
        loops.append(asyncio.get_running_loop())
        async with asked() as service:
            address.append(service.address)
            started.set()
            await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(60)
    try:
        yield address[0]
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join()


LEFT_OUT = frozenset({"positive_data_acceptance"})
"""Columns that are not equally long, and shorter bars that are longer, are refused though the document cannot say so."""


def test_what_it_answers_is_what_its_document_says(asked):
    with served(asked) as address:
        assert probe(address, examples=8, left_out=LEFT_OUT) == 7


@pytest.mark.soak
def test_what_it_answers_is_what_its_document_says_over_many_requests(asked):
    with served(asked) as address:
        assert probe(address, examples=1_000, left_out=LEFT_OUT) == 7
