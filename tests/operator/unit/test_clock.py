"""Time as the API server writes it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tidewright_operator.clock import now, read, seconds_until, written

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_time_is_written_in_utc_to_the_second():
    assert written(NOON) == "2026-01-31T12:00:00Z"
    assert written(NOON.astimezone(timezone(timedelta(hours=2)))) == "2026-01-31T12:00:00Z"
    assert read(written(NOON)) == NOON
    assert read("2026-01-31") == NOON - timedelta(hours=12)


def test_now_can_be_written_without_loss():
    moment = now()

    assert read(written(moment)) == moment


@pytest.mark.parametrize(("age", "left"), [(3600, 1800), (1800, 0), (0, -1800), (1e15, 1e15 - 1800)])
def test_how_long_it_takes_until_something_is_so_old(age, left):
    assert seconds_until("2026-01-31T11:30:00Z", age, NOON) == left
