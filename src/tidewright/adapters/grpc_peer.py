"""Asking another process over gRPC, which may still be starting, and may end and come back meanwhile; the one module that imports grpc to ask."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import grpc

Channel: TypeAlias = grpc.Channel
_Answer = TypeVar("_Answer")

os.environ.setdefault(
    "GRPC_VERBOSITY", "NONE"
)  # the core's own lines are no words for a log, and errors reach Python anyway

_INTERRUPTED = {"UNAVAILABLE", "CANCELLED"}
"""What a call ends with whose server ends: nobody here cancels any."""

_LONGEST_PAUSE = 5.0


class Unreachable(ConnectionError):
    """Nobody answers at the address; the message says since when, and where to look."""


class NotAnswered(Exception):
    """The other process does not answer the question: `code` is the name of a gRPC status, `detail` its own words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Interrupted(NotAnswered):
    """Its process ended over the same question, again and again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that the other process may take to start, or to start again, and for an answer; and how often a question is put that it ended over.

    Between two attempts there are `pause` seconds, twice as many each time, up to five, more or less by half.
    """

    start: float = 120.0
    answer: float = 300.0
    attempts: int = 5
    pause: float = 0.2


class Peer:
    """The process at `address` (``host:port``, in the clear: in the same pod). What it is asked must be harmless to ask again. For many threads."""

    def __init__(self, address: str, patience: Patience, largest: int) -> None:
        self.address = address
        self.patience = patience
        options = {
            "grpc.max_receive_message_length": largest,
            "grpc.enable_http_proxy": 0,
            "grpc.initial_reconnect_backoff_ms": 100,
            "grpc.min_reconnect_backoff_ms": 1_000,  # of which a part is for connecting
            "grpc.max_reconnect_backoff_ms": 2_000,
        }
        self._channel = grpc.insecure_channel(address, options=list(options.items()))
        self._there = False
        self._closed = False

    def ask(self, question: Callable[[Channel, float], _Answer]) -> _Answer:
        """The answer to a question, which is given the channel and the seconds that it may take; it is put again where the other process ended meanwhile.

        Raises Unreachable, NotAnswered, and whatever the question raises.
        """
        for attempt in range(self.patience.attempts):
            if attempt:
                time.sleep(min(self.patience.pause * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            try:
                self._wait_until_there()
                return question(self._channel, self.patience.answer)
            except grpc.RpcError as error:
                code, detail = _status(error)
                if code not in _INTERRUPTED:
                    raise NotAnswered(code, detail) from error
                self._there = False
            except ValueError as error:  # which is what a channel raises that has been closed
                if self._closed:
                    raise Unreachable(f"{self.address} is not asked any more") from error
                raise
        raise Interrupted(code, f"its process ended {self.patience.attempts} times over the same question ({detail})")

    def close(self) -> None:
        """End what is being asked; whoever asks from then on finds it unreachable."""
        self._closed = True
        self._channel.close()

    def _wait_until_there(self) -> None:
        """Return once anything is answered, whatever it is. Raises Unreachable."""
        until = time.monotonic() + self.patience.start
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary("/grpc.health.v1.Health/Check")
        while not self._there:
            try:
                check(b"", timeout=max(until - time.monotonic(), 0.0), wait_for_ready=True)
            except grpc.RpcError as error:
                code, _ = _status(error)
                if code == "DEADLINE_EXCEEDED" or self._closed:
                    message = f"nobody has answered at {self.address} for {self.patience.start:g} s; the log of the process that should says why"
                    raise Unreachable(message) from None
                if code in _INTERRUPTED:
                    time.sleep(self.patience.pause)
                    continue
            self._there = True


def _status(error: grpc.RpcError) -> tuple[str, str]:
    if not isinstance(error, grpc.Call):
        return "UNKNOWN", str(error)
    return str(error.code().name), str(error.details())
