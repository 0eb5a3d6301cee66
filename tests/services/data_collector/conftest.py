"""A tape, and streams to publish it to."""

import pytest
from collecting import TRADES, Published
from exchange_tapes import record, trade

from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def tape(tmp_path):
    """Three thousand trades of five minutes and six seconds: the exchange's time stands still at the end, and by then the fifth bar is over for good."""
    told = [
        (number * 102, trade(number, number * 102, f"{100 + number % 7}.50", f"0.{number:05d}", maker=number % 3 == 0))
        for number in range(1, TRADES + 1)
    ]
    return [record(tmp_path / "recording", *told)]


@pytest.fixture
def streams():
    return MemoryStreams(MemoryServer())


@pytest.fixture
def published(streams):
    return Published(streams.server)
