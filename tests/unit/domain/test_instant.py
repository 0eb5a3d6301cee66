import pytest

from tidewright.domain.instant import utc


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_706_673_600_000, "2024-01-31T04:00:00Z"),
        (1_706_673_600_007, "2024-01-31T04:00:00.007Z"),
        (-1_000, "1969-12-31T23:59:59Z"),
    ],
)
def test_an_instant_is_written_as_rfc_3339(time, written):
    assert utc(time) == written
