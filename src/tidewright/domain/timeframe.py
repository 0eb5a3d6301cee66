"""Lengths of time as they are written (``30m``, ``4h``, ``90d``) and as the arithmetic needs them (milliseconds)."""

import re

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

DAY = _UNITS["d"]
"""One day in milliseconds."""

TIMEFRAMES = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w")
"""The bar lengths that exchanges publish and that every bar series here has one of."""


def milliseconds(duration: str) -> int:
    """Milliseconds of a duration such as ``90d``, ``4h``, ``30m``, ``15s`` or ``2w``.

    Raises ValueError for anything else.
    """
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", duration)
    if match is None:
        raise ValueError(
            f"{duration!r} is not a duration; write a whole number and one of s, m, h, d, w, such as 90d or 4h"
        )
    return int(match[1]) * _UNITS[match[2]]


def duration(length: int) -> str:
    """The shortest exact way to write a length in milliseconds: 7_200_000 is ``2h``."""
    for unit in ("w", "d", "h", "m", "s"):
        if length % _UNITS[unit] == 0 and length:
            return f"{length // _UNITS[unit]}{unit}"
    return f"{length}ms"
