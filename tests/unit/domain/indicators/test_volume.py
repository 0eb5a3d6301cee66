"""On-balance volume agrees with TA-Lib, the rolling VWAP with pandas."""

import numpy as np
import pandas as pd
import pytest
import talib

from tidewright.domain.indicators import volume
from tidewright.domain.indicators.volume import obv, vwap


def test_obv_is_that_of_talib(bars):
    np.testing.assert_array_equal(obv(bars.close, bars.volume), talib.OBV(bars.close, bars.volume))


def test_obv_adds_on_a_rise_subtracts_on_a_fall_and_keeps_on_neither():
    assert obv(np.array([5.0, 6.0, 6.0, 4.0]), np.array([1.0, 2.0, 4.0, 8.0])).tolist() == [1.0, 3.0, 3.0, -5.0]


@pytest.mark.parametrize("column", ["close", "volume"])
def test_obv_begins_anew_after_a_nan(column):
    columns = {"close": np.array([5.0, 6.0, 7.0, 8.0, 9.0]), "volume": np.array([1.0, 2.0, 4.0, 8.0, 16.0])}
    columns[column][2] = np.nan
    np.testing.assert_array_equal(obv(**columns), [1.0, 3.0, np.nan, 8.0, 24.0])


def test_compiled_and_plain_python_agree_to_the_bit(walk):
    python = getattr(volume._accumulate, "py_func", volume._accumulate)
    plain, fast = walk.volume[:500].copy(), walk.volume[:500].copy()
    python(walk.close[:500], plain)
    volume._accumulate(walk.close[:500], fast)
    assert plain.tobytes() == fast.tobytes()


@pytest.mark.parametrize("window", [1, 2, 24, 100])
def test_vwap_agrees_with_pandas(walk, agrees, window):
    typical = pd.Series((walk.high + walk.low + walk.close) / 3.0)
    traded = pd.Series(walk.volume)
    expected = (typical * traded).rolling(window).sum() / traded.rolling(window).sum()
    agrees(vwap(*walk, window), expected.to_numpy())


def test_vwap_of_a_window_without_volume_is_undefined():
    price = np.array([1.0, 2.0, 3.0, 4.0])
    result = vwap(price, price, price, np.array([7.0, 0.0, 0.0, 7.0]), 2)
    np.testing.assert_array_equal(result, [np.nan, 1.0, np.nan, 4.0])
