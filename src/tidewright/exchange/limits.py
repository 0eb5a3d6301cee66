"""How much an address may ask for: weight by the minute, and the ban of whoever does not stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

WEIGHT_PER_MINUTE = 6_000
"""Binance's limit for an address: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits."""

_MINUTE = 60.0
_HEEDLESS = 10
_BAN = 120.0


@dataclass(slots=True)
class _Address:
    minute: int = -1
    used: int = 0
    refused: int = 0
    banned_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Spent:
    """How much weight an address has used in this minute; a request that is refused has a `status`, 429 or 418, and is welcome again after `retry_after` seconds."""

    used: int
    status: int = 0
    retry_after: int = 0


class WeightLimits:
    """Weights by address, in minutes of real time."""

    def __init__(self, limit: int = WEIGHT_PER_MINUTE, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._monotonic = monotonic
        self._addresses: dict[str, _Address] = {}

    def spend(self, name: str, weight: int) -> Spent:
        """An address that goes on after ten refusals in a minute is banned for two."""
        now = self._monotonic()
        address = self._addresses.setdefault(name, _Address())
        if now < address.banned_until:
            return Spent(address.used, 418, ceil(address.banned_until - now))
        if (minute := int(now // _MINUTE)) != address.minute:
            address.minute, address.used, address.refused = minute, 0, 0
        if address.used + weight <= self.limit:
            address.used += weight
            return Spent(address.used)
        address.refused += 1
        if address.refused > _HEEDLESS:
            address.banned_until = now + _BAN
            return Spent(address.used, 418, ceil(_BAN))
        return Spent(address.used, 429, ceil(_MINUTE - now % _MINUTE))
