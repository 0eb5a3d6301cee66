"""Points in time as they are written; the arithmetic knows them as milliseconds since the epoch, UTC."""

import numpy as np


def utc(time: int) -> str:
    """RFC 3339 in UTC, ``2024-01-31T04:00:00Z``; milliseconds appear where they are not zero."""
    unit, length = ("s", 1_000) if time % 1_000 == 0 else ("ms", 1)
    return f"{np.datetime64(int(time) // length, unit)}Z"
