"""One client's stream connection: what it is subscribed to, what waits to be sent to it, and what goes wrong on its way."""

import json
import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from tidewright.exchange.faults import Faults
from tidewright.exchange.streams import Hub, Message, compact, frame

MOST_STREAMS = 1_024
"""Of one connection, as on Binance."""

_REMEMBERED = 16


class Wire(Protocol):
    """The way to the client, as `asyncio.Transport` has it."""

    def write(self, data: bytes) -> None: ...

    def get_write_buffer_size(self) -> int: ...

    def abort(self) -> None: ...


class Connection:
    """Messages are gathered by `deliver` and sent together by `flush`; what the network does not take waits, `backlog` bytes of it.

    `until` is when it has reached its age, in nanoseconds of virtual time; `farewell` closes it then.
    """

    def __init__(
        self,
        wire: Wire,
        hub: Hub,
        faults: Faults,
        *,
        combined: bool,
        until: float = inf,
        farewell: Callable[[], object] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.combined = combined
        self.until = until
        self.streams: dict[str, None] = {}
        self.open = True
        self._wire = wire
        self._hub = hub
        self._faults = faults
        self._dice = faults.dice()
        self._farewell = farewell
        self._monotonic = monotonic
        self._silent_until = -1.0
        self._frames: list[bytes] = []
        self._held: list[tuple[int, bytes]] = []
        self._recent: deque[bytes] = deque(maxlen=_REMEMBERED)

    def deliver(self, message: Message) -> None:
        if not self._faults.on_streams:
            if self._held:
                self._release(every=True)
            self._frames.append(message.framed(combined=self.combined))
        elif self.open:
            self._deliver_with_faults(message)

    def flush(self, *, final: bool = False) -> None:
        """Hand what was gathered to the network; at the end of the tape what was held back, too."""
        if final:
            self._release(every=True)
        if self._frames and self.open:
            self._wire.write(b"".join(self._frames))
        self._frames.clear()

    @property
    def backlog(self) -> int:
        """How many bytes wait for a client that does not read."""
        return self._wire.get_write_buffer_size() if self.open else 0

    def cut(self) -> None:
        """The connection ends without a word; of what is on its way the client gets what the network has taken."""
        if self.open:
            self.flush()
            self.close()
            self._wire.abort()

    def expire(self) -> None:
        """The connection has reached its age, and ends in the regular way."""
        if self.open:
            self.flush(final=True)
            self.close()
            self._farewell()

    def close(self) -> None:
        """Nothing is delivered any more."""
        self.open = False
        self._frames.clear()
        self._hub.unsubscribe(self, self.streams)

    def answer(self, text: str) -> dict[str, Any]:
        """What Binance answers to a message of a client, which changes the subscriptions."""
        try:
            told = json.loads(text)
        except ValueError as error:
            return {"code": 3, "msg": f"Invalid JSON: {error}"}
        if not isinstance(told, dict):
            return {"code": 2, "msg": "Invalid request: request must be a JSON object"}
        known: dict[str, Callable[[Any], object]] = {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "LIST_SUBSCRIPTIONS": lambda names: list(self.streams),
            "SET_PROPERTY": self._set,
            "GET_PROPERTY": lambda names: self.combined,
        }
        number = told.get("id")
        if told.get("method") not in known:
            return {
                "code": 2,
                "msg": f"Invalid request: unknown variant `{told.get('method')}`, expected one of {', '.join(known)}",
                "id": number,
            }
        try:
            return {"result": known[told["method"]](told.get("params", [])), "id": number}
        except ValueError as error:
            return {"code": 2, "msg": f"Invalid request: {error}", "id": number}

    def subscribe(self, streams: list[str]) -> None:
        """Raises ValueError for more than a connection may have."""
        new = dict.fromkeys(streams)
        if len(self.streams | new) > MOST_STREAMS:
            raise ValueError(f"too many streams; a connection may have {MOST_STREAMS}")
        self.streams |= new
        self._hub.subscribe(self, new)

    def _subscribe(self, names: Any) -> None:  # noqa: ANN401 - whatever a client sends
        self.subscribe(_names(names))

    def _unsubscribe(self, names: Any) -> None:  # noqa: ANN401
        gone = _names(names)
        self.streams = {stream: None for stream in self.streams if stream not in gone}
        self._hub.unsubscribe(self, gone)

    def _set(self, parameters: Any) -> None:  # noqa: ANN401
        if (
            not isinstance(parameters, list)
            or len(parameters) != 2
            or parameters[0] != "combined"
            or not isinstance(parameters[1], bool)
        ):
            raise ValueError('the only property is "combined", true or false')
        self.combined = parameters[1]

    def _deliver_with_faults(self, message: Message) -> None:
        happens = self._dice.happens
        if happens("drop"):
            self.cut()
            return
        if silence := happens("silence"):
            self._silent_until = self._monotonic() + silence.seconds
        if self._monotonic() < self._silent_until:
            self._held.clear()
            return
        framed = self._spoiled(message)
        self._release()
        if late := happens("late"):
            self._held.append((late.messages, framed))
        elif happens("reorder"):
            self._held.append((1, framed))
        else:
            self._frames.append(framed)
        self._recent.append(framed)
        if happens("repeat"):
            self._frames.append(self._dice.random.choice(self._recent))

    def _spoiled(self, message: Message) -> bytes:
        happens = self._dice.happens
        if happens("malformed"):
            text = message.text(combined=self.combined)
            return frame(text[: self._dice.random.randrange(1, len(text))])
        if happens("missing"):
            return self._framed_anew(message, self._dice.without_a_field(json.loads(message.data)))
        if happens("absurd"):
            return self._framed_anew(message, self._dice.with_an_absurdity(json.loads(message.data)))
        return message.framed(combined=self.combined)

    def _framed_anew(self, message: Message, content: Any) -> bytes:  # noqa: ANN401 - whatever became of it
        return frame(Message(message.stream, compact(content)).text(combined=self.combined))

    def _release(self, *, every: bool = False) -> None:
        """What was held back comes when it is its turn; called before each message."""
        due = [framed for left, framed in self._held if every or left <= 0]
        self._held = [(left - 1, framed) for left, framed in self._held if not every and left > 0]
        self._frames += due


def _names(names: Any) -> list[str]:  # noqa: ANN401 - whatever a client sends
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("params must be a list of streams")
    return names
