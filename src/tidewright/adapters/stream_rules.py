"""What every kind of streams holds those to who use it."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from tidewright.ports import Message, StreamFull
from tidewright.wire.topology import Topic

ABANDONED_AFTER = 30.0
"""Seconds without an acknowledgement after which whoever was given a message is taken for gone."""

DEAD_KEPT = 10_000
"""The most dead letters of a topic; beyond, nothing is buried until some are put back or discarded."""

_EXACT = 2**53


class StreamUnknown(LookupError):
    """There is no such topic, or a group has no part in it; the message names those that there are."""


def topic_named(topics: Mapping[str, Topic], name: str) -> Topic:
    """Raises StreamUnknown."""
    if name not in topics:
        raise StreamUnknown(f"there is no topic {name!r}; there are {', '.join(topics)}")
    return topics[name]


def check_group(topic: Topic, group: str) -> None:
    """Raises StreamUnknown: what a group that is not declared has not read would be dropped."""
    if group not in topic.consumers:
        declared = ", ".join(topic.consumers) or "nobody"
        raise StreamUnknown(
            f"{group!r} does not consume {topic.name}, {declared} does; name it in tidewright.wire.topology, or look on with tail"
        )


def check_orders(messages: Sequence[Message]) -> None:
    """Raises ValueError for an order that is no exact number on every server."""
    for message in messages:
        if not -_EXACT < message.order < _EXACT:
            raise ValueError(
                f"the order {message.order} in the lane {message.lane!r} is beyond 2**53; count in smaller numbers"
            )


def full(topic: Topic, behind: int, adding: int) -> StreamFull:
    """The error of a topic that will not take more."""
    return StreamFull(
        f"{topic.name}: the slowest of {', '.join(topic.consumers)} is {behind:,} messages behind, and {adding:,} more would "
        f"pass the bound of {topic.bound:,}; see that it runs and keeps up (`tidewright streams list`), then publish again"
    )


def cramped(topic: Topic) -> StreamFull:
    """The error of a server that has too little memory left to take what only waits to be consumed."""
    return StreamFull(
        f"{topic.name}: the server's memory is nearly full (maxmemory), and the rest of it is for what lets consumers catch up; see that "
        f"{', '.join(topic.consumers)} runs and keeps up (`tidewright streams list`), or give it more, then publish again"
    )


def full_of_dead(topic: Topic) -> StreamFull:
    """The error of a topic that has too many dead letters."""
    return StreamFull(
        f"{topic.name}: it has {DEAD_KEPT:,} dead letters, and none is forgotten by itself; see `tidewright streams dead {topic.name}`, "
        "mend what is wrong, then `replay` them, or `discard` those that nobody needs"
    )


def wall_clock_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


async def until(event: asyncio.Event, seconds: float) -> None:
    """Until the event, or for so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
