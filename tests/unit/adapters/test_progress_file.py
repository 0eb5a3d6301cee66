import json

import pytest

from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.progress_file import progress_to
from tidewright.specs.status import Progress


def test_the_file_says_how_far_the_work_is(tmp_path):
    tell = progress_to((tmp_path / "progress.json").as_uri())
    for percent, stage in ((0, "Reading bars"), (14, "Trading")):
        tell(Progress(percent=percent, stage=stage))
        assert json.loads((tmp_path / "progress.json").read_text()) == {"percent": percent, "stage": stage}
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_a_place_that_cannot_be_written_is_no_reason_to_fail(tmp_path):
    (tmp_path / "file").write_text("")
    progress_to((tmp_path / "file" / "progress.json").as_uri())(Progress())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_place_that_there_is_not_is_refused():
    with pytest.raises(UrlRefused, match="does not know redis://"):
        progress_to("redis://here/progress")
