"""Raw messages as a collector publishes them: sound ones, and any other."""

import asyncio

import numpy as np

from tidewright.domain.bars import Bars, Market
from tidewright.wire.market_data import StreamedBar, StreamedTrade, bar_event, history_events, trade_event

MINUTE = 60_000
HOUR = 60 * MINUTE
DAWN = 1_704_067_200_000
"""2024-01-01T00:00:00Z."""

BTC = Market("binance", "BTC/USDT", "1m")


class StoppedClock:
    """A `Clock` that stands still; sleeping takes no time and is counted."""

    def __init__(self, time):
        self.time = time
        self.slept = []

    def now(self):
        return self.time

    async def sleep(self, milliseconds):
        self.slept.append(milliseconds)
        await asyncio.sleep(0)

    async def never(self):
        await asyncio.Event().wait()


def trade(number, *, price=None, quantity=0.5, time=None, symbol="BTC/USDT", received=None):
    """The trade of a number: one a second from dawn on, its price swinging a little."""
    at = DAWN + number * 1_000 if time is None else time
    value = 42_000.0 + number % 7 * 0.5 if price is None else price
    told = StreamedTrade(
        "binance", symbol, number, at, value, quantity, number % 2 == 0, at + 5 if received is None else received
    )
    return trade_event(told)


def values_of(number):
    swing = 42_000.0 + number % 3
    return (swing, swing + 2, swing - 2, swing + 1, 1.0 + number % 5)


def bar(number, *, market=BTC, values=None, time=None):
    """The minute of a number from dawn on."""
    at = DAWN + number * MINUTE if time is None else time
    return bar_event(StreamedBar(market, at, values or values_of(number), at + MINUTE + 40))


def bars(count, *, market=BTC, first=0):
    table = np.array([values_of(number) for number in range(first, first + count)]).T
    return Bars(DAWN + np.arange(first, first + count) * MINUTE, *table, step=MINUTE, market=market)


def history(of, backfill="b1"):
    return list(history_events(of, backfill))
