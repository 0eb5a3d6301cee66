"""The way to one topic: what is queued is published together, in order, again and again until it is there.

The queue is bounded. Where it is full, because the streams are away or their consumers too far behind, *all of it is dropped*, and with it all that comes until the streams take
messages again; its lanes are rewound, so that what was dropped is missing, and is asked for at the exchange afterwards. So an overflow is a later repair and never a loss.

The streams may come back without their last messages. Nobody may notice that they were away; so with every batch goes the last that they are known to have of its lanes, and where
they have less they refuse it. Then all lanes are compared with what they have, and go back to that.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

from data_collector.figures import Figures
from tidewright.adapters.exchange.http import Pace, Patience
from tidewright.ports import LaneBehind, Message, StreamFull, Streams, StreamUnavailable
from tidewright.serving.logs import logger

PATIENCE = Patience(first_pause=0.1, longest_pause=5.0)
_MOST = 1_000
_LOOK = 0.02


class Rewindable(Protocol):
    """Whoever is told that messages of a lane did not arrive."""

    def rewind(self, to: int) -> None:
        """From an order on they are missing."""
        ...

    def rewind_after(self, last: int | None) -> None:
        """After an order they are missing; after None all of them."""
        ...


class _Queued(NamedTuple):
    message: Message
    received: float


class Outbox:
    """`lanes` are those who are told, by the name of their lane; `onlooker` is given what has been published. `trouble` says why nothing is, or is empty."""

    def __init__(
        self,
        streams: Streams,
        topic: str,
        lanes: Mapping[str, Rewindable],
        room: int,
        figures: Figures,
        pace: Pace,
        onlooker: Callable[[Sequence[Message]], None] = lambda messages: None,
    ) -> None:
        self.topic = topic
        self.trouble = ""
        self._streams = streams
        self._lanes = lanes
        self._room = room
        self._figures = figures
        self._pace = pace
        self._onlooker = onlooker
        self._queue: deque[_Queued] = deque()
        self._confirmed: dict[str, int] = {}
        self._doubtful = False
        self._filled = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def overflowed(self) -> bool:
        """Whether what comes is dropped, for it would be as soon as it is queued."""
        return not self._open.is_set()

    def expect(self, lane: str, last: int | None) -> None:
        """This is the last that the streams have of a lane."""
        if last is None:
            self._confirmed.pop(lane, None)
        else:
            self._confirmed[lane] = last

    async def open(self) -> None:
        """Returns when there is room for what is asked of the exchange."""
        while self.overflowed or len(self._queue) > self._room // 2:
            await self._pace.sleep(_LOOK)

    def put(self, messages: Iterable[Message], received: float) -> None:
        """Queue them; `received` is when they came, by `perf_counter`."""
        self._queue.extend(_Queued(message, received) for message in messages)
        self._filled.set()
        if len(self._queue) > self._room:
            self._overflow()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            await self._filled.wait()
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST))]
            if not self._queue:
                self._filled.clear()
            await self._deliver(batch)

    def forget(self, lane: str) -> None:
        """A lane has ended: nothing more of it is published, or asked about."""
        self._drop({lane})
        self.expect(lane, None)

    async def _deliver(self, batch: list[_Queued]) -> None:
        failures = 0
        while True:
            try:
                if self._doubtful:
                    batch = await self._without_lost(batch)
                if batch:
                    await self._publish([queued.message for queued in batch])
            except (LaneBehind, StreamUnavailable, StreamFull) as error:
                self._fail(error)
                await self._pace.sleep(PATIENCE.pause(failures, self._pace.draw()))
                failures += 1
            else:
                self._succeed(batch)
                return

    async def _publish(self, messages: Sequence[Message]) -> None:
        """Raises LaneBehind, StreamUnavailable and StreamFull."""
        lanes = {message.lane for message in messages}
        await self._streams.publish(
            self.topic, messages, {lane: self._confirmed[lane] for lane in lanes if lane in self._confirmed}
        )

    def _fail(self, error: Exception) -> None:
        if not self.trouble:
            logger().warning("nothing can be published", topic=self.topic, reason=str(error))
        self.trouble = str(error)
        self._doubtful |= not isinstance(error, StreamFull)
        self._figures.unpublished(self.topic)

    def _succeed(self, batch: list[_Queued]) -> None:
        messages = [queued.message for queued in batch]
        for message in messages:
            self._confirmed[message.lane] = message.order
        if self.trouble:
            logger().info("publishing again", topic=self.topic, queued=len(self._queue), overflowed=self.overflowed)
            self.trouble = ""
        self._open.set()
        if batch:
            self._figures.published(self.topic, len(messages), perf_counter() - batch[0].received)
            self._onlooker(messages)

    async def _without_lost(self, batch: list[_Queued]) -> list[_Queued]:
        """Compares what was confirmed with what is there. Raises StreamUnavailable."""
        lost: dict[str, int | None] = {}
        for lane, confirmed in list(self._confirmed.items()):
            last = await self._streams.last(self.topic, lane)
            if last is None or last < confirmed:
                lost[lane] = last
        self._doubtful = False
        self._drop(set(lost))
        for lane, last in lost.items():
            logger().warning("the streams have lost messages", topic=self.topic, lane=lane, last=last)
            if lane in self._lanes:  # a lane that is only about to begin is told when it publishes
                self.expect(lane, last)
                self._lanes[lane].rewind_after(last)
        return [queued for queued in batch if queued.message.lane not in lost]

    def _overflow(self) -> None:
        first: dict[str, int] = {}
        for queued in self._queue:
            first.setdefault(queued.message.lane, queued.message.order)
        logger().warning("more is queued than may be; it is dropped, and repaired later", topic=self.topic)
        self._figures.dropped(self.topic, len(self._queue))
        self._queue.clear()
        self._filled.clear()
        if self.trouble:
            self._open.clear()
        for lane, order in first.items():
            if lane in self._lanes:
                self._lanes[lane].rewind(order)

    def _drop(self, lanes: set[str]) -> None:
        if lanes:
            self._queue = deque(queued for queued in self._queue if queued.message.lane not in lanes)
