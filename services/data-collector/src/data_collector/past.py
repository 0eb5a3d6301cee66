"""What an exchange knows of the past of one lane, as messages: the trades of a symbol, or the bars of a market."""

from typing import Any, NamedTuple, Protocol

from data_collector.api import PAGE, BinanceApi
from data_collector.exchange_time import ExchangeTime
from data_collector.messages import Bar, Garbled, Trade
from data_collector.sequence import Answer, Placed
from tidewright.domain.bars import Market
from tidewright.domain.quality.rules import LEAD
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Message
from tidewright.wire.market_data import StreamedBar, StreamedTrade, bar_event, trade_event

EXCHANGE = "binance"

LATE = 2_000
"""How long after its end a bar is waited for, in milliseconds of the exchange's time."""


class Newest(NamedTuple):
    """A position that there is by now, and when it came to be."""

    at: int
    time: int


class Past(Protocol):
    """Everything raises Unavailable, Rejected, Garbled and UnknownSymbol."""

    step: int
    free: bool
    """Whether looking for the newest costs no request."""

    async def first(self, time: int) -> int:
        """Where the lane begins for whoever wants it from a time on."""
        ...

    async def newest(self) -> Newest | None: ...

    async def since(self, at: int) -> Answer[Message]: ...

    def message(self, told: Any) -> Message:  # noqa: ANN401 - a Trade or a Bar, each of its own lane
        """What has been told of, as it is published: received now, by the exchange's time. Raises Garbled for what would be a day later than that."""
        ...


class TradePast:
    """The trades of a symbol, by their ids."""

    step = 1
    free = False

    def __init__(self, api: BinanceApi, symbol: str, time: ExchangeTime) -> None:
        self._api, self._symbol, self._time = api, symbol, time

    async def first(self, time: int) -> int:
        first = await self._api.first_trade(self._symbol, time)
        if first is None:
            newest = await self.newest()
            return newest.at + 1 if newest else 0
        return first

    async def newest(self) -> Newest | None:
        trade = await self._api.newest_trade(self._symbol)
        return Newest(trade.id, trade.time) if trade else None

    async def since(self, at: int) -> Answer[Message]:
        trades = await self._api.trades(self._symbol, at)
        found = [Placed(trade.id, self.message(trade)) for trade in trades]
        return Answer(at, found, found[-1].at + 1 if found else at, complete=len(trades) < PAGE)

    def message(self, told: Trade) -> Message:
        return trade_event(
            StreamedTrade(EXCHANGE, self._symbol, *told, received=_received(told.time, self._time.now()))
        )


class BarPast:
    """The bars of a market, by their open times; one that is not over does not exist yet."""

    free = True

    def __init__(self, api: BinanceApi, market: Market, time: ExchangeTime) -> None:
        self._api, self._market, self._time = api, market, time
        self._over: int | None = None
        self.step = milliseconds(market.timeframe)

    async def first(self, time: int) -> int:
        """With the bar that was over by then: whoever died before it closed has not published it."""
        return time - time % self.step - self.step

    async def newest(self) -> Newest | None:
        closed = self._time.now() - LATE
        closed -= closed % self.step
        return Newest(closed - self.step, closed)

    async def since(self, at: int) -> Answer[Message]:
        # Asked before the bars, so that what is over by then was over when they were told, however long either question waits. Bars that
        # could not be had are asked for again by the same time: two answers in a row are not had where many are refused.
        if self._over is None:
            self._over = await self._api.time() - LATE - self.step
        bars = await self._api.bars(self._market.symbol, self._market.timeframe, at)
        over, self._over = self._over, None
        closed = [bar for bar in bars if bar.time <= over]
        found = [Placed(bar.time, self.message(bar)) for bar in closed]
        told = found[-1].at + self.step if found else at
        if len(closed) < len(bars):
            told = bars[len(closed)].time
        return Answer(at, found, told, complete=len(bars) < PAGE)

    def message(self, told: Bar) -> Message:
        received = _received(told.time + self.step, self._time.now())
        return bar_event(StreamedBar(self._market, told.time, told.values, received))


def _received(time: int, now: int) -> int:
    if time - now > LEAD:
        raise Garbled(f"{time} is over a day after it was received, at {now}")
    return now
