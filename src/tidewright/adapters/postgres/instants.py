"""Times as PostgreSQL has them: one as a datetime, many as the microseconds since 2000 that a timestamptz is in binary."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from tidewright.adapters.archive_input import EARLIEST, LATEST
from tidewright.domain.bars import Integers

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POSTGRES_EPOCH = 946_684_800_000
_MILLISECOND = timedelta(milliseconds=1)


def moment(time: int) -> datetime:
    """Milliseconds since 1970 as a datetime; a time outside of all that is kept becomes the edge of that."""
    return _EPOCH + min(max(time, EARLIEST), LATEST) * _MILLISECOND


def time_of(moment: datetime) -> int:
    """A datetime as milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def stamps(times: Integers) -> Integers:
    """Milliseconds since 1970, shape (n,), as timestamptz."""
    found: Integers = (times - _POSTGRES_EPOCH) * 1_000
    return found


def times(stamps: Integers) -> Integers:
    """And back; what is finer than a millisecond is cut off."""
    found: Integers = stamps // 1_000 + _POSTGRES_EPOCH
    return found


def truncated(times: Integers, unit: Literal["Y", "M"]) -> Integers:
    """The starts of the years or months, in milliseconds, that times in milliseconds fall in."""
    starts: Integers = (
        times.astype("datetime64[ms]").astype(f"datetime64[{unit}]").astype("datetime64[ms]").astype(np.int64)
    )
    return starts
