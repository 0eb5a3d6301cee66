"""One symbol: its lanes, from where they go on to what the exchange tells."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from data_collector.api import REFUSALS, BinanceApi
from data_collector.connection import Line
from data_collector.exchange_time import ExchangeTime
from data_collector.figures import Figures
from data_collector.lane import PATIENCE, Lane, Terms
from data_collector.lines import Lines
from data_collector.messages import PushedKline, PushedTrade, pushed_bar, pushed_trade
from data_collector.outbox import Outbox
from data_collector.past import EXCHANGE, BarPast, Past, TradePast
from data_collector.status import LaneStatus, SymbolStatus
from tidewright.adapters.exchange.binance import binance_symbol
from tidewright.adapters.exchange.http import Pace
from tidewright.adapters.exchange.source import UnknownSymbol
from tidewright.domain.bars import Market
from tidewright.domain.timeframe import DAY
from tidewright.ports import Clock, Streams, StreamUnavailable
from tidewright.serving.logs import logger
from tidewright.wire.topology import RAW_BARS, RAW_TRADES, market_lane

TRADES = ""
"""The timeframe of the lane of trades."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is collected of every symbol, and from where on if the streams have nothing of it yet: the beginning of the exchange's day in UTC, or this moment."""

    timeframes: tuple[str, ...]
    trades: bool = True
    start: Literal["today", "now"] = "today"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all symbols share; `outboxes` and `terms` are by topic, `lanes` are all that are at work."""

    api: BinanceApi
    streams: Streams
    time: ExchangeTime
    clock: Clock
    figures: Figures
    pace: Pace
    outboxes: Mapping[str, Outbox]
    terms: Mapping[str, Terms]
    lanes: dict[str, Lane]


class CollectedSymbol:
    """`lanes` are by timeframe; there are none, and there is no `line`, before it is known where they go on."""

    def __init__(self, symbol: str, plan: Plan, around: Surroundings) -> None:
        self.symbol = symbol
        self.name = binance_symbol(symbol)
        self.lanes: dict[str, Lane] = {}
        self.line: Line | None = None
        self._plan = plan
        self._around = around
        self._trouble = "it has not begun yet"
        self._lag: float | None = None

    @property
    def streams(self) -> list[str]:
        """What is subscribed to."""
        kinds = ["trade"] if self._plan.trades else []
        kinds += [f"kline_{timeframe}" for timeframe in self._plan.timeframes]
        return [f"{self.name.lower()}@{kind}" for kind in kinds]

    @property
    def problem(self) -> str:
        """Why not everything is collected; empty where it is."""
        line = self.line.trouble if self.line else ""
        return next(filter(None, (self._trouble, line, *(lane.trouble for lane in self.lanes.values()))), "")

    def status(self) -> SymbolStatus:
        lanes = tuple(_lane_status(timeframe, lane) for timeframe, lane in self.lanes.items())
        return SymbolStatus(self.symbol, self.problem, self._lag, self.line.age if self.line else None, lanes)

    async def collect(self, lines: Lines) -> None:
        """For ever."""
        try:
            self.lanes = await self._begun()
            self._around.lanes.update((lane.name, lane) for lane in self.lanes.values())
            self.line = lines.add(self.streams)
            async with asyncio.TaskGroup() as tasks:
                for lane in self.lanes.values():
                    tasks.create_task(lane.keep_whole())
        finally:
            if self.line is not None:
                lines.remove(self.line, self.streams)
            for lane in self.lanes.values():
                self._around.lanes.pop(lane.name, None)
                self._around.outboxes[lane.topic].forget(lane.name)

    def heard(self, event: PushedTrade | PushedKline) -> None:
        """The exchange has pushed this. Raises Garbled."""
        around = self._around
        skew = around.time.skew
        self._lag = around.clock.now() + (skew.offset if skew else 0.0) - event.E
        if isinstance(event, PushedTrade):
            around.figures.heard("trade", self._lag)
            trade = pushed_trade(event, self.symbol)
            self._pass_on(TRADES, trade.id, trade)
        else:
            around.figures.heard("kline", self._lag)
            bar = pushed_bar(event, self.symbol)
            if event.closed:
                self._pass_on(event.k.i, bar.time, bar)
        around.time.seen(event.E)

    def _pass_on(self, timeframe: str, at: int, told: object) -> None:
        lane = self.lanes.get(timeframe)
        if lane is not None:
            lane.heard(at, lane.past.message(told))

    async def _begun(self) -> dict[str, Lane]:
        """The lanes, from where each goes on, however long it takes to find out."""
        failures = 0
        while True:
            try:
                lanes = {TRADES: await self._trades()} if self._plan.trades else {}
                lanes |= {timeframe: await self._bars(timeframe) for timeframe in self._plan.timeframes}
            except (*REFUSALS, UnknownSymbol, StreamUnavailable) as error:
                if self._trouble != str(error):
                    logger().warning("cannot begin yet", symbol=self.symbol, reason=str(error))
                self._trouble = str(error)
                await self._around.pace.sleep(PATIENCE.pause(failures, self._around.pace.draw()))
                failures += 1
            else:
                self._trouble = ""
                return lanes

    async def _trades(self) -> Lane:
        past = TradePast(self._around.api, self.symbol, self._around.time)
        return await self._lane(RAW_TRADES.name, market_lane(EXCHANGE, self.symbol), past)

    async def _bars(self, timeframe: str) -> Lane:
        around, market = self._around, Market(EXCHANGE, self.symbol, timeframe)
        past = BarPast(around.api, market, around.time)
        return await self._lane(RAW_BARS.name, market_lane(*market), past)

    async def _lane(self, topic: str, name: str, past: Past) -> Lane:
        around = self._around
        first, last = await self._start(past), await around.streams.last(topic, name)
        start = first if last is None else last + past.step
        around.outboxes[topic].expect(name, last)
        return Lane(name, past, around.outboxes[topic], start, min(first, start), around.terms[topic])

    async def _start(self, past: Past) -> int:
        now = self._around.time.now()
        return await past.first(now - now % DAY if self._plan.start == "today" else now)


def _lane_status(timeframe: str, lane: Lane) -> LaneStatus:
    sequence = lane.sequence
    return LaneStatus(
        timeframe,
        lane.last,
        sequence.next,
        sequence.behind,
        sequence.waiting,
        lane.gaps_found,
        lane.gaps_repaired,
        sequence.repeated,
        sequence.dropped,
        sequence.absent,
    )
