"""Time as the API server writes it."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def written(moment: datetime) -> str:
    """``2026-01-31T12:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> datetime:
    """The moment that `written` wrote; of a date its midnight in UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def seconds_until(text: str, age: float, at: datetime) -> float:
    """How long from `at` until something that began at the time in `text` is `age` seconds old; negative if it is older."""
    return (read(text) - at).total_seconds() + age
