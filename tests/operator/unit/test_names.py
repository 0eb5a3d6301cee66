"""Names of children: the same ever again, and right whatever their parent is called."""

import re

import pytest

from tidewright_operator.names import child_name

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@pytest.mark.parametrize("name", ["a", "ma-cross-2020", "a.b.c", "x" * 253, "x" * 53 + "-" * 9 + "y", "a" + ".b" * 100])
@pytest.mark.parametrize("suffix", ["", "1", "12"])
def test_a_childs_name_is_a_label_and_begins_with_its_parents(name, suffix):
    child = child_name(name, "uid", suffix)

    assert LABEL.fullmatch(child)
    assert child.startswith(name[:10].replace(".", "-"))
    assert child.endswith(suffix)
    assert child == child_name(name, "uid", suffix)


def test_a_name_may_have_to_leave_room_for_more():
    assert len(child_name("x" * 253, "uid", "search-100", 59)) == 59


def test_children_of_others_have_other_names():
    names = {
        child_name(name, uid, suffix)
        for name in ("a", "b", "x" * 253, "x" * 252 + "y")
        for uid in ("1", "2")
        for suffix in ("", "1", "2")
    }

    # Two that begin alike differ by their UIDs only, as no two objects of a cluster have one.
    assert len(names) == 3 * 2 * 3
