import pytest

from tidewright.cli.figures import shown


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "percent", "–"),
        (0.12345, "percent", "12.35%"),
        (-12.5, "percent", "-1,250.00%"),
        (10_000.456, "money", "10,000.46"),
        (1234.0, "count", "1,234"),
        (0.3275, "ratio", "0.33"),
        (90_000_000, "duration", "1.0 d"),
        (5_400_000, "duration", "1:30:00"),
        (0, "duration", "0:00:00"),
    ],
)
def test_a_figure_in_its_unit(value, unit, text):
    assert shown(value, unit) == text
