import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.filters import BRACKET
from tidewright.domain.orders import ORDER
from tidewright.domain.position import POSITION, TERMS
from tidewright.domain.room import BOOK, FILL, REFUSAL, ROOM, drop_holder, note_holder
from tidewright.domain.watching import BLOCK, HOLDING

SYMBOLS = 8

RECORDS = {
    "book": BOOK,
    "fill": FILL,
    "refusal": REFUSAL,
    "room": ROOM,
    "order": ORDER,
    "position": POSITION,
    "terms": TERMS,
    "bracket": BRACKET,
    "block": BLOCK,
    "holding": HOLDING,
}


@pytest.mark.parametrize("kind", RECORDS.values(), ids=RECORDS)
def test_no_field_has_the_name_of_something_else_that_numpy_means(kind):
    """``record.size`` would be the field in compiled code and 1, the number of elements, in plain Python."""
    assert not [name for name in kind.names if hasattr(np.recarray, name) or hasattr(np.record, name)]


@pytest.mark.parametrize("kind", RECORDS.values(), ids=RECORDS)
def test_every_field_is_one_or_more_numbers_of_eight_bytes_without_gaps(kind):
    """So that one record begins where the last one ends, whoever counts."""
    sizes = [kind.fields[name][0].itemsize for name in kind.names]

    assert all(kind.fields[name][0].base in {np.dtype(np.int64), np.dtype(np.float64)} for name in kind.names)
    assert sum(sizes) == kind.itemsize


@given(st.lists(st.integers(0, SYMBOLS - 1), max_size=60))
def test_the_holders_are_in_their_order_whoever_comes_and_goes(turns):
    """Each turn, a symbol that has a position loses it, and one that has none gets one."""
    list_of = np.zeros(SYMBOLS + 1, dtype=np.int64)
    room = np.zeros(1, dtype=ROOM).view(np.recarray)[0]
    room.holders = list_of.ctypes.data
    held = set()

    for symbol in turns:
        (drop_holder if symbol in held else note_holder)(room, symbol)
        held ^= {symbol}
        assert list_of[: room.open].tolist() == sorted(held)
