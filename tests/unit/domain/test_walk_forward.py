"""Walk-forward windows, as tables of dates."""

from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.timeframe import DAY
from tidewright.domain.walk_forward import NoRoom, Span, WalkForward, walk_forward

HOUR = DAY // 24


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def told(moment):
    found = datetime.fromtimestamp(moment / 1000, UTC)
    return found.strftime("%Y-%m-%d" if found.hour == 0 else "%Y-%m-%dT%H")


def table(windows):
    return [tuple(told(moment) for span in window for moment in span) for window in windows]


YEAR = Span(at("2023-01-01"), at("2024-01-01"))


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (
            WalkForward(1, Fraction("0.7")),
            [("2023-01-01", "2023-09-14", "2023-09-14", "2024-01-01")],
        ),
        (
            # 365 days in windows of 365 / 1.6 = 228.1, of which 182.5 are chosen on and 45.6 judged.
            WalkForward(4, Fraction("0.8")),
            [
                ("2023-01-01", "2023-07-02", "2023-07-02", "2023-08-17"),
                ("2023-02-16", "2023-08-17", "2023-08-17", "2023-10-02"),
                ("2023-04-02", "2023-10-02", "2023-10-02", "2023-11-16"),
                ("2023-05-18", "2023-11-16", "2023-11-16", "2024-01-01"),
            ],
        ),
        (
            WalkForward(4, Fraction("0.8"), anchored=True),
            [
                ("2023-01-01", "2023-07-02", "2023-07-02", "2023-08-17"),
                ("2023-01-01", "2023-08-17", "2023-08-17", "2023-10-02"),
                ("2023-01-01", "2023-10-02", "2023-10-02", "2023-11-16"),
                ("2023-01-01", "2023-11-16", "2023-11-16", "2024-01-01"),
            ],
        ),
        (
            WalkForward(2, Fraction("0.5"), purge=2 * DAY, embargo=12 * HOUR),
            [
                ("2023-01-01", "2023-05-01", "2023-05-03T12", "2023-09-01"),
                ("2023-05-03", "2023-08-30", "2023-09-01T12", "2024-01-01"),
            ],
        ),
    ],
    ids=["holdout", "rolling", "anchored", "purge and embargo"],
)
def test_cuts_a_year(cut, expected):
    assert table(walk_forward(YEAR, DAY, cut)) == expected


@given(
    days=st.integers(50, 4000),
    windows=st.integers(1, 12),
    share=st.integers(10, 90),
    anchored=st.booleans(),
    unit=st.sampled_from([HOUR, DAY]),
)
def test_what_is_judged_follows_one_another_to_the_end_and_lies_after_what_was_chosen_on(
    days, windows, share, anchored, unit
):
    period = Span(at("2020-01-01"), at("2020-01-01") + days * DAY)
    try:
        found = walk_forward(period, unit, WalkForward(windows, Fraction(share, 100), anchored))
    except NoRoom:
        assert days < 40 * windows
        return
    assert len(found) == windows
    assert found[0].in_sample.start == period.start
    assert found[-1].out_of_sample.end == period.end
    assert all(window.in_sample.end == window.out_of_sample.start for window in found)
    assert all(a.out_of_sample.end == b.out_of_sample.start for a, b in pairwise(found))
    starts = [window.in_sample.start for window in found]
    assert starts == [period.start] * windows if anchored else starts == sorted(set(starts))
    lengths = [window.out_of_sample.end - window.out_of_sample.start for window in found]
    assert max(lengths) - min(lengths) <= 2 * unit


@pytest.mark.parametrize(
    ("cut", "named"),
    [
        (WalkForward(1, Fraction("0.5"), purge=200 * DAY), "in-sample part of window 1 of 1.*purge"),
        (WalkForward(2, Fraction("0.5"), embargo=130 * DAY), "out-of-sample part of window 1 of 2.*embargo"),
        (WalkForward(64, Fraction("0.95")), "of window 1 of 64|out-of-sample part of window"),
    ],
)
def test_says_which_part_has_no_room(cut, named):
    with pytest.raises(NoRoom, match=named):
        walk_forward(YEAR if cut.windows < 10 else Span(YEAR.start, YEAR.start + 20 * DAY), DAY, cut)
