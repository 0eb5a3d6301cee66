"""The exchange's clock: virtual time, which runs so many times as fast as real time, and never past what has not been told yet."""

import time
from collections.abc import Callable
from math import inf

from tidewright.exchange.trade_log import MILLISECOND

SECOND = 1_000 * MILLISECOND


class ExchangeClock:
    """Stands still at `start` (nanoseconds since the epoch) until it is begun; `speed` is infinite where time goes from event to event.

    `monotonic` is the real time in seconds.
    """

    def __init__(self, start: int, speed: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self.start = start
        self._monotonic = monotonic
        self._began: float | None = None
        self._told = start
        self._open_until = start

    @property
    def running(self) -> bool:
        return self._began is not None

    def begin(self) -> None:
        if self._began is None:
            self._began = self._monotonic()

    def now(self) -> int:
        """Nanoseconds: `reach`, but never as far as something that has not been told of."""
        return (
            self._told if self._open_until <= self._told else max(self._told, min(int(self.reach()), self._open_until))
        )

    def milliseconds(self) -> int:
        return self.now() // MILLISECOND

    def reach(self) -> float:
        """How far time has come by its speed, whatever has been told."""
        if self._began is None:
            return self.start
        return inf if self.speed == inf else self.start + (self._monotonic() - self._began) * self.speed * SECOND

    def advance(self, to: int) -> None:
        """All that happened until then was told."""
        self._told = max(self._told, to)

    def open(self, until: int) -> None:
        """Nothing happens until then, exclusive; time may pass."""
        self._open_until = until - 1

    def until(self, moment: float) -> float:
        """Real seconds from now to a moment; 0 where it is over or time does not count."""
        return 0.0 if self.speed == inf else max(0.0, (moment - self.reach()) / self.speed / SECOND)
