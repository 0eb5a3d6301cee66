"""What REST requests cost, and when there is nothing left to spend: the exchange counts by the minute and tells how much has been used."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

_MINUTE = 60_000
_USED = ("x-mbx-used-weight-1m", "x-mbx-used-weight")


class Budget:
    """Of the weight that an address may use in a minute of the exchange's time, `most` is used.

    What others at the same address use counts as well, because the exchange's own count is what is held on to. `now` is the exchange's time in milliseconds.
    """

    def __init__(
        self, most: int, now: Callable[[], int], sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self.most = most
        self._now = now
        self._sleep = sleep
        self._minute = -1
        self._used = 0

    @property
    def used(self) -> int:
        """In the present minute."""
        return self._used if self._now() // _MINUTE == self._minute else 0

    async def spend(self, weight: int, share: float = 1.0) -> None:
        """Returns once a request of this weight may be sent; at once for one that alone is above the limit, in a minute of its own.

        What can wait keeps to a `share` of the limit, and leaves the rest to what cannot.
        """
        while self.used and self.used + weight > share * self.most:
            await self._sleep((_MINUTE - self._now() % _MINUTE) / 1_000)
        self._count(self.used + weight)

    def told(self, headers: Mapping[str, str]) -> None:
        """Take over the exchange's own count from an answer's headers; one that is lower is of an answer that was overtaken, or of the minute before."""
        used = next((headers[name] for name in _USED if name in headers), "")
        if used.isdecimal():
            self._count(max(self.used, int(used)))

    def _count(self, used: int) -> None:
        self._minute, self._used = self._now() // _MINUTE, used
