"""Keys that stand for work."""

import pytest

from tidewright.serving.failures import Failure, Kind
from tidewright.serving.keys import Keys


def test_a_key_stands_for_the_work_that_it_came_with_first_in_every_process_of_the_folder(tmp_path):
    assert Keys(tmp_path).work_of("key", "sha256:request", "first") == "first"
    assert Keys(tmp_path).work_of("key", "sha256:request", "second") == "first"
    assert Keys(tmp_path).work_of("other", "sha256:request", "second") == "second"


@pytest.mark.parametrize("key", ["a" * 256, "", "a\nb"])
def test_a_key_that_is_none_is_refused(tmp_path, key):
    with pytest.raises(Failure, match="write 1 to 255 printable characters") as refused:
        Keys(tmp_path).work_of(key, "sha256:request", "work")
    assert refused.value.kind is Kind.INVALID


def test_a_key_with_another_request_is_refused(tmp_path):
    Keys(tmp_path).work_of("key", "sha256:request", "work")
    with pytest.raises(Failure, match="'key': it came with another request before") as refused:
        Keys(tmp_path).work_of("key", "sha256:another", "work")
    assert refused.value.kind is Kind.PRECONDITION


def test_a_key_that_somebody_is_just_taking_may_be_tried_again(tmp_path):
    Keys(tmp_path).work_of("key", "sha256:request", "work")
    (file,) = tmp_path.glob(".keys/*")
    file.write_text('{"request": "sha')
    with pytest.raises(Failure, match="is just being taken; try again") as refused:
        Keys(tmp_path).work_of("key", "sha256:request", "work")
    assert refused.value.kind is Kind.UNAVAILABLE
