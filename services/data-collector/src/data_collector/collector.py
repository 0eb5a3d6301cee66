"""The use case: which symbols are collected, and how that goes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from data_collector.api import REFUSALS, BinanceApi
from data_collector.budget import Budget
from data_collector.connection import Habits, Line
from data_collector.exchange_time import ExchangeTime
from data_collector.figures import Figures
from data_collector.lane import PATIENCE, Lane, Terms
from data_collector.lines import Lines
from data_collector.messages import PushedKline, PushedTrade
from data_collector.onlookers import Onlookers
from data_collector.outbox import Outbox
from data_collector.status import Status
from data_collector.symbol import CollectedSymbol, Plan, Surroundings
from tidewright.adapters.exchange.http import Pace
from tidewright.ports import Clock, Streams
from tidewright.serving.logs import logger
from tidewright.wire.topology import RAW_BARS, RAW_TRADES

_LOOK = 0.25
_ASKED_AT_ONCE = 4
_BARS_WAIT = 2_000
_BAR_LOOK = 1.0
_LATE = 5_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, and how long is waited: `queue` messages of a topic before they are published, `waiting` of a lane for what is before them.

    `quiet` is how many seconds a symbol may be without a trade before the exchange is asked whether there was one; `measure` how often it is asked for its time.
    """

    queue: int = 100_000
    waiting: int = 10_000
    quiet: float = 30.0
    measure: float = 30.0


class Collector:
    """Collects while `work` runs; symbols may be added and removed at any time."""

    def __init__(
        self,
        plan: Plan,
        bounds: Bounds,
        habits: Habits,
        api: BinanceApi,
        budget: Budget,
        streams: Streams,
        time: ExchangeTime,
        clock: Clock,
        pace: Pace,
        figures: Figures,
        onlookers: Onlookers,
    ) -> None:
        lanes: dict[str, Lane] = {}
        outboxes = {
            topic.name: Outbox(streams, topic.name, lanes, bounds.queue, figures, pace, onlookers.tell)
            for topic in (RAW_TRADES, RAW_BARS)
        }
        terms = {
            RAW_TRADES.name: Terms(figures, pace, asyncio.Semaphore(_ASKED_AT_ONCE), bounds.waiting, bounds.quiet),
            RAW_BARS.name: Terms(figures, pace, asyncio.Semaphore(_ASKED_AT_ONCE), _BARS_WAIT, _BAR_LOOK),
        }
        self._around = Surroundings(api, streams, time, clock, figures, pace, outboxes, terms, lanes)
        self._plan = plan
        self._bounds = bounds
        self._habits = habits
        self._budget = budget
        self._collected: dict[str, CollectedSymbol] = {}
        self._by_name: dict[str, CollectedSymbol] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        self._start: Callable[[CollectedSymbol], None] = lambda collected: None
        self._lines: Lines | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._collected)

    async def work(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            lines = self._lines = Lines(self._line, tasks)

            def start(collected: CollectedSymbol) -> None:
                before = self._working.get(collected.symbol)
                self._working[collected.symbol] = tasks.create_task(_after(before, collected.collect(lines)))

            for outbox in self._around.outboxes.values():
                tasks.create_task(outbox.run())
            await self._learn_time()
            tasks.create_task(self._keep_time())
            tasks.create_task(self._watch())
            self._start = start
            for collected in self._collected.values():
                start(collected)

    async def check(self, symbol: str) -> None:
        """Raises UnknownSymbol, Unavailable, Rejected and Garbled."""
        await self._around.api.check(symbol)

    def add(self, symbol: str) -> None:
        """Collect a symbol from now on; one that is collected already is left alone."""
        if symbol not in self._collected:
            collected = self._collected[symbol] = CollectedSymbol(symbol, self._plan, self._around)
            self._by_name[collected.name] = collected
            self._start(collected)

    def remove(self, symbol: str) -> bool:
        """Collect a symbol no longer; whether it was collected."""
        collected = self._collected.pop(symbol, None)
        if collected is None:
            return False
        del self._by_name[collected.name]
        if symbol in self._working:
            self._working[symbol].cancel()
        return True

    def status(self) -> Status:
        queued = {topic: len(outbox) for topic, outbox in self._around.outboxes.items()}
        symbols = tuple(collected.status() for collected in self._collected.values())
        return Status(symbols, self._around.time.skew, queued, self._budget.used, self.problem())

    def problem(self) -> str:
        """Why not everything is collected and published; empty where it is."""
        troubles = [f"{topic}: {outbox.trouble}" for topic, outbox in self._around.outboxes.items() if outbox.trouble]
        troubles += [f"{one.symbol}: {one.problem}" for one in self._collected.values() if one.problem]
        return next(iter(troubles), "")

    def heard(self, event: PushedTrade | PushedKline) -> None:
        """The exchange has pushed this. Raises Garbled."""
        collected = self._by_name.get(event.s)
        if collected is not None:
            collected.heard(event)

    def _line(self) -> Line:
        return Line(self._habits, self.heard, self._around.figures, self._around.pace)

    async def _learn_time(self) -> None:
        """Without the exchange's time nobody knows what day it is there."""
        failures = 0
        while not await self._measure_time():
            await self._around.pace.sleep(PATIENCE.pause(failures, self._around.pace.draw()))
            failures += 1

    async def _keep_time(self) -> None:
        while True:
            await self._around.pace.sleep(self._bounds.measure)
            await self._measure_time()

    async def _measure_time(self) -> bool:
        clock = self._around.clock
        sent = clock.now()
        try:
            told = await self._around.api.time()
        except REFUSALS as error:
            logger().warning("the exchange does not tell its time", reason=str(error))
            return False
        self._around.time.measured(told, sent, clock.now())
        return True

    async def _watch(self) -> None:
        """Looks after lanes that should have heard something, and sets the levels."""
        looking: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                looking = {name: task for name, task in looking.items() if not task.done()}
                for collected in self._collected.values():
                    for lane in collected.lanes.values():
                        if lane.due() and lane.name not in looking:
                            looking[lane.name] = tasks.create_task(self._look(collected, lane))
                self._measure_levels()
                await self._around.pace.sleep(_LOOK)

    async def _look(self, collected: CollectedSymbol, lane: Lane) -> None:
        """Asks a lane to look; where its line should have told long ago, that is replaced."""
        missed = await lane.look()
        line = collected.line
        if missed is None or line is None or line.age is None:
            return
        since = self._around.time.now() - missed.time
        if _LATE < since < line.age * 1_000:
            logger().warning("the exchange did not tell", lane=lane.name, at=missed.at)
            line.renew()

    def _measure_levels(self) -> None:
        around, figures = self._around, self._around.figures
        figures.connections.set(sum(line.connected is not None for line in self._lines or ()))
        figures.weight.set(self._budget.used)
        if around.time.skew:
            figures.skew.set(around.time.skew.offset / 1_000)
        for topic, outbox in around.outboxes.items():
            lanes = [lane for lane in around.lanes.values() if lane.topic == topic]
            figures.queued.labels(topic).set(len(outbox))
            figures.missing.labels(topic).set(_count(lane.sequence.behind for lane in lanes))
            figures.waiting.labels(topic).set(_count(lane.sequence.waiting for lane in lanes))


async def _after(before: "asyncio.Task[None] | None", work: Awaitable[None]) -> None:
    """The work, once another has ended."""
    if before is not None:
        await asyncio.wait((before,))
    await work


def _count(values: Iterable[int]) -> int:
    return sum(values)
