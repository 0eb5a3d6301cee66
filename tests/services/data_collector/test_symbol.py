"""One symbol, and what the exchange pushes of it."""

import json

import pytest
from exchange_tapes import FIRST, trade

from data_collector.exchange_time import ExchangeTime
from data_collector.figures import Figures
from data_collector.messages import Garbled, pushed
from data_collector.symbol import CollectedSymbol, Plan, Surroundings
from tidewright.adapters.exchange.http import Pace
from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.serving.metrics import Metrics


class Clock:
    def now(self):
        return FIRST


@pytest.fixture
def time():
    return ExchangeTime(Clock(), lambda: 0.0)


@pytest.fixture
def symbol(time):
    streams = MemoryStreams(MemoryServer())
    around = Surroundings(None, streams, time, Clock(), Figures(Metrics()), Pace(), {}, {}, {})
    return CollectedSymbol("BTC/USDT", Plan(("1m",)), around)


def test_the_time_of_a_message_is_believed_if_the_rest_of_it_is(symbol, time):
    text = json.loads(trade(7, 60_000))
    symbol.heard(pushed(json.dumps(text)).data)
    assert time.now() == FIRST + 60_001
    text["data"] |= {"E": FIRST + 1_800_000, "p": "-1"}
    with pytest.raises(Garbled):
        symbol.heard(pushed(json.dumps(text)).data)
    assert time.now() == FIRST + 60_001
