"""Indicator arrays that are kept between the runs of a parameter sweep."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64] | NDArray[np.bool_]
Arrays: TypeAlias = tuple[Array, ...]


class Memo:
    """Values by key, the least recently used forgotten once their arrays exceed `limit` bytes.

    One memo belongs to one series of bars: nothing in a key says which. It may be shared between threads, which may then
    compute the same value twice. What it gives must not be written to.
    """

    def __init__(self, limit: int = 64_000_000) -> None:
        self.limit = limit
        self._size = 0
        self._values: OrderedDict[Hashable, Arrays] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def recall(self, key: Hashable, compute: Callable[[], Arrays]) -> Arrays:
        """The value kept for `key`, or that of `compute`."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = compute()
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._size += _bytes(value)
            while self._size > self.limit:
                self._size -= _bytes(self._values.popitem(last=False)[1])
        return value


def _bytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays)
