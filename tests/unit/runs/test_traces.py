import json

import pytest

from tidewright.domain.timeframe import milliseconds
from tidewright.runs.traces import own_frames


def caught(action, *given):
    try:
        action(*given)
    except Exception as error:
        return error
    return pytest.fail("nothing was raised")


def test_frames_of_tidewright_and_of_libraries_are_left_out():
    def own(text):
        return json.loads(text)

    assert [frame.name for frame in own_frames(caught(own, "{"))] == ["caught", "own"]
    assert [frame.name for frame in own_frames(caught(milliseconds, "x"))] == ["caught"]


def test_an_error_that_was_never_raised_has_no_frames():
    assert own_frames(ValueError("boom")) == []
