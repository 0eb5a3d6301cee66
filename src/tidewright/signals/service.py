"""The use case: what a strategy says, now and before."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from tidewright.domain.bars import Market
from tidewright.domain.live import LiveSignal, Provenance
from tidewright.domain.live_history import LiveHistory
from tidewright.domain.strategies.step import is_step
from tidewright.ports import Clock
from tidewright.runs.strategies import ResolvedStrategy
from tidewright.serving.failures import Failure, Kind
from tidewright.signals.figures import Figures
from tidewright.signals.follower import Follower

CHUNK = 500
"""The most signals that are handed over at once."""

_EVER = 2**62


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest signal, what it was made of, and how many bars should have closed since but have not arrived."""

    signal: LiveSignal
    provenance: Provenance
    overdue: int


@dataclass(frozen=True, slots=True)
class Said:
    """Consecutive signals of one symbol, and what they were made of. `following` is the open time of the bar after them, None where there is none yet."""

    signals: list[LiveSignal]
    provenance: Provenance
    following: int | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """One market as it stands: its history, or the reason why there are no signals of it."""

    market: Market
    history: LiveHistory | None
    problem: str


class SignalService:
    """Answers from the histories of its followers, one for each of the strategy's symbols."""

    def __init__(
        self, name: str, strategy: ResolvedStrategy, followers: Mapping[str, Follower], clock: Clock, figures: Figures
    ) -> None:
        self.name = name
        self.strategy = strategy
        self.followers = followers
        self._clock = clock
        self._figures = figures
        self._changed = asyncio.Event()
        self._stopping = False

    @property
    def asked_bar_by_bar(self) -> bool:
        """Whether the strategy decides with its position, so that of it only columns can be served."""
        return is_step(self.strategy.strategy)

    def served(self) -> list[Served]:
        """Every market as it stands."""
        return [
            Served(follower.market, follower.history, follower.trouble.detail if follower.trouble else "")
            for follower in self.followers.values()
        ]

    def newest(self, symbol: str = "", *, columns_only: bool = False) -> Newest:
        """The newest signal. Raises Failure."""
        history = self._history(symbol, columns_only=columns_only)
        signal = history.newest_signal
        overdue = max(self._clock.now() - signal.close_time, 0) // signal.step
        self._figures.served([signal])
        return Newest(signal.without_events() if columns_only else signal, history.provenance, overdue)

    def said(self, symbol: str, start: int, end: int = _EVER, most: int = CHUNK, *, columns_only: bool = False) -> Said:
        """The first signals, at most so many, of the bars that open in [start, end), times in milliseconds. Raises Failure."""
        history = self._history(symbol, columns_only=columns_only)
        rows = history.rows(start, end)
        signals = [history.signal(row) for row in rows[:most]]
        self._figures.served(signals)
        following = int(history.bars.time[rows[most]]) if len(rows) > most else None
        if columns_only:
            signals = [signal.without_events() for signal in signals]
        return Said(signals, history.provenance, following)

    async def stream(
        self, symbols: Sequence[str], start: int | None, *, columns_only: bool = False
    ) -> AsyncIterator[Said]:
        """Signals from `start` (None: the newest bar of each) on, each once, then each as it becomes known, until the service stops.

        A symbol of which nothing can be said is waited for. Raises Failure.
        """
        named = list(dict.fromkeys(symbols or self.followers))
        for symbol in named:
            self._check(symbol, columns_only=columns_only)
        following: dict[str, int | None] = dict.fromkeys(named, start)
        while True:
            changed = self._changed
            for symbol in named:
                async for said in self._unsent(symbol, following, columns_only=columns_only):
                    yield said
            if self._stopping:
                raise Failure(
                    Kind.UNAVAILABLE, "the service is stopping; open the stream again from the last bar received"
                )
            await changed.wait()

    async def _unsent(
        self, symbol: str, following: dict[str, int | None], *, columns_only: bool
    ) -> AsyncIterator[Said]:
        while (history := self.followers[symbol].history) is not None:
            start = following[symbol]
            said = self.said(symbol, history.newest if start is None else start, columns_only=columns_only)
            if not said.signals:
                return
            following[symbol] = said.signals[-1].time + 1
            yield said

    def problem(self) -> str:
        """Why nothing can be served of any market; empty where something can."""
        if any(follower.trouble is None for follower in self.followers.values()):
            return ""
        return "; ".join(follower.trouble.detail for follower in self.followers.values() if follower.trouble)

    async def work(self) -> None:
        """Follow every market until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for follower in self.followers.values():
                tasks.create_task(follower.follow(self.tell))

    def stop(self) -> None:
        """End the open streams."""
        self._stopping = True
        self.tell()

    def tell(self) -> None:
        """Wake the open streams: there is something new."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _history(self, symbol: str, *, columns_only: bool) -> LiveHistory:
        follower = self._check(symbol, columns_only=columns_only)
        if follower.history is None:
            assert follower.trouble  # noqa: S101 - one of the two
            raise Failure(follower.trouble.kind, follower.trouble.detail)
        return follower.history

    def _check(self, symbol: str, *, columns_only: bool) -> Follower:
        known = ", ".join(self.followers)
        if not symbol and len(self.followers) > 1:
            raise Failure(Kind.INVALID, f"symbol: missing; name one of {known}")
        follower = self.followers.get(symbol) if symbol else next(iter(self.followers.values()))
        if follower is None:
            raise Failure(Kind.NOT_FOUND, f"symbol: {symbol[:80]!r}: {self.name} trades {known}; name one of these")
        if self.asked_bar_by_bar and not columns_only:
            raise Failure(
                Kind.PRECONDITION,
                f"{self.name} is asked bar by bar and decides with its position, which this service does not know; "
                "ask for columns only",
            )
        return follower
