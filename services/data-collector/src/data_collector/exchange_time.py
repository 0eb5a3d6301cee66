"""The exchange's clock as seen from here."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from tidewright.ports import Clock

_BELIEVED = 3_600_000
_WAITED = 1_000
"""An answer that took as many milliseconds has waited for its turn: it says little of how far the clocks are apart."""


@dataclass(frozen=True, slots=True)
class Skew:
    """The exchange's clock is `offset` milliseconds ahead of this machine's, give or take `error`: half of the request's round trip."""

    offset: float
    error: float


class ExchangeTime:
    """What the exchange told last, and what has passed since it came; where a message that came later is of a later time, that is believed.

    So it is never ahead of the exchange, however long the question waited, and no step of this machine's clock moves it; and it keeps up with an exchange whose time runs faster,
    such as a local one that replays a recording. A message of more than an hour ahead is not believed, and any only until the exchange is asked again. `passing` is a clock in
    seconds that only rises.
    """

    def __init__(self, clock: Clock, passing: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._passing = passing
        self._told: int | None = None
        self._since = 0.0
        self._seen = 0
        self.skew: Skew | None = None

    def now(self) -> int:
        """Milliseconds since the epoch; by this machine's clock before the first measurement."""
        return max(self._seen, self._reckoned())

    def measured(self, told: int, sent: int, received: int) -> None:
        """The exchange told its time just now, in the answer to a request that was sent and received at these times of this machine."""
        self._told, self._since, self._seen = told, self._passing(), 0
        if self.skew is None or received - sent < _WAITED:
            self.skew = Skew(told - (sent + received) / 2, (received - sent) / 2)

    def seen(self, time: int) -> None:
        """A message of the exchange, which is beyond doubt, is of this time."""
        if self._seen < time < self._reckoned() + _BELIEVED:
            self._seen = time

    def _reckoned(self) -> int:
        if self._told is None:
            return self._clock.now()
        return self._told + int((self._passing() - self._since) * 1_000)
