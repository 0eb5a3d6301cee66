"""What Binance pushes: combined streams over WebSocket, for ever; the one module that imports websockets.

A connection is replaced before its end is due (after 24 hours the exchange cuts it), when the exchange says that it is about to shut down, and when it has fallen silent. The new one
is listened to before the old one is closed: what both tell of is told twice, and the sequences let it through once.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from data_collector.figures import Figures
from data_collector.messages import Farewell, Garbled, PushedKline, PushedTrade, pushed
from tidewright.adapters.exchange.http import Pace, Patience
from tidewright.serving.logs import logger

MOST_STREAMS = 1_024
"""Of one connection."""

_AT_ONCE = 200
_CONTROL = 0.25
"""Seconds between two messages to the exchange, which allows five a second, pongs included."""

_ANSWER = 10.0
_LASTED = 5.0
_LOOK = 0.1
_LARGEST = 1 << 20

Heard = Callable[[PushedTrade | PushedKline], None]
"""Takes an event. May raise Garbled."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a line behaves; times in seconds.

    `renewal` is the age at which a connection is replaced, `silence` how long nothing may come, `keepalive` how often it is pinged,
    `pause` the longest between two attempts to connect.
    """

    url: str
    renewal: float = 82_800.0
    silence: float = 60.0
    keepalive: float = 20.0
    pause: float = 10.0


class _Failed(ConnectionError):
    """A connection that is of no use: the exchange refused something, or did not answer."""


class _Session:
    """One connection, listened to from its first moment; `ended` is done when it has ended."""

    def __init__(self, socket: ClientConnection, heard: Heard, figures: Figures, now: Callable[[], float]) -> None:
        self.opened = self.heard_at = now()
        self.leaving = False
        self.streams: set[str] = set()
        self._socket = socket
        self._heard = heard
        self._figures = figures
        self._now = now
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._asked = 0
        self.ended = asyncio.create_task(self._listen())

    async def settle(self, wanted: set[str]) -> None:
        """Subscribe to what is wanted and unsubscribe from the rest. Raises _Failed."""
        for method, streams in (("UNSUBSCRIBE", self.streams - wanted), ("SUBSCRIBE", wanted - self.streams)):
            for part in _parts(sorted(streams)):
                await self._ask(method, part)
        self.streams = wanted

    async def close(self) -> None:
        self.ended.cancel()
        try:
            await asyncio.wait((self.ended,))
            await self._socket.close()
        finally:
            self._socket.transport.abort()

    async def _ask(self, method: str, streams: Sequence[str]) -> None:
        if self._asked:
            await asyncio.sleep(_CONTROL)
        self._asked += 1
        answered = self._answers[self._asked] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_ANSWER):
                await self._socket.send(json.dumps({"method": method, "params": streams, "id": self._asked}))
                await answered
        except TimeoutError:
            raise _Failed(f"{method} was not answered within {_ANSWER:g} s") from None
        except WebSocketException as error:
            raise _Failed(str(error)) from error
        finally:
            self._answers.pop(self._asked, None)

    async def _listen(self) -> None:
        try:
            while True:
                self._take(await self._socket.recv(decode=False))
        except WebSocketException as error:
            for answered in self._answers.values():
                if not answered.done():
                    answered.set_exception(_Failed(f"the connection ended: {error}"))

    def _take(self, message: bytes) -> None:
        self.heard_at = self._now()
        try:
            event = pushed(message)
            if isinstance(event.data, PushedTrade | PushedKline):
                self._heard(event.data)
            elif isinstance(event.data, Farewell):
                self.leaving = True
            elif event.id in self._answers:
                self._answer(event.id, event.error)
        except Garbled as error:
            self._figures.garbled.inc()
            logger().debug("garbled", reason=str(error))

    def _answer(self, number: int, error: object) -> None:
        answered = self._answers[number]
        if answered.done():
            return
        if error is None:
            answered.set_result(None)
        else:
            answered.set_exception(_Failed(f"the exchange refused: {error}"))


class Line:
    """Streams that are listened to over one connection, or two while one takes over from the other.

    `connected` is when the present connection was subscribed, by the clock of `pace`, or None.
    """

    def __init__(self, habits: Habits, heard: Heard, figures: Figures, pace: Pace) -> None:
        self.wanted: set[str] = set()
        self.connected: float | None = None
        self.trouble = "not connected yet"
        self._habits = habits
        self._patience = Patience(first_pause=0.2, longest_pause=habits.pause)
        self._heard = heard
        self._figures = figures
        self._pace = pace
        self._failures = 0
        self._renewal_asked = False

    @property
    def room(self) -> int:
        """How many more streams it may have."""
        return MOST_STREAMS - len(self.wanted)

    @property
    def age(self) -> float | None:
        """Seconds since the present connection was made."""
        return None if self.connected is None else self._pace.now() - self.connected

    def want(self, streams: Iterable[str]) -> None:
        self.wanted |= set(streams)

    def unwant(self, streams: Iterable[str]) -> None:
        self.wanted -= set(streams)

    def renew(self) -> None:
        """Replace the connection, which does not tell everything; not more often than connections last."""
        if self.age is not None and self.age > _LASTED:
            self._renewal_asked = True

    async def listen(self) -> None:
        """For ever."""
        session: _Session | None = None
        try:
            while True:
                fresh = await self._opened()
                if session is not None:
                    await session.close()
                session = fresh
                reason = await self._until_due(session)
                self._figures.reconnects.labels(reason).inc()
                logger().info("connecting again", reason=reason, age=round(self.age or 0.0, 1))
                lasted = (self.age or 0.0) > _LASTED
                self._failures = int(reason == "cut") if lasted else self._failures + 1
                if session.ended.done():
                    self.connected, self.trouble = None, f"the connection ended ({reason})"
        finally:
            if session is not None:
                await session.close()

    async def _opened(self) -> _Session:
        """A connection that is subscribed to what is wanted, however long it takes; each attempt after a pause, but the first."""
        while True:
            if self._failures:
                await self._pace.sleep(self._patience.pause(self._failures - 1, self._pace.draw()))
            try:
                session = await self._attempt()
            except (OSError, WebSocketException, TimeoutError) as error:
                self.trouble = f"{self._habits.url}: {str(error) or type(error).__name__}"
                logger().warning("no connection", url=self._habits.url, reason=str(error) or type(error).__name__)
                self._failures += 1
            else:
                self.connected, self.trouble = self._pace.now(), ""
                self._renewal_asked = False
                return session

    async def _attempt(self) -> _Session:
        """Raises OSError, WebSocketException and TimeoutError."""
        keepalive = self._habits.keepalive
        socket = await connect(
            f"{self._habits.url.rstrip('/')}/stream",
            compression=None,
            open_timeout=_ANSWER,
            close_timeout=1.0,
            ping_interval=keepalive,
            ping_timeout=keepalive,
            max_size=_LARGEST,
            user_agent_header="tidewright",
        )
        session = _Session(socket, self._heard, self._figures, self._pace.now)
        try:
            await session.settle(set(self.wanted))
        except BaseException:
            await session.close()
            raise
        return session

    async def _until_due(self, session: _Session) -> str:
        """Why the connection is to be replaced; meanwhile it follows what is wanted."""
        while not session.ended.done():
            now = self._pace.now()
            if session.leaving:
                return "shutdown"
            if self._renewal_asked:
                return "deaf"
            if now - session.opened > self._habits.renewal:
                return "age"
            if session.streams and now - session.heard_at > self._habits.silence:
                return "silence"
            if session.streams != self.wanted:
                try:
                    await session.settle(set(self.wanted))
                except _Failed as error:
                    logger().warning("not subscribed", reason=str(error))
                    return "refused"
            await asyncio.wait((session.ended,), timeout=_LOOK)
        session.ended.result()
        return "cut"


def _parts(streams: list[str]) -> list[list[str]]:
    return [streams[first : first + _AT_ONCE] for first in range(0, len(streams), _AT_ONCE)]
