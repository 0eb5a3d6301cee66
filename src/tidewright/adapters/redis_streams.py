"""Streams on Redis: consumer groups, bounded, each message once however often it is published."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

from tidewright.adapters.redis_scripts import ACKNOWLEDGE, BURY, JOIN, PUBLISH, REPLAY, STANDING, TAKE
from tidewright.adapters.redis_server import RedisOptions, RedisServer, Reply, Script, ServerError, Word
from tidewright.adapters.stream_rules import (
    ABANDONED_AFTER,
    DEAD_KEPT,
    check_group,
    check_orders,
    cramped,
    full,
    full_of_dead,
    topic_named,
    wall_clock_ms,
)
from tidewright.ports import Backlog, DeadLetter, Delivery, LaneBehind, Message, Standing, StreamUnavailable
from tidewright.wire.topology import TOPICS, Topic

_LONGEST_WAIT = 2.0
"""Seconds that one command waits for messages: well below the time-out of an answer."""

_STANDING_BY = 0.5
"""Seconds after which a consumer looks again whether another is still at work."""

_TAILED_AT_ONCE = 1_000


class RedisStreams:
    """`Streams` and `StreamAdmin` at a URL. Raises UrlRefused; the server is first asked when it is needed."""

    def __init__(
        self,
        url: str,
        options: RedisOptions | None = None,
        topics: Mapping[str, Topic] = TOPICS,
        abandoned_after: float = ABANDONED_AFTER,
    ) -> None:
        self._server = RedisServer(url, options)
        self._topics = topics
        self._abandoned_after = abandoned_after

    async def publish(self, topic: str, messages: Sequence[Message], believed: Mapping[str, int] | None = None) -> int:
        check_orders(messages)
        lanes = [word for lane in (believed or {}).items() for word in lane]
        flat = [word for message in messages for word in message]
        return await self._append(topic_named(self._topics, topic), PUBLISH, [len(lanes) // 2, *lanes, *flat])

    async def last(self, topic: str, lane: str) -> int | None:
        order = await self._server.ask("HGET", _keys(topic_named(self._topics, topic))[1], lane)
        return None if order is None else int(order)

    async def subscribe(self, topic: str, group: str, consumer: str) -> "RedisSubscription":
        known = topic_named(self._topics, topic)
        check_group(known, group)
        subscription = RedisSubscription(self._server, known, group, consumer, self._abandoned_after)
        await self._server.patiently(subscription.join)
        return subscription

    async def tail(self, topic: str, after: str | None = None) -> AsyncIterator[Delivery]:
        known = topic_named(self._topics, topic)
        stream = _keys(known)[0]
        position = after
        while not self._server.closed:
            try:
                position = position or await self._newest(known)
                entries = await self._server.patiently(partial(_read_after, self._server, stream, position))
            except StreamUnavailable:
                if self._server.closed:
                    return
                raise
            for id_, fields in entries:
                position = id_
                if b"g" not in fields:
                    yield Delivery(id_, fields[b"d"], 1)

    async def kept(self, topic: str) -> AsyncIterator[Delivery]:
        known = topic_named(self._topics, topic)
        start, newest = "-", await self._newest(known)
        while page := _entries(
            await self._server.ask("XRANGE", _keys(known)[0], start, newest, "COUNT", _TAILED_AT_ONCE)
        ):
            for id_, fields in page:
                if b"g" not in fields:
                    yield Delivery(id_, fields[b"d"], 1)
            start = f"({page[-1][0]}"

    async def backlog(self, topic: str, group: str) -> Backlog:
        check_group(topic_named(self._topics, topic), group)
        return (await self.standing(topic)).groups[group]

    async def standing(self, topic: str) -> Standing:
        known = topic_named(self._topics, topic)
        length, dead, groups = await self._server.run(STANDING, _keys(known), _terms(known))
        return Standing(length, dead, {name.decode(): Backlog(length, *counts) for name, *counts in groups})

    async def dead(self, topic: str, most: int, after: str = "") -> list[DeadLetter]:
        since = f"({after}" if after else "-"
        found = await self._server.ask("XRANGE", _keys(topic_named(self._topics, topic))[4], since, "+", "COUNT", most)
        return [_letter(id_, fields) for id_, fields in _entries(found)]

    async def replay(self, topic: str, ids: Sequence[str]) -> int:
        return await self._append(topic_named(self._topics, topic), REPLAY, ids)

    async def discard(self, topic: str, ids: Sequence[str]) -> int:
        dead = _keys(topic_named(self._topics, topic))[4]
        return int(await self._server.ask("XDEL", dead, *ids)) if ids else 0

    async def close(self) -> None:
        await self._server.close()

    async def _append(self, topic: Topic, script: Script, words: Sequence[Word]) -> int:
        """Run a script that adds messages. Raises LaneBehind, StreamFull and StreamUnavailable."""
        added, behind, *lane = await self._server.run(script, _keys(topic), [*_terms(topic), *words])
        if lane:
            name, last = lane
            raise LaneBehind(name.decode(), None if last is None else int(last))
        if behind == -1:
            raise cramped(topic)
        if behind is not None:
            raise full(topic, behind, added)
        return int(added)

    async def _newest(self, topic: Topic) -> str:
        """The id of the last message that there is."""
        born, number = await self._server.ask("HMGET", _keys(topic)[3], "born", "number")
        return f"{born.decode()}-{number.decode()}" if born else "0-0"


class RedisSubscription:
    """`Subscription` of a consumer."""

    def __init__(self, server: RedisServer, topic: Topic, group: str, consumer: str, abandoned_after: float) -> None:
        self._server, self._topic, self._group, self._consumer = server, topic, group, consumer
        self._abandoned_ms = round(abandoned_after * 1_000)

    async def join(self) -> None:
        """See that the group is there."""
        await self._server.call_script(JOIN, _keys(self._topic), [*_terms(self._topic), self._group])

    async def read(self, most: int, wait: float) -> list[Delivery]:
        until = time.monotonic() + wait
        return await self._server.patiently(lambda: self._read(most, until))

    async def acknowledge(self, ids: Sequence[str]) -> None:
        if ids:
            await self._server.run(ACKNOWLEDGE, _keys(self._topic), [*_terms(self._topic), self._group, *ids])

    async def bury(self, delivery: Delivery, reason: str) -> None:
        about = (DEAD_KEPT, self._group, delivery.id, delivery.data, delivery.attempts, reason)
        if not await self._server.run(BURY, _keys(self._topic), [*_terms(self._topic), *about]):
            raise full_of_dead(self._topic)

    async def _read(self, most: int, until: float) -> list[Delivery]:
        about = (self._group, self._consumer, most, self._abandoned_ms)
        while True:
            remaining = until - time.monotonic()
            try:
                entries, attempts, position = await self._server.call_script(
                    TAKE, _keys(self._topic), [*_terms(self._topic), *about]
                )
            except ServerError as error:
                if error.code != "NOGROUP":
                    raise
                await self.join()  # the server has lost everything, and begins anew
                continue
            found = await self._ours(_entries(entries), attempts)
            if found or remaining <= 0:
                return found
            if not entries:
                await self._wait(position, remaining)

    async def _wait(self, position: bytes | None, most: float) -> None:
        """Until there is something after an id, or without one for a while, at most so many seconds."""
        seconds = min(most, max(self._abandoned_ms / 2_000, 0.01), _STANDING_BY if position is None else _LONGEST_WAIT)
        if position is None:
            await asyncio.sleep(seconds)
        else:
            await self._server.call(
                "XREAD", "COUNT", 1, "BLOCK", max(round(seconds * 1_000), 1), "STREAMS", _keys(self._topic)[0], position,
                waits=True,
            )  # fmt: skip

    async def _ours(self, entries: "list[_Entry]", attempts: Sequence[int]) -> list[Delivery]:
        """Without those that are for another group alone, or whose content is lost: these are done with."""
        group = self._group.encode()
        done = {id_ for id_, fields in entries if not fields or fields.get(b"g", group) != group}
        if done:
            words = [*_terms(self._topic), self._group, *done]
            await self._server.call_script(ACKNOWLEDGE, _keys(self._topic), words)
        return [
            Delivery(id_, fields[b"d"], times)
            for (id_, fields), times in zip(entries, attempts, strict=True)
            if id_ not in done
        ]


_Entry = tuple[str, dict[bytes, bytes]]
"""The id of an entry of a stream, and its fields."""


def _keys(topic: Topic) -> tuple[str, ...]:
    """The stream, its lanes, the silent of them, its state and its dead letters; braces give them one hash slot."""
    stream = f"tidewright:{{{topic.name}}}"
    return stream, f"{stream}.lanes", f"{stream}.silent", f"{stream}.state", f"{stream}.dead"


def _terms(topic: Topic) -> list[Word]:
    """What the scripts are told of a topic."""
    return [wall_clock_ms(), topic.bound, topic.kept, topic.lanes, len(topic.consumers), *topic.consumers]


async def _read_after(server: RedisServer, stream: str, id_: str) -> list[_Entry]:
    block = round(_LONGEST_WAIT * 1_000)
    found = await server.call("XREAD", "COUNT", _TAILED_AT_ONCE, "BLOCK", block, "STREAMS", stream, id_, waits=True)
    return _entries(found[0][1]) if found else []


def _entries(answer: Reply) -> list[_Entry]:
    """The entries in an answer; one whose content is gone has no fields."""
    entries = [entry for entry in answer if entry is not None]
    return [(id_.decode(), dict(zip(flat[::2], flat[1::2], strict=True)) if flat else {}) for id_, flat in entries]


def _letter(id_: str, fields: dict[bytes, bytes]) -> DeadLetter:
    text = {name: value.decode(errors="replace") for name, value in fields.items() if name != b"d"}
    return DeadLetter(id_, text[b"m"], text[b"g"], fields[b"d"], int(text[b"a"]), text[b"r"], int(text[b"t"]))
