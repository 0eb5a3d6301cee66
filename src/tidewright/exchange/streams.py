"""The names of streams, the messages in them, and who is subscribed to what."""

import json
import re
from collections.abc import Iterable
from typing import Any, Protocol

from tidewright.exchange.candles import INTERVALS

KLINE = re.compile(rf"(?P<symbol>[a-z0-9]+)@kline_(?P<interval>{'|'.join(INTERVALS)})")


def compact(content: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """JSON without blanks, as Binance writes it."""
    return json.dumps(content, separators=(",", ":")).encode()


class Message:
    """What a stream tells, as the text of either kind of connection, encoded once for all of them."""

    __slots__ = ("_combined", "_raw", "data", "stream")

    def __init__(self, stream: str, data: bytes) -> None:
        self.stream = stream
        self.data = data
        self._raw: bytes | None = None
        self._combined: bytes | None = None

    def text(self, *, combined: bool) -> bytes:
        return b'{"stream":"%s","data":%s}' % (self.stream.encode(), self.data) if combined else self.data

    def framed(self, *, combined: bool) -> bytes:
        """As one frame of a WebSocket."""
        if combined:
            if self._combined is None:
                self._combined = frame(self.text(combined=True))
            return self._combined
        if self._raw is None:
            self._raw = frame(self.data)
        return self._raw


def frame(text: bytes) -> bytes:
    """A whole text message from a server: RFC 6455, section 5.2."""
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + text
    return b"\x81\x7f" + size.to_bytes(8, "big") + text


class Subscriber(Protocol):
    """Whoever messages are handed to."""

    def deliver(self, message: Message) -> None: ...


class Hub:
    """Hands messages to whoever is subscribed; `version` rises whenever somebody's subscriptions change."""

    def __init__(self) -> None:
        self._subscribers: dict[str, list[Subscriber]] = {}
        self.version = 0
        self.delivered = 0

    def wants(self, stream: str) -> bool:
        return stream in self._subscribers

    def send(self, stream: str, data: bytes) -> None:
        subscribers = self._subscribers.get(stream)
        if subscribers is not None:
            message = Message(stream, data)
            for subscriber in subscribers:
                subscriber.deliver(message)
            self.delivered += len(subscribers)

    def subscribe(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """Streams that do not exist may be subscribed to, as on Binance: nothing comes of it."""
        for stream in streams:
            subscribers = self._subscribers.setdefault(stream, [])
            if subscriber not in subscribers:
                subscribers.append(subscriber)
        self.version += 1

    def unsubscribe(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        for stream in streams:
            left = [other for other in self._subscribers.get(stream, ()) if other is not subscriber]
            if left:
                self._subscribers[stream] = left
            else:
                self._subscribers.pop(stream, None)
        self.version += 1

    def klines(self) -> list[tuple[str, str, str]]:
        """The streams of klines that somebody is subscribed to: name, symbol and interval."""
        found = (KLINE.fullmatch(stream) for stream in self._subscribers)
        return [(match[0], match["symbol"].upper(), match["interval"]) for match in found if match]
