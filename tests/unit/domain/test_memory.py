"""The same of both forms: of plain Python, and of compiled code, which has instructions of its own for each function."""

import numpy as np
import pytest

from tidewright.domain.compiled import compiled, compiles
from tidewright.domain.memory import (
    address_of,
    addresses,
    c_function,
    call,
    code,
    fetch,
    real,
    record,
    whole,
    write_real,
    write_whole,
)

PAIR = np.dtype([("count", np.int64), ("price", np.float64)])


def _exercise(where, function):
    """Read and write all kinds, and return what was read."""
    fetch(where[0], 1)
    write_real(where[0], 2, real(where[0], 1) / 2)
    write_whole(where[1], 0, whole(where[1], 1) + code(where[2], 1))
    pair = record(where[3], 1, PAIR)
    pair.price = pair.price + pair.count
    return real(where[0], 2), whole(where[1], 0), code(where[2], 1), pair.price, call(function, 20)


@pytest.mark.parametrize("form", ["plain", "compiled"])
def test_addresses_lead_to_elements_and_records(form):
    if form == "compiled" and not compiles():
        pytest.skip("there is no compiler")
    floats, integers = np.array([1.5, 2.5, 0.0]), np.array([7, 8])
    bytes_, pairs = np.array([1, -3], dtype=np.int8), np.array([(1, 0.5), (2, 0.25)], dtype=PAIR)
    doubled = c_function(lambda number: 2 * number)
    exercise = compiled(_exercise) if form == "compiled" else _exercise
    read = exercise(addresses([floats, integers, bytes_, pairs]), address_of(doubled))

    assert read == (1.25, 5, -3, 2.25, 40)
    assert floats.tolist() == [1.5, 2.5, 1.25]
    assert integers.tolist() == [5, 8]
    assert pairs.tolist() == [(1, 0.5), (2, 2.25)]


def test_no_array_has_no_address():
    array = np.zeros(3)

    assert addresses([None, array]).tolist() == [0, array.ctypes.data]


def test_an_array_with_gaps_is_refused():
    with pytest.raises(ValueError, match="not contiguous"):
        addresses([np.zeros((4, 2))[:, 0]])
