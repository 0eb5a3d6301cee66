"""Points in time as they are written; the arithmetic knows them as milliseconds since the epoch, UTC."""

import numpy as np


def utc(time: int) -> str:
    """RFC 3339 in UTC, ``2024-01-31T04:00:00Z``; milliseconds appear where they are not zero."""
    moment = np.datetime64(time, "ms") if time % 1_000 else np.datetime64(time // 1_000, "s")
    return f"{moment}Z"
