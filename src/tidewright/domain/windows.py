"""Rolling windows by doubling: sums, means, moments and extremes of the last `window` bars.

Blocks of 1, 2, 4, ... bars are made by merging two neighbours, and a window is merged from the blocks of its length's binary
expansion, the shortest the most recent. So the value at bar i is one fixed expression over the bars of its own window: it is
bit-equal wherever the history starts and whatever comes later, no rounding error drifts along the series as in a running sum,
and a NaN reaches the windows that hold it and no other. The cost is O(n log window) elementwise operations.

Every function takes a float64 array of shape (n,) and returns arrays of shape (n,); the first ``window - 1`` values are NaN, and so
is everything where the window is longer than the array. A window below 1 raises ValueError. Values are expected to be finite or NaN.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tidewright.domain.bars import Floats

_Blocks: TypeAlias = tuple[Floats, ...]
"""What is known of the blocks of one length, one array per quantity: entry j is of the block that begins at bar j."""

_Merge: TypeAlias = Callable[[_Blocks, int, _Blocks, int], _Blocks]
"""Quantities of joined blocks from those of a recent block, its length, those of the block before it, and its length."""


def check_windows(**windows: int) -> None:
    """Raise ValueError naming the first argument that is not a whole number of bars, 1 or more."""
    for name, window in windows.items():
        if not isinstance(window, int | np.integer) or window < 1:
            raise ValueError(f"{name} is {window!r}; make it a whole number of bars, 1 or more")


def window_sum(x: Floats, window: int) -> Floats:
    """Sum of the last `window` values."""
    return _by_doubling((x,), window, _merge_sums)[0]


def window_mean(x: Floats, window: int) -> Floats:
    """Mean of the last `window` values; never outside their range, so exact where they are all the same."""
    return _by_doubling((x,), window, _merge_means)[0]


def window_moments(x: Floats, window: int) -> tuple[Floats, Floats]:
    """Mean of the last `window` values and the sum of their squared deviations from it.

    The mean is bit-equal to `window_mean`; the sum of squares is never negative, and exactly 0 where all values are the same.
    Source: Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
    """
    mean, squares = _by_doubling((x, x - x), window, _merge_moments)
    return mean, squares


def window_weighted_mean(x: Floats, window: int) -> Floats:
    """Mean of the last `window` values with weights `window` for the newest down to 1 for the oldest.

    Exact where the values are all the same.
    """
    return _by_doubling((x, x), window, _merge_weighted_means)[1]


def window_max(x: Floats, window: int) -> Floats:
    """Largest of the last `window` values."""
    return _extreme(x, window, np.maximum)


def window_min(x: Floats, window: int) -> Floats:
    """Smallest of the last `window` values."""
    return _extreme(x, window, np.minimum)


def _by_doubling(bars: _Blocks, window: int, merge: _Merge) -> _Blocks:
    """Merge single bars, which are blocks of length 1, into windows."""
    check_windows(window=window)
    n = len(bars[0])
    if window > n:
        return tuple(np.full(n, np.nan) for _ in bars)
    block, size = bars, 1
    total, length = bars, 0
    while True:
        if window & size:
            total = _join(total, length, block, size, merge) if length else block
            length += size
        if length == window:
            return tuple(_aligned(values, n) for values in total)
        block = _join(block, size, block, size, merge)
        size *= 2


def _join(recent: _Blocks, recent_length: int, older: _Blocks, older_length: int, merge: _Merge) -> _Blocks:
    """Blocks of both lengths together: each older block with the recent block that begins where it ends."""
    recent = tuple(values[older_length:] for values in recent)
    older = tuple(values[: len(recent[0])] for values in older)
    return merge(recent, recent_length, older, older_length)


def _aligned(values: Floats, n: int) -> Floats:
    """Values by the bar at which a window ends, from values by the bar at which it begins."""
    result = np.full(n, np.nan)
    result[n - len(values) :] = values
    return result


def _merge_sums(recent: _Blocks, _a: int, older: _Blocks, _b: int) -> _Blocks:
    return (recent[0] + older[0],)


def _merge_means(recent: _Blocks, a: int, older: _Blocks, b: int) -> _Blocks:
    # The recent block is never the longer one: its share is at most one half, which keeps the mean within both means.
    return (older[0] + (recent[0] - older[0]) * (a / (a + b)),)


def _merge_moments(recent: _Blocks, a: int, older: _Blocks, b: int) -> _Blocks:
    difference = recent[0] - older[0]
    mean = older[0] + difference * (a / (a + b))
    return mean, recent[1] + older[1] + difference * difference * (a * b / (a + b))


def _merge_weighted_means(recent: _Blocks, a: int, older: _Blocks, b: int) -> _Blocks:
    """Weights in the recent block grow by b each: its part is its own weighted mean and b times its plain one."""
    (recent_mean, recent_weighted), (_, older_weighted) = recent, older
    weights = (a + b) * (a + b + 1) // 2
    own = (recent_weighted - older_weighted) * (a * (a + 1) // 2 / weights)
    lifted = (recent_mean - older_weighted) * (a * b / weights)
    return (*_merge_means(recent, a, older, b), older_weighted + own + lifted)


def _extreme(x: Floats, window: int, larger_or_smaller: Callable[[Floats, Floats], Floats]) -> Floats:
    """A window's extreme is that of two blocks which overlap: the longest power of two from either end."""
    check_windows(window=window)
    if window > len(x):
        return np.full(len(x), np.nan)
    block, size = x + 0.0, 1  # one kind of zero: which of -0.0 and 0.0 is the larger is left to the processor
    while 2 * size <= window:
        block = larger_or_smaller(block[size:], block[:-size])
        size *= 2
    rest = window - size
    return _aligned(larger_or_smaller(block[rest:], block[: len(block) - rest]), len(x))
