"""Arguments of requests, as what they mean."""

from tidewright.serving.failures import Failure, Kind
from tidewright.specs.quantities import epoch_milliseconds


def time_argument(name: str, text: str) -> int:
    """Milliseconds since the epoch. Raises Failure for what is no time."""
    try:
        return epoch_milliseconds(text)
    except (ValueError, OverflowError):
        message = f"{name}: {text!r}: not a time; write it as 2024-01-31T04:00:00Z or 2024-01-31"
        raise Failure(Kind.INVALID, message) from None
