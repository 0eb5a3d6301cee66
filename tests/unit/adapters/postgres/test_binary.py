import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.adapters.postgres.binary import NotBinary, decoded, encoded

KINDS = {"i": np.int32, "l": np.int64, "f": np.float64, "b": np.bool_}


def columns(rows):
    return {name: np.array([row[place] for row in rows], kind) for place, (name, kind) in enumerate(KINDS.items())}


rows = st.lists(
    st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans()),
    max_size=50,
)


@given(rows)
def test_what_is_encoded_is_decoded_bit_for_bit(rows):
    given = columns(rows)
    found = decoded(list(encoded(given)), KINDS)

    assert {name: values.tobytes() for name, values in found.items()} == {
        name: values.tobytes() for name, values in given.items()
    }


def test_a_long_table_goes_out_in_parts():
    parts = list(encoded({"l": np.arange(500_000)}))

    assert len(parts) > 5
    assert max(map(len, parts)) <= 1 << 20
    assert decoded(parts, {"l": np.int64})["l"].tolist() == list(range(500_000))


def test_the_form_is_the_one_that_is_documented():
    assert b"".join(encoded({"i": np.array([1], np.int32), "b": np.array([True])})) == (
        b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\2" + b"\0\0\0\4\0\0\0\1" + b"\0\0\0\1\1" + b"\xff\xff"
    )


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: b"",
        lambda data: data[:-2],
        lambda data: b"x" + data[1:],
        lambda data: data[:-3] + data[-2:],
        lambda data: data.replace(b"\0\0\0\10", b"\xff\xff\xff\xff"),
    ],
)
def test_what_is_no_such_table_is_refused(broken):
    data = b"".join(encoded({"l": np.arange(3)}))

    with pytest.raises(NotBinary):
        decoded([broken(data)], {"l": np.int64})
