"""Requests that schemathesis draws from the OpenAPI document, sound and not: none is answered with anything but what the document says."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS


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


LEFT_OUT = {"positive_data_acceptance"}
"""Columns that are not equally long, and shorter bars that are longer, are refused though the document cannot say so."""


def probe(address, examples):
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        for mode in GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)
            _draw(strategy, checks, address, examples)
    return len(operations)


def _draw(strategy, checks, address, examples):
    import hypothesis  # noqa: PLC0415

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @hypothesis.given(strategy)
    def asks(case):
        case.call_and_validate(base_url=address, checks=checks, timeout=60)

    asks()


def test_what_it_answers_is_what_its_document_says(asked):
    with served(asked) as address:
        assert probe(address, examples=8) == 7


@pytest.mark.soak
def test_what_it_answers_is_what_its_document_says_over_many_requests(asked):
    with served(asked) as address:
        assert probe(address, examples=1_000) == 7
