"""What an exchange knows of the past of a lane: a bar that is not over is never taken for one that is."""

import pytest
from exchange_tapes import FIRST

from data_collector.exchange_time import ExchangeTime
from data_collector.messages import Bar, Garbled, Trade
from data_collector.past import BarPast, TradePast
from tidewright.domain.bars import Market
from tidewright.domain.timeframe import DAY
from tidewright.wire.market_data import streamed_bar_of, trade_of

pytestmark = pytest.mark.anyio

MINUTE = 60_000
MARKET = Market("binance", "BTC/USDT", "1m")


class Exchange:
    """Its clock, and bars up to the one that is open; every request waits so many milliseconds for its turn before it is answered."""

    def __init__(self, waits=0):
        self.milliseconds = FIRST + 3 * MINUTE
        self.waits = waits

    def now(self):
        return self.milliseconds

    async def time(self):
        self.milliseconds += self.waits
        return self.milliseconds

    async def bars(self, symbol, timeframe, first):
        self.milliseconds += self.waits
        return [Bar(time, (1.0, 2.0, 0.5, 1.0, 9.0)) for time in range(first, self.milliseconds, MINUTE)]


def told_by(exchange):
    time = ExchangeTime(exchange)
    time.measured(exchange.now(), exchange.now(), exchange.now())
    return time


@pytest.mark.parametrize("waits", [0, 1, 25_000, 59_000, 61_000, 3_600_000])
async def test_bars_that_are_over_when_they_are_told_are_the_bars(waits):
    exchange = Exchange(waits)
    answer = await BarPast(exchange, MARKET, told_by(exchange)).since(FIRST)
    over = exchange.milliseconds - waits - 2_000
    assert [placed.at for placed in answer.found] == list(range(FIRST, over - MINUTE + 1, MINUTE))
    assert answer.told == answer.found[-1].at + MINUTE


@pytest.mark.parametrize("ahead", [27_500, MINUTE, 59 * MINUTE])
async def test_a_clock_that_is_ahead_closes_no_bar(ahead):
    exchange = Exchange()
    time = told_by(exchange)
    time.seen(exchange.now() + ahead)
    past = BarPast(exchange, MARKET, time)
    answer = await past.since(FIRST + 2 * MINUTE)
    assert (answer.found, answer.told) == ([], FIRST + 2 * MINUTE)


async def test_everything_is_received_by_the_exchanges_clock_however_wrong_this_machines_is():
    exchange = Exchange()
    time = ExchangeTime(exchange, lambda: 0.0)
    exchange.milliseconds -= 30 * DAY
    time.measured(FIRST + 5 * MINUTE, exchange.now(), exchange.now())
    bar = BarPast(exchange, MARKET, time).message(Bar(FIRST, (1.0, 2.0, 0.5, 1.0, 9.0)))
    trade = TradePast(exchange, "BTC/USDT", time).message(Trade(7, FIRST, 2.5, 0.1, buyer_is_maker=True))
    assert (streamed_bar_of(bar.data).received, trade_of(trade.data).received) == (FIRST + 5 * MINUTE,) * 2


async def test_what_would_be_a_day_later_than_it_was_received_is_garbled():
    """The validator refuses it, and nobody could ask for it again."""
    exchange = Exchange()
    time = told_by(exchange)
    time.seen(FIRST + 10 * MINUTE)
    latest = FIRST + 10 * MINUTE + DAY
    bars, trades = BarPast(exchange, MARKET, time), TradePast(exchange, "BTC/USDT", time)
    values = (1.0, 2.0, 0.5, 1.0, 9.0)
    assert bars.message(Bar(latest - MINUTE, values))
    assert trades.message(Trade(7, latest, 2.5, 0.1, buyer_is_maker=True))
    with pytest.raises(Garbled):
        bars.message(Bar(latest, values))
    with pytest.raises(Garbled):
        trades.message(Trade(7, latest + MINUTE, 2.5, 0.1, buyer_is_maker=True))
