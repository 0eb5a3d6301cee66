"""Streams on Redis: consumer groups, bounded, each message once however often it is published."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

from tidewright.adapters.redis_scripts import BURY, JOIN, PUBLISH, REPLAY, STANDING, TRIM
from tidewright.adapters.redis_server import Away, RedisOptions, RedisServer, Reply, Script, ServerError, Word
from tidewright.adapters.stream_rules import (
    ABANDONED_AFTER,
    DEAD_KEPT,
    check_group,
    check_orders,
    full,
    topic_named,
    wall_clock_ms,
)
from tidewright.ports import Backlog, DeadLetter, Delivery, Message, Standing, StreamUnavailable
from tidewright.wire.topology import TOPICS, Topic

_LONGEST_WAIT = 2.0
"""Seconds that one command waits for messages: well below the time-out of an answer."""

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

    async def publish(self, topic: str, messages: Sequence[Message]) -> int:
        check_orders(messages)
        flat = [word for message in messages for word in message]
        return await self._append(topic_named(self._topics, topic), PUBLISH, flat)

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

    async def close(self) -> None:
        await self._server.close()

    async def _append(self, topic: Topic, script: Script, words: Sequence[Word]) -> int:
        """Run a script that adds messages. Raises StreamFull and StreamUnavailable."""
        keys, arguments = _keys(topic), [*_terms(topic), *words]

        async def append() -> Reply:
            try:
                return await self._server.call_script(script, keys, arguments)
            except Away as error:
                if error.code == "OOM":  # what everyone has acknowledged may go, which makes room for the next attempt
                    await self._server.call_script(TRIM, keys, _terms(topic))
                raise

        added, behind = await self._server.patiently(append)
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
        self._stream = _keys(topic)[0]
        self._claim_from = "0-0"

    async def join(self) -> None:
        """See that the group is there."""
        await self._server.call_script(JOIN, _keys(self._topic), [*_terms(self._topic), self._group])

    async def read(self, most: int, wait: float) -> list[Delivery]:
        until = time.monotonic() + wait
        return await self._server.patiently(lambda: self._read(most, until))

    async def acknowledge(self, ids: Sequence[str]) -> None:
        if ids:
            await self._server.ask("XACK", self._stream, self._group, *ids)

    async def bury(self, delivery: Delivery, reason: str) -> None:
        stream, *_, dead = _keys(self._topic)
        about = (self._group, delivery.id, delivery.data, delivery.attempts, reason, wall_clock_ms(), DEAD_KEPT)
        await self._server.run(BURY, (stream, dead), about)

    async def _read(self, most: int, until: float) -> list[Delivery]:
        while True:
            remaining = until - time.monotonic()
            try:
                # After whatever went wrong before, those that were given come first: so their order holds.
                found = (
                    await self._again(await self._given(most, "0"))
                    or await self._again(await self._abandoned(most))
                    or await self._first_time(await self._given(most, ">", remaining))
                )
            except ServerError as error:
                if error.code != "NOGROUP":
                    raise
                await self.join()  # the server has lost everything, and begins anew
                continue
            if found or remaining <= 0:
                return found

    async def _given(self, most: int, after: str, wait: float = 0.0) -> "list[_Entry]":
        """What the server gives this consumer: again after an id, or ``>``, what nobody was given yet, as soon as there is any."""
        milliseconds = round(min(wait, _LONGEST_WAIT, max(self._abandoned_ms / 2_000, 0.01)) * 1_000)
        blocking = ("BLOCK", milliseconds) if milliseconds > 0 else ()
        found = await self._server.call(
            "XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", most, *blocking, "STREAMS", self._stream, after,
            waits=bool(blocking),
        )  # fmt: skip
        return _entries(found[0][1]) if found else []

    async def _abandoned(self, most: int) -> "list[_Entry]":
        """What another was given so long ago that it must be gone; the next that are so are looked for from there on."""
        claimed = await self._server.call(
            "XAUTOCLAIM", self._stream, self._group, self._consumer, self._abandoned_ms, self._claim_from, "COUNT", most
        )
        self._claim_from = claimed[0].decode()
        return _entries(claimed[1])

    async def _again(self, entries: "list[_Entry]") -> list[Delivery]:
        """Those that were given before, with how often by now."""
        if not entries:
            return []
        told = await self._server.call(
            "XPENDING", self._stream, self._group, entries[0][0], entries[-1][0], len(entries), self._consumer
        )
        attempts = {id_.decode(): times for id_, _, _, times in told}
        return await self._ours(
            [Delivery(id_, fields.get(b"d", b""), attempts.get(id_, 1)) for id_, fields in entries], entries
        )

    async def _first_time(self, entries: "list[_Entry]") -> list[Delivery]:
        return await self._ours([Delivery(id_, fields[b"d"], 1) for id_, fields in entries], entries)

    async def _ours(self, deliveries: list[Delivery], entries: "list[_Entry]") -> list[Delivery]:
        """Without those that are for another group alone, or whose content is lost: these are done with."""
        group = self._group.encode()
        done = {id_ for id_, fields in entries if not fields or fields.get(b"g", group) != group}
        if done:
            await self._server.call("XACK", self._stream, self._group, *done)
        return [delivery for delivery in deliveries if delivery.id not in done]


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
