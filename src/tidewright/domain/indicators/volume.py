"""Volume: where and in which direction it was traded."""

import math

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.compiled import compiled
from tidewright.domain.indicators.elementwise import ratio
from tidewright.domain.windows import window_sum


def obv(close: Floats, volume: Floats) -> Floats:
    """On-balance volume: volume added on a higher close, subtracted on a lower one, shape (n,), in the volume's unit.

    It begins with the first bar's volume, as in TA-Lib, so its level depends on where history starts, for ever; only its changes
    mean anything. It begins anew after a NaN. Source: Joseph Granville.
    """
    balance = np.array(volume, dtype=np.float64)
    _accumulate(np.array(close, dtype=np.float64), balance)
    return balance


def vwap(high: Floats, low: Floats, close: Floats, volume: Floats, window: int) -> Floats:
    """Average of the typical price ``(high + low + close) / 3`` weighted by volume over the last `window` bars, shape (n,).

    Defined from index ``window - 1``; NaN where the window has no volume.
    """
    typical = (high + low + close) / 3.0
    return ratio(window_sum(typical * volume, window), window_sum(volume, window), undefined=np.nan)


@compiled
def _accumulate(close: Floats, balance: Floats) -> None:
    """Turn `balance` from volumes into on-balance volume, in place."""
    total = 0.0
    before = np.nan
    for i in range(len(close)):
        volume = balance[i]
        if not (math.isfinite(close[i]) and math.isfinite(volume)):
            balance[i] = before = np.nan
            continue
        if close[i] > before:
            total = total + volume
        elif close[i] < before:
            total = total - volume
        elif not math.isfinite(before):
            total = volume
        balance[i] = total
        before = close[i]
