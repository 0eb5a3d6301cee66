"""Streams within one process: for tests, and where all services run in one.

What is published is in a `MemoryServer`; it outlives those who are connected to it, as a server does, and can be away.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tidewright.adapters.stream_rules import (
    ABANDONED_AFTER,
    DEAD_KEPT,
    check_group,
    check_orders,
    full,
    full_of_dead,
    topic_named,
    until,
    wall_clock_ms,
)
from tidewright.ports import Backlog, DeadLetter, Delivery, LaneBehind, Message, Standing, StreamUnavailable
from tidewright.wire.topology import TOPICS, Topic

_TAILED_AT_ONCE = 1_000


class _Entry(NamedTuple):
    """A message; with a `group` it is for that one alone."""

    data: bytes
    group: str = ""


@dataclass(slots=True)
class _Given:
    """To whom a message was given last, when by the monotonic clock, and how often."""

    consumer: str
    since: float
    attempts: int


@dataclass(slots=True)
class _Group:
    """Everything up to number `given` was given to somebody; what is not acknowledged of it is `pending`, in the stream's order."""

    given: int = 0
    pending: OrderedDict[int, _Given] = field(default_factory=OrderedDict)

    @property
    def needed(self) -> int:
        """The first number that the group still has to acknowledge."""
        return next(iter(self.pending), self.given + 1)


class _Log:
    """One topic: entries by their number, which rises by one from message to message."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.entries: dict[int, _Entry] = {}
        self.first, self.next = 1, 1
        self.lanes: dict[str, int] = {}
        self.groups = {name: _Group() for name in topic.consumers}
        self.dead: deque[DeadLetter] = deque()
        self.buried = 0
        self.changed = asyncio.Event()

    def publish(self, messages: Sequence[Message], believed: Mapping[str, int]) -> int:
        for lane, order in believed.items():
            if (last := self.lanes.get(lane)) is None or last < order:
                raise LaneBehind(lane, last)
        lanes: dict[str, int] = {}
        new = []
        for lane, order, data in messages:
            last = lanes.get(lane, self.lanes.get(lane))
            if last is None or order > last:
                lanes[lane] = order
                new.append(_Entry(data))
        self.append(new)
        for lane, order in lanes.items():
            self.lanes.pop(lane, None)
            self.lanes[lane] = order
        while len(self.lanes) > self.topic.lanes:
            del self.lanes[next(iter(self.lanes))]
        return len(new)

    def append(self, new: Sequence[_Entry]) -> None:
        """Raises StreamFull."""
        if not new:
            return
        behind = self.next - self._needed
        if self.groups and behind + len(new) > self.topic.bound:
            raise full(self.topic, behind, len(new))
        self.entries.update(enumerate(new, self.next))
        self.next += len(new)
        self._trim()
        self._wake()

    def done(self, number: int, group: _Group) -> bool:
        """Acknowledge a number; whether it was still to be."""
        if group.pending.pop(number, None) is None:
            return False
        self._trim()
        self._wake()
        return True

    @property
    def _needed(self) -> int:
        """The first number that some group still has to acknowledge."""
        return min((group.needed for group in self.groups.values()), default=self.next)

    def _trim(self) -> None:
        for number in range(self.first, self._needed - self.topic.kept):
            del self.entries[number]
            self.first = number + 1

    def _wake(self) -> None:
        """Those who wait for messages."""
        self.changed.set()
        self.changed = asyncio.Event()

    def delivered(self, numbers: Iterable[int], group: _Group, consumer: str, now: float) -> list[Delivery]:
        """These, given to the consumer once more."""
        deliveries = []
        for number in numbers:
            attempts = group.pending[number].attempts + 1 if number in group.pending else 1
            group.pending[number] = _Given(consumer, now, attempts)
            deliveries.append(Delivery(_id(number), self.entries[number].data, attempts))
        return deliveries

    def unread(self, name: str, most: int) -> list[int]:
        """Numbers that a group has not been given yet; those that are for another group are passed by for good."""
        group = self.groups[name]
        numbers: list[int] = []
        while len(numbers) < most and group.given + 1 < self.next:
            group.given += 1
            if self.entries[group.given].group in {"", name}:
                numbers.append(group.given)
        return numbers


class MemoryServer:
    """What is kept; while it is `away`, whoever asks it is refused."""

    def __init__(self, topics: Mapping[str, Topic] = TOPICS) -> None:
        self.topics = topics
        self.away = False
        self._logs = {name: _Log(topic) for name, topic in topics.items()}

    def log(self, topic: str) -> _Log:
        return self._logs[topic_named(self.topics, topic).name]


class MemoryStreams:
    """`Streams` and `StreamAdmin` of a server in this process, by default one of their own."""

    def __init__(
        self,
        server: MemoryServer | None = None,
        *,
        abandoned_after: float = ABANDONED_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server or MemoryServer()
        self.abandoned_after = abandoned_after
        self.now = clock
        self.closed = asyncio.Event()

    def log(self, topic: str) -> _Log:
        """Raises StreamUnavailable."""
        if self.closed.is_set():
            raise StreamUnavailable("these streams are closed")
        if self.server.away:
            raise StreamUnavailable("the streams are away; ask again later")
        return self.server.log(topic)

    async def publish(self, topic: str, messages: Sequence[Message], believed: Mapping[str, int] | None = None) -> int:
        check_orders(messages)
        return self.log(topic).publish(messages, believed or {})

    async def last(self, topic: str, lane: str) -> int | None:
        return self.log(topic).lanes.get(lane)

    async def subscribe(self, topic: str, group: str, consumer: str) -> "MemorySubscription":
        check_group(self.log(topic).topic, group)
        return MemorySubscription(self, topic, group, consumer)

    async def tail(self, topic: str, after: str | None = None) -> AsyncIterator[Delivery]:
        number = self.log(topic).next - 1 if after is None else _number(after)
        while not self.closed.is_set():
            log = self.log(topic)
            changed = log.changed
            number = max(number, log.first - 1)
            found = range(number + 1, min(log.next, number + 1 + _TAILED_AT_ONCE))
            for delivery in [
                Delivery(_id(number), log.entries[number].data, 1) for number in found if not log.entries[number].group
            ]:
                yield delivery
            number += len(found)
            if not found:
                await _either(changed, self.closed)

    async def kept(self, topic: str) -> AsyncIterator[Delivery]:
        log = self.log(topic)
        for number, entry in list(log.entries.items()):
            if not entry.group:
                yield Delivery(_id(number), entry.data, 1)

    async def backlog(self, topic: str, group: str) -> Backlog:
        log = self.log(topic)
        check_group(log.topic, group)
        its = log.groups[group]
        return Backlog(len(log.entries), log.next - 1 - its.given, len(its.pending))

    async def standing(self, topic: str) -> Standing:
        log = self.log(topic)
        return Standing(len(log.entries), len(log.dead), {name: await self.backlog(topic, name) for name in log.groups})

    async def dead(self, topic: str, most: int, after: str = "") -> list[DeadLetter]:
        since = _number(after) if after else 0
        return [letter for letter in self.log(topic).dead if _number(letter.id) > since][:most]

    async def replay(self, topic: str, ids: Sequence[str]) -> int:
        log = self.log(topic)
        chosen = [letter for letter in log.dead if letter.id in set(ids)]
        log.append([_Entry(letter.data, letter.group) for letter in chosen])
        for letter in chosen:
            log.dead.remove(letter)
        return len(chosen)

    async def discard(self, topic: str, ids: Sequence[str]) -> int:
        log = self.log(topic)
        chosen = [letter for letter in log.dead if letter.id in set(ids)]
        for letter in chosen:
            log.dead.remove(letter)
        return len(chosen)

    async def close(self) -> None:
        self.closed.set()


class MemorySubscription:
    """`Subscription` of a consumer."""

    def __init__(self, streams: MemoryStreams, topic: str, group: str, consumer: str) -> None:
        self._streams, self._topic, self._group, self._consumer = streams, topic, group, consumer

    async def read(self, most: int, wait: float) -> list[Delivery]:
        loop = asyncio.get_running_loop()
        until_time = loop.time() + wait
        while True:
            log = self._streams.log(self._topic)
            changed = log.changed
            now = self._streams.now()
            if numbers := self._due(log, most, now):
                return log.delivered(numbers, log.groups[self._group], self._consumer, now)
            remaining = until_time - loop.time()
            if remaining <= 0:
                return []
            patience = min(remaining, self._streams.abandoned_after / 2)
            await until(changed, patience)

    async def acknowledge(self, ids: Sequence[str]) -> None:
        log = self._streams.log(self._topic)
        for id_ in ids:
            log.done(_number(id_), log.groups[self._group])

    async def bury(self, delivery: Delivery, reason: str) -> None:
        log = self._streams.log(self._topic)
        if len(log.dead) >= DEAD_KEPT:
            raise full_of_dead(log.topic)
        if not log.done(_number(delivery.id), log.groups[self._group]):
            return
        log.buried += 1
        letter = DeadLetter(
            _id(log.buried), delivery.id, self._group, delivery.data, delivery.attempts, reason, wall_clock_ms()
        )
        log.dead.append(letter)

    def _due(self, log: _Log, most: int, now: float) -> list[int]:
        """The next numbers; none while another consumer holds the oldest that is pending. Whoever holds that takes over all of it."""
        group = log.groups[self._group]
        if group.pending:
            oldest = next(iter(group.pending.values()))
            if oldest.consumer != self._consumer and oldest.since > now - self._streams.abandoned_after:
                return []
            for given in group.pending.values():
                given.consumer = self._consumer
        pending = list(group.pending)[:most]
        return pending + log.unread(self._group, most - len(pending))


async def _either(first: asyncio.Event, second: asyncio.Event) -> None:
    """Until one of the two is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (first, second)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _id(number: int) -> str:
    return f"0-{number}"


def _number(id_: str) -> int:
    return int(id_.partition("-")[2])
