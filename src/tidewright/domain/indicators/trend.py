"""Trend: whether prices are going anywhere, and the range that they would have to leave."""

from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.indicators.averages import wilder
from tidewright.domain.indicators.elementwise import change, previous, ratio
from tidewright.domain.indicators.volatility import Bands, true_range
from tidewright.domain.windows import window_max, window_min


class DirectionalMovement(NamedTuple):
    """Strength of a trend and movement in each direction, each of shape (n,), from 0 to 100."""

    adx: Floats
    plus_di: Floats
    minus_di: Floats


def adx(high: Floats, low: Floats, close: Floats, window: int) -> DirectionalMovement:
    """Average directional index with both directional indicators.

    The indicators are defined from index `window`, the index from ``2 * window - 1``. Where there was no range at all, or no movement in
    either direction, 0 is taken, as in TA-Lib. Source: Wilder (1978).
    """
    up, down = change(high), -change(low)
    ranges = true_range(high, low, close)
    zero = (high + low + close) * 0.0
    first = np.isnan(previous(zero))

    def smoothed(movement: Floats) -> Floats:
        # TA-Lib seeds with the sum of window - 1 movements: as the mean of a window whose first bar, which has none, counts 0.
        return wilder(np.where(first, zero, movement + zero), window)

    average_range = smoothed(ranges)
    plus = ratio(smoothed(np.where((up > down) & (up > 0.0), up, 0.0)), average_range, undefined=0.0)
    minus = ratio(smoothed(np.where((down > up) & (down > 0.0), down, 0.0)), average_range, undefined=0.0)
    seed = np.isnan(previous(average_range))
    plus[seed] = minus[seed] = np.nan
    directional_index = 100.0 * ratio(np.abs(plus - minus), plus + minus, undefined=0.0)
    return DirectionalMovement(wilder(directional_index, window), 100.0 * plus, 100.0 * minus)


def donchian(high: Floats, low: Floats, window: int) -> Bands:
    """Donchian channel: lowest low and highest high of the last `window` bars, and the middle between them.

    Defined from index ``window - 1``. The current bar belongs to its own channel, so a close can never lie outside it: a breakout
    is a close beyond the *previous* bar's channel. Source: Richard Donchian.
    """
    lower, upper = window_min(low, window), window_max(high, window)
    return Bands(lower, (lower + upper) / 2.0, upper)
