"""Tests of the signal service run in a loop of asyncio."""

import pytest


@pytest.fixture
def anyio_backend():
    return "asyncio"
