"""Messages from one service to others, at least once, and what a service does with them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class StreamUnavailable(ConnectionError):
    """The server of the streams cannot be reached, or takes nothing at present; asking again later may help."""


class StreamFull(RuntimeError):
    """Consumers are so far behind that a bound is reached, of a stream, its dead letters or the server's memory; nothing was added, and nothing is ever dropped for it."""


class LaneBehind(RuntimeError):
    """A stream has less of a lane than its publisher believes, because its server has lost messages; nothing was published.

    `last` is the `order` of the lane's last message, None where there is none: whoever published what came after it publishes it again.
    """

    def __init__(self, lane: str, last: int | None) -> None:
        known = "nothing" if last is None else f"only up to {last}"
        super().__init__(f"the stream has {known} of the lane {lane!r}: publish again what comes after it")
        self.lane = lane
        self.last = last


class Message(NamedTuple):
    """What is published. Within its `lane` the `order` of what a topic takes only rises: a trade's id, say, in the lane of its symbol."""

    lane: str
    order: int
    data: bytes


class Delivery(NamedTuple):
    """A message as a consumer receives it; `attempts` is 1 for the first time."""

    id: str
    data: bytes
    attempts: int


class DeadLetter(NamedTuple):
    """A message that was buried: by which `group`, after so many `attempts`, why, and when (milliseconds since the epoch)."""

    id: str
    message_id: str
    group: str
    data: bytes
    attempts: int
    reason: str
    buried_ms: int


class Backlog(NamedTuple):
    """`length` messages are kept; of them a group has `unread` still to be given, and `pending` given and not acknowledged."""

    length: int
    unread: int
    pending: int


class Standing(NamedTuple):
    """Of a topic `length` messages are kept, and `dead` dead letters; `groups` are those that consume it."""

    length: int
    dead: int
    groups: Mapping[str, Backlog]


class Subscription(Protocol):
    """One consumer of a group. While one of them holds messages that it has not acknowledged, the others are given none: so a group handles messages in their order."""

    async def read(self, most: int, wait: float) -> list[Delivery]:
        """Up to `most` messages in the stream's order, as soon as there is one; none after `wait` seconds without.

        First come those that were given before and not acknowledged, to this consumer, or to another so long ago that it must be
        gone; then new ones. Raises StreamUnavailable.
        """
        ...

    async def acknowledge(self, ids: Sequence[str]) -> None:
        """These are done with, for good. Raises StreamUnavailable; repeating does no harm."""
        ...

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Keep a message that nobody can do anything with as a dead letter, with the reason, and acknowledge it.

        Raises StreamFull, where as many dead letters are kept as may be, and StreamUnavailable.
        """
        ...


class Streams(Protocol):
    """Topics by name; `tidewright.wire.topology` knows which there are, and who may do what."""

    async def publish(self, topic: str, messages: Sequence[Message], believed: Mapping[str, int] | None = None) -> int:
        """Add, in this order, the messages whose `order` is above the last of their lane; how many those were.

        All or none. Repeating does no harm, so whoever is not told what became of a message publishes it again.
        `believed` is, by lane, the `order` that the publisher takes for the lane's last: where the stream has less, in the same step
        nothing is published. Raises LaneBehind, StreamFull and StreamUnavailable.
        """
        ...

    async def last(self, topic: str, lane: str) -> int | None:
        """The `order` of the last message of a lane; None before the first. Raises StreamUnavailable."""
        ...

    async def subscribe(self, topic: str, group: str, consumer: str) -> Subscription:
        """Begin to consume as one of a group, which begins with the oldest message kept. Raises StreamUnavailable."""
        ...

    def tail(self, topic: str, after: str | None = None) -> AsyncIterator[Delivery]:
        """Every message from now on, or after the one of an id, for whoever looks on and acknowledges nothing; what is not kept any more is left out.

        Endless. Raises StreamUnavailable.
        """
        ...

    def kept(self, topic: str) -> AsyncIterator[Delivery]:
        """Every message that is kept, the oldest first, up to the newest as of the call. Raises StreamUnavailable."""
        ...

    async def backlog(self, topic: str, group: str) -> Backlog:
        """How far a group is behind. Raises StreamUnavailable."""
        ...

    async def close(self) -> None:
        """Let go of all connections; tails end."""
        ...


class StreamAdmin(Protocol):
    """The streams for those who look after them."""

    async def standing(self, topic: str) -> Standing:
        """What there is of a topic. Raises StreamUnavailable."""
        ...

    async def dead(self, topic: str, most: int, after: str = "") -> list[DeadLetter]:
        """Up to `most` dead letters, the oldest first, after the one of an id. Raises StreamUnavailable."""
        ...

    async def replay(self, topic: str, ids: Sequence[str]) -> int:
        """Put dead letters back at the end of their stream, each for the group alone that buried it; how many there were.

        Their lanes are not asked. Repeating does no harm. Raises StreamFull and StreamUnavailable.
        """
        ...

    async def discard(self, topic: str, ids: Sequence[str]) -> int:
        """Forget dead letters for good; how many there were. Repeating does no harm. Raises StreamUnavailable."""
        ...


class ToldProgress(NamedTuple):
    """What was told of long work; `details` are JSON values that its kind gives a meaning to."""

    percent: float
    eta_seconds: float | None = None
    details: Mapping[str, Any] | None = None


class ProgressBoard(Protocol):
    """How far long work is, by its key, for whoever wants to know; best effort, and forgotten after a while."""

    async def tell(
        self, key: str, percent: float, eta_seconds: float | None, details: Mapping[str, Any] | None = None
    ) -> None:
        """Never raises: progress that cannot be told is not told."""
        ...

    async def ask(self, key: str) -> ToldProgress | None:
        """The last that was told, or None. Never raises."""
        ...
