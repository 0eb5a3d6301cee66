import pytest

from tidewright.domain.timeframe import DAY, TIMEFRAMES, duration, milliseconds


@pytest.mark.parametrize(
    ("text", "length"),
    [("15s", 15_000), ("30m", 1_800_000), ("4h", 14_400_000), ("90d", 90 * DAY), ("2w", 14 * DAY), ("0m", 0)],
)
def test_a_duration_in_milliseconds(text, length):
    assert milliseconds(text) == length


@pytest.mark.parametrize("text", ["", "4", "h", "4 h", "-4h", "1.5h", "4H", "4h30m", "1M", "4h\n", "9999999999d", "٤h"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="such as 90d or 4h"):
        milliseconds(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [(7_200_000, "2h"), (5_400_000, "90m"), (7 * DAY, "1w"), (90 * DAY, "90d"), (1_500, "1500ms"), (0, "0ms")],
)
def test_a_length_is_written_in_its_largest_whole_unit(length, text):
    assert duration(length) == text


def test_timeframes_are_written_as_they_are_read():
    lengths = [milliseconds(timeframe) for timeframe in TIMEFRAMES]

    assert [duration(length) for length in lengths] == list(TIMEFRAMES)
    assert lengths == sorted(lengths)
