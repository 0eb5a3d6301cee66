"""A stretch of stored bars lived through bar by bar, in no time, with restarts in the middle."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from tidewright.adapters.store_feed import StoreFeed
from tidewright.domain.bars import Market
from tidewright.domain.live import LiveSignal
from tidewright.domain.live_history import LiveHistory
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Anchors, BarStore
from tidewright.runs.strategies import ResolvedStrategy
from tidewright.serving.metrics import Metrics
from tidewright.signals.figures import Figures
from tidewright.signals.follower import Follower


class JumpingClock:
    """A `Clock` whose time passes only while somebody sleeps, and then at once."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    async def sleep(self, milliseconds: int) -> None:
        self._now += milliseconds


@dataclass(frozen=True, slots=True)
class Lived:
    """What was said at the close of each bar, when that bar was the newest; the history at the end, and how many restarts there were."""

    signals: tuple[LiveSignal, ...]
    history: LiveHistory
    restarts: int


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay of what `store` has, with anchors that survive the restarts."""

    strategy: ResolvedStrategy
    store: BarStore
    anchors: Anchors
    executor: Executor

    async def live(self, market: Market, start: int, end: int, restarts: int) -> Lived:
        """Follow `market` through the bars that open in [start, end), milliseconds, with so many restarts spread evenly over it.

        Raises Failure where nothing can be said at some bar, and ValueError for a period without time for any.
        """
        step = milliseconds(market.timeframe)
        clock = JumpingClock(start + step)
        feed = StoreFeed(self.store, clock, delay=0, poll=step)
        pending, done = _restart_times(start, end, restarts), 0
        upcoming = next(pending, end)
        follower = self._started(market, feed, clock)
        signals: dict[int, LiveSignal] = {}
        while clock.now() <= end:
            if clock.now() > upcoming:
                follower, done, upcoming = self._started(market, feed, clock), done + 1, next(pending, end)
            await follower.refresh()
            if follower.history is None:
                raise follower.trouble or RuntimeError("neither history nor trouble")
            newest = follower.history.newest_signal
            if newest.time >= start:
                signals.setdefault(newest.time, newest)
            await clock.sleep(step)
        if follower.history is None:
            raise ValueError("no bar can open and close in the period; let it end later")
        return Lived(tuple(signals.values()), follower.history, done)

    def _started(self, market: Market, feed: StoreFeed, clock: JumpingClock) -> Follower:
        figures = Figures(Metrics())
        return Follower(self.strategy, market, feed, self.anchors, clock, self.executor, figures)


def _restart_times(start: int, end: int, restarts: int) -> Iterator[int]:
    for part in range(1, restarts + 1):
        yield start + (end - start) * part // (restarts + 1)
