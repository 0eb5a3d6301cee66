"""Momentum: how fast and how far prices have moved of late."""

from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.indicators.averages import ema, sma, wilder
from tidewright.domain.indicators.elementwise import change, ratio
from tidewright.domain.windows import check_windows, window_max, window_min


class Macd(NamedTuple):
    """Moving average convergence/divergence, each of shape (n,), in the price's unit."""

    line: Floats
    signal: Floats
    histogram: Floats


class Stochastic(NamedTuple):
    """The slow stochastic oscillator, each of shape (n,), from 0 to 100."""

    k: Floats
    d: Floats


def rsi(close: Floats, window: int) -> Floats:
    """Relative strength index, 0 to 100, shape (n,); defined from index `window`.

    ``100 * gain / (gain + loss)`` of Wilder's averages of gains and losses. A stretch without any gain or loss gives 0, as TA-Lib does:
    a strategy that buys on a low RSI must ask for movement too. Source: Wilder (1978).
    """
    difference = change(close)
    gain = wilder(np.maximum(difference, 0.0), window)
    loss = wilder(np.maximum(-difference, 0.0), window)
    return 100.0 * ratio(gain, gain + loss, undefined=0.0)


def macd(close: Floats, fast: int, slow: int, signal: int) -> Macd:
    """MACD: line ``ema(fast) - ema(slow)``, its own EMA as the signal, and the difference of the two as the histogram.

    The line is defined from index ``slow - 1`` (the longer of both windows), signal and histogram ``signal - 1`` bars later. The fast
    average is seeded by the last `fast` values of the slow one's seed, as in TA-Lib, which however gives no line before the signal.
    Where `fast` is the longer window the line changes sign; TA-Lib swaps the two instead. Source: Gerald Appel.
    """
    check_windows(fast=fast, slow=slow, signal=signal)
    line = ema(_without_first(close, slow - fast), fast) - ema(close, slow)
    average = ema(line, signal)
    return Macd(line, average, line - average)


def _without_first(x: Floats, count: int) -> Floats:
    """`x` with its first `count` values that are not NaN made NaN, together with any NaN before them."""
    result = x.copy()
    start = int(np.argmin(np.isnan(x))) if len(x) else 0
    result[: start + max(count, 0)] = np.nan
    return result


def stochastic(high: Floats, low: Floats, close: Floats, window: int, smooth_k: int, smooth_d: int) -> Stochastic:
    """Slow stochastic: where the close lies in the range of the last `window` bars, 0 to 100, smoothed once (k) and twice (d).

    k is defined from index ``window + smooth_k - 2`` and d ``smooth_d - 1`` bars later; both averages are simple ones. A window
    without range counts 0, as in TA-Lib. Source: George Lane.
    """
    check_windows(window=window, smooth_k=smooth_k, smooth_d=smooth_d)
    lowest = window_min(low, window)
    position = 100.0 * ratio(close - lowest, window_max(high, window) - lowest, undefined=0.0)
    k = sma(position, smooth_k)
    return Stochastic(k, sma(k, smooth_d))
