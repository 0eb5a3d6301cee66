"""Time as the API server writes it."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """This moment, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def written(moment: datetime) -> str:
    """``2026-01-31T12:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> datetime:
    """The moment that `written` wrote."""
    return datetime.fromisoformat(text)


def seconds_until(text: str, age: timedelta, at: datetime) -> float:
    """How long from `at` until something that began at the time in `text` is as old as `age`; negative if it is older."""
    return (read(text) + age - at).total_seconds()
