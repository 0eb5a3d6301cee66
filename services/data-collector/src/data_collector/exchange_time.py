"""The exchange's clock as seen from here."""

from dataclasses import dataclass

from tidewright.ports import Clock

_BELIEVED = 3_600_000


@dataclass(frozen=True, slots=True)
class Skew:
    """The exchange's clock is `offset` milliseconds ahead of this machine's, give or take `error`: half of the request's round trip."""

    offset: float
    error: float


class ExchangeTime:
    """The last measurement is believed; where the exchange's own messages are of a later time, that is.

    So it keeps up with an exchange whose time runs faster, such as a local one that replays a recording. A message of more than an hour ahead is not believed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = 0
        self.skew: Skew | None = None

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return max(self._seen, self._reckoned())

    def measured(self, told: int, sent: int, received: int) -> None:
        """The exchange told its time in the answer to a request that was sent and received at these times of this machine."""
        self.skew = Skew(told - (sent + received) / 2, (received - sent) / 2)

    def seen(self, time: int) -> None:
        """A message of the exchange is of this time."""
        if self._seen < time < self._reckoned() + _BELIEVED:
            self._seen = time

    def _reckoned(self) -> int:
        return self._clock.now() + (round(self.skew.offset) if self.skew else 0)
