import numpy as np

from tidewright.domain.longer import longer
from tidewright.domain.rules.memo import Memo


def array(value):
    return (np.full(10, float(value)),)


def test_a_value_is_computed_once():
    memo, calls = Memo(), []
    for _ in range(3):
        memo.recall("key", lambda: calls.append(1) or array(5))
    assert len(calls) == 1
    assert memo.recall("key", lambda: array(0))[0][0] == 5.0


def test_the_least_recently_used_is_forgotten_beyond_the_limit():
    memo = Memo(limit=160)
    memo.recall("a", lambda: array(1))
    memo.recall("b", lambda: array(2))
    memo.recall("a", lambda: array(-1))
    memo.recall("c", lambda: array(3))
    assert len(memo) == 2
    assert memo.recall("a", lambda: array(-1))[0][0] == 1.0
    assert memo.recall("b", lambda: array(-2))[0][0] == -2.0


def test_longer_bars_take_the_room_of_their_arrays(bars):
    made = longer(bars, "5m")
    size = 8 * (400 + 6 * 80)
    for limit, kept in ((size, 1), (size - 1, 0)):
        memo = Memo(limit=limit)
        assert memo.recall("5m", lambda: made) is made
        assert len(memo) == kept


def test_a_value_larger_than_the_limit_is_given_and_not_kept():
    memo = Memo(limit=10)
    assert memo.recall("a", lambda: array(1))[0][0] == 1.0
    assert len(memo) == 0
