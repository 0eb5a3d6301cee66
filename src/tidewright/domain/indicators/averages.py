"""Moving averages. All of them reproduce a constant exactly, and with a window of 1 the input."""

import math

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.compiled import compiled
from tidewright.domain.windows import check_windows, window_mean, window_weighted_mean


def sma(x: Floats, window: int) -> Floats:
    """Simple moving average: the mean of the last `window` values, shape (n,); defined from index ``window - 1``."""
    return window_mean(x, window)


def wma(x: Floats, window: int) -> Floats:
    """Linearly weighted moving average, weights `window` (newest) to 1 (oldest), shape (n,); defined from ``window - 1``."""
    return window_weighted_mean(x, window)


def ema(x: Floats, window: int) -> Floats:
    """Exponential moving average with weight ``2 / (window + 1)``, shape (n,); defined from index ``window - 1``.

    The first value is the mean of the first `window` values, as in TA-Lib; from then on ``ema += (x - ema) * weight``.
    """
    check_windows(window=window)
    return _exponential(x, window, 2.0 / (window + 1))


def wilder(x: Floats, window: int) -> Floats:
    """Wilder's smoothing: an exponential average with weight ``1 / window``, shape (n,); defined from ``window - 1``.

    The first value is the mean of the first `window` values. Source: J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978).
    """
    check_windows(window=window)
    return _exponential(x, window, 1.0 / window)


def _exponential(x: Floats, window: int, weight: float) -> Floats:
    values = np.array(x, dtype=np.float64)  # writable and contiguous whatever came in: one type to compile for
    if window > 1:
        _smooth(values, window, weight)
    return values


@compiled
def _smooth(values: Floats, window: int, weight: float) -> None:
    """Replace `values` by their exponential average, in place; a value that is not finite ends one run and the next begins.

    A run is seeded by the running mean of its first `window` values, which unlike a sum leaves a constant as it is.
    """
    mean = 0.0
    count = 0
    for i in range(len(values)):
        value = values[i]
        values[i] = np.nan
        if not math.isfinite(value):
            mean = 0.0
            count = 0
            continue
        count += 1
        mean = mean + ((value - mean) / count if count <= window else (value - mean) * weight)
        if count >= window:
            values[i] = mean
