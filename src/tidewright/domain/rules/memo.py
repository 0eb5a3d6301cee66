"""Indicator arrays that are kept between the runs of a parameter sweep."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.longer import Longer

Array: TypeAlias = NDArray[np.float64] | NDArray[np.bool_]
Arrays: TypeAlias = tuple[Array, ...]

_Value = TypeVar("_Value", Arrays, Longer)


class Memo:
    """Values by key, the least recently used forgotten once their arrays exceed `limit` bytes.

    One memo belongs to one series of bars: nothing in a key says which. It may be shared between threads, which may then
    compute the same value twice. What it gives must not be written to.
    """

    def __init__(self, limit: int = 64_000_000) -> None:
        self.limit = limit
        self._size = 0
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def recall(self, key: Hashable, compute: Callable[[], _Value]) -> _Value:
        """The value kept for `key`, or that of `compute`; what is under a key is always of one type."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                kept: _Value = self._values[key]
                return kept
        value = compute()
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._size += _bytes(value)
            while self._size > self.limit:
                self._size -= _bytes(self._values.popitem(last=False)[1])
        return value


def _bytes(value: Arrays | Longer) -> int:
    return sum(array.nbytes for array in value) if isinstance(value, tuple) else value.nbytes
