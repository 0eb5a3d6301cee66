"""True range, ATR, bands and the z-score agree with TA-Lib or with their formula in pandas."""

import numpy as np
import pandas as pd
import pytest
import talib

from tidewright.domain.indicators.volatility import atr, bollinger, keltner, true_range, zscore


def test_true_range_is_the_largest_of_wilders_three_differences(bars):
    np.testing.assert_array_equal(
        true_range(bars.high, bars.low, bars.close), talib.TRANGE(bars.high, bars.low, bars.close)
    )


@pytest.mark.parametrize("window", [2, 14, 50])
def test_atr_agrees_with_talib(bars, agrees, window):
    agrees(atr(bars.high, bars.low, bars.close, window), talib.ATR(bars.high, bars.low, bars.close, window))


@pytest.mark.parametrize(("window", "width"), [(5, 1.5), (20, 2.0), (100, 3.0)])
def test_bollinger_agrees_with_talib(bars, agrees, window, width):
    upper, middle, lower = talib.BBANDS(bars.close, window, width, width)
    bands = bollinger(bars.close, window, width)
    agrees(bands.lower, lower)
    agrees(bands.middle, middle)
    agrees(bands.upper, upper)


def test_bollinger_of_a_constant_has_three_equal_bands():
    for band in bollinger(np.full(30, 0.1), 7, 2.0):
        assert (band[6:] == 0.1).all()


@pytest.mark.parametrize(("window", "atr_window"), [(20, 10), (5, 30)])
def test_keltner_agrees_with_pandas(walk, agrees, window, atr_window):
    """pandas seeds by the first value instead: compared once both seeds weigh less than 1e-12."""
    high, low, close = (pd.Series(column) for column in walk[:3])
    before = close.shift()
    ranges = pd.concat([high - low, (high - before).abs(), (low - before).abs()], axis=1).max(axis=1, skipna=False)
    middle = close.ewm(span=window, adjust=False).mean()
    reach = 1.5 * ranges.ewm(alpha=1.0 / atr_window, adjust=False, ignore_na=True).mean()
    bands = keltner(*walk[:3], window, atr_window, 1.5)
    for band, expected in zip(bands, (middle - reach, middle, middle + reach), strict=True):
        np.testing.assert_allclose(band[1_000:], expected[1_000:], rtol=1e-9)
    assert int(np.isnan(bands.lower).sum()) == max(window - 1, atr_window)


@pytest.mark.parametrize("window", [2, 20, 100])
def test_zscore_agrees_with_pandas(walk, agrees, window):
    rolling = pd.Series(walk.close).rolling(window)
    mean = rolling.apply(np.mean, raw=True)
    deviation = rolling.apply(np.std, raw=True)
    agrees(zscore(walk.close, window), ((walk.close - mean) / deviation).to_numpy(), scale=1.0)


def test_zscore_without_variation_is_undefined_and_says_nothing_of_later_windows():
    x = np.array([0.1, 0.1, 0.1, 0.1, 0.4])
    result = zscore(x, 3)
    assert np.isnan(result[:4]).all()
    assert result[4] == pytest.approx(np.sqrt(2.0))


@pytest.mark.parametrize("name", ["window", "atr_window"])
def test_keltner_names_the_window_that_is_refused(name):
    windows = {"window": 2, "atr_window": 3, name: 0}
    with pytest.raises(ValueError, match=f"{name} is 0"):
        keltner(np.ones(5), np.ones(5), np.ones(5), **windows, width=2.0)
