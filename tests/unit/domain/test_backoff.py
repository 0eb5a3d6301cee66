"""Pauses double up to a bound, are spread, and begin anew after a success."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.backoff import Backoff, pause_after


@pytest.mark.parametrize(("failures", "pause"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 30.0), (10_000, 30.0)])
def test_a_pause_is_half_of_what_doubles_where_the_least_is_drawn(failures, pause):
    assert pause_after(failures, 0.5, 30.0, drawn=0.0) == pause / 2


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_no_pause_is_longer_than_the_longest_or_shorter_than_half_of_the_first(failures, drawn):
    assert 0.25 <= pause_after(failures, 0.5, 30.0, drawn) <= 30.0


def test_after_a_success_pauses_begin_anew():
    backoff = Backoff(1.0, 8.0, lambda: 0.0)
    assert [backoff.failed() for _ in range(5)] == [0.5, 1.0, 2.0, 4.0, 4.0]
    backoff.succeeded()
    assert backoff.failed() == 0.5
