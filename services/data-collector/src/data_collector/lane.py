"""One lane of a topic: its sequence, what feeds it, and its repair."""

import asyncio
from asyncio import Semaphore
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

from data_collector.api import REFUSALS
from data_collector.figures import Figures
from data_collector.outbox import Outbox
from data_collector.past import Newest, Past
from data_collector.sequence import Answer, Placed, Sequence
from tidewright.adapters.exchange.http import Pace, Patience
from tidewright.adapters.exchange.source import UnknownSymbol
from tidewright.ports import Message
from tidewright.serving.logs import logger

PATIENCE = Patience(first_pause=0.25, longest_pause=30.0)
_SETTLES = 0.25
"""Seconds in which messages that are only out of order have arrived."""

_ANOTHER_MOMENT = 2.0
"""Seconds after which an answer no longer comes from a server that was merely behind at the one before."""

_LONGEST_QUIET = 600.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What all lanes of a topic share.

    `places` bounds how many ask the exchange at a time, `room` what may wait in each; it is no less than a page of the exchange's answers. After `quiet` seconds without a
    message a lane looks whether there should have been one.
    """

    figures: Figures
    pace: Pace
    places: Semaphore
    room: int
    quiet: float


class Lane:
    """`name` is that of the streams. Everything that it is told is in the lane's own positions.

    It goes on at `start`; should the streams lose all of it, it begins again at `first`, so that what was published before this process began is not lost either.
    """

    def __init__(self, name: str, past: Past, outbox: Outbox, start: int, first: int, terms: Terms) -> None:
        self.name = name
        self.topic = outbox.topic
        self.past = past
        self.trouble = ""
        self.gaps_found = 0
        self.gaps_repaired = 0
        self.sequence: Sequence[Message] = Sequence(start, past.step, terms.room)
        self._first = first
        self._outbox = outbox
        self._terms = terms
        self._torn = asyncio.Event()
        self._pause = terms.quiet
        self._look_at = terms.pace.now() + terms.quiet

    @property
    def last(self) -> int:
        """The last position that was passed on."""
        return self.sequence.next - self.past.step

    def heard(self, at: int, message: Message) -> None:
        """The exchange has pushed this."""
        self._pause = self._terms.quiet
        self._look_at = self._terms.pace.now() + self._pause
        if self._outbox.overflowed:
            self.sequence.reach(at)
        else:
            self._pass_on(self.sequence.offer(at, message))
        self._notice()

    def rewind(self, to: int) -> None:
        self.sequence.rewind(to)
        self._notice()

    def rewind_after(self, last: int | None) -> None:
        self.rewind(self._first if last is None else last + self.past.step)

    def due(self) -> bool:
        """Whether it is time to look for what should have come."""
        return not self.sequence.behind and self._terms.pace.now() >= self._look_at

    async def look(self) -> Newest | None:
        """What should have come and has not, if anything; it is then missing. Looks that cost something, or lead to nothing, become ever more seldom."""
        try:
            async with self._terms.places:
                newest = await self.past.newest()
        except (*REFUSALS, UnknownSymbol) as error:
            self.trouble, newest = str(error), None
        overdue = newest is not None and newest.at >= self.sequence.next
        if overdue or not self.past.free:
            self._pause = min(2 * self._pause, _LONGEST_QUIET)
        self._look_at = self._terms.pace.now() + self._pause
        if newest is None or not overdue:
            return None
        self.sequence.reach(newest.at)
        self._notice()
        return newest

    async def keep_whole(self) -> None:
        """Close gaps for ever."""
        while True:
            await self._torn.wait()
            await self._terms.pace.sleep(_SETTLES)
            if self.sequence.behind:
                await self._repair()
            if not self.sequence.behind:
                self._torn.clear()

    async def _repair(self) -> None:
        topic, figures = self._outbox.topic, self._terms.figures
        first, failures = self.sequence.next, 0
        self.gaps_found += 1
        figures.gaps_found.labels(topic).inc()
        while self.sequence.behind:
            before = self.sequence.next
            answer = await self._asked()
            if answer is not None:
                passed = self.sequence.answer(answer)
                figures.repaired.labels(topic).inc(len(passed))
                self._pass_on(passed)
            if self.sequence.next > before:
                self._pause = self._terms.quiet
            failures = 0 if self.sequence.next > before else failures + 1
            pause = PATIENCE.pause(failures - 1, self._terms.pace.draw()) if failures else 0.0
            if self.sequence.doubt:
                pause = max(pause, _ANOTHER_MOMENT)
            if pause and self.sequence.behind:
                await self._terms.pace.sleep(pause)
        if self.sequence.next > first:
            self.gaps_repaired += 1
            figures.gaps_repaired.labels(topic).inc()
            logger().info("gap repaired", lane=self.name, first=first, last=self.last)

    async def _asked(self) -> Answer[Message] | None:
        try:
            async with self._terms.places:
                await self._outbox.open()
                answer = await self.past.since(self.sequence.next)
        except (*REFUSALS, UnknownSymbol) as error:
            if not self.trouble:
                logger().warning("a gap cannot be repaired yet", lane=self.name, reason=str(error))
            self.trouble = str(error)
            return None
        self.trouble = ""
        return answer

    def _pass_on(self, passed: Iterable[Placed[Message]]) -> None:
        if passed:
            self._outbox.put([placed.item for placed in passed], perf_counter())

    def _notice(self) -> None:
        if self.sequence.behind:
            self._torn.set()
