"""Whether an object is what it should be."""

import pytest

from tidewright_operator.comparison import contains


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        ({"a": 1, "added": 2}, {"a": 1}),
        ({"a": {"b": [{"c": 1, "defaulted": True}]}}, {"a": {"b": [{"c": 1}]}}),
        ({}, {"labels": {}, "items": []}),
        ({"a": None}, {"a": {}}),
        ([], []),
        ("text", "text"),
        (1, 1.0),
    ],
)
def test_what_others_have_added_does_not_count(live, wanted):
    assert contains(live, wanted)


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        ({}, {"a": 1}),
        ({"a": 2}, {"a": 1}),
        ({"a": [1, 2]}, {"a": [1]}),
        ({"a": [2, 1]}, {"a": [1, 2]}),
        ({"a": "text"}, {"a": {"b": 1}}),
        ({"a": "text"}, {"a": ["text"]}),
        ({"a": 1}, {"a": "1"}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": {"d": 1}}}),
    ],
)
def test_what_is_missing_or_other_does(live, wanted):
    assert not contains(live, wanted)
