"""An exchange on loopback, and a clock that only moves when somebody waits."""

import pytest
from fake_binance import FakeBinance, at

from tidewright.adapters.exchange.http import Pace


class Clock:
    """Waiting is remembered and takes no time."""

    def __init__(self):
        self.time = 0.0
        self.waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.time += seconds

    @property
    def pace(self):
        return Pace(now=lambda: self.time, sleep=self.sleep, draw=lambda: 1.0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def binance():
    with FakeBinance(now=at("2025-03-10T12:34:56"), listed=at("2023-11-20T04:00:00")) as server:
        yield server
