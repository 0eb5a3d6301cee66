"""Volatility: how widely prices move, and bands of that width around an average."""

from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.indicators.averages import ema, wilder
from tidewright.domain.indicators.elementwise import previous, ratio
from tidewright.domain.windows import check_windows, window_moments


class Bands(NamedTuple):
    """A channel in the price's unit, each of shape (n,), with lower <= middle <= upper."""

    lower: Floats
    middle: Floats
    upper: Floats


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """The bar's range widened to the close before it, shape (n,); NaN on the first bar.

    As true high less true low: the largest of Wilder's three differences, to the bit. Source: Wilder (1978).
    """
    before = previous(close)
    return np.maximum(high, before) - np.minimum(low, before)


def atr(high: Floats, low: Floats, close: Floats, window: int) -> Floats:
    """Average true range: Wilder's average of the true range, shape (n,); defined from index `window`."""
    return wilder(true_range(high, low, close), window)


def bollinger(close: Floats, window: int, width: float) -> Bands:
    """Bollinger bands: the simple average and `width` >= 0 population standard deviations to either side.

    Defined from index ``window - 1``. A window without variation has three equal bands. Source: John Bollinger.
    """
    middle, deviation = _mean_and_deviation(close, window)
    return _bands(middle, deviation, width)


def keltner(high: Floats, low: Floats, close: Floats, window: int, atr_window: int, width: float) -> Bands:
    """Keltner channel: the EMA of the close over `window` and `width` >= 0 times the ATR over `atr_window` to either side.

    Lower and upper are defined from index ``max(window - 1, atr_window)``. Source: Linda Raschke's form of Keltner's channel.
    """
    check_windows(window=window, atr_window=atr_window)
    return _bands(ema(close, window), atr(high, low, close, atr_window), width)


def zscore(x: Floats, window: int) -> Floats:
    """The value's distance from its mean over `window`, in population standard deviations, shape (n,).

    Defined from index ``window - 1``; NaN where the window has no variation.
    """
    mean, deviation = _mean_and_deviation(x, window)
    return ratio(x - mean, deviation, undefined=np.nan)


def _mean_and_deviation(x: Floats, window: int) -> tuple[Floats, Floats]:
    mean, squares = window_moments(x, window)
    return mean, np.sqrt(squares / window)


def _bands(middle: Floats, deviation: Floats, width: float) -> Bands:
    return Bands(middle - width * deviation, middle, middle + width * deviation)
