"""Directional movement agrees with TA-Lib, the Donchian channel with pandas."""

import numpy as np
import pandas as pd
import pytest
import talib

from tidewright.domain.indicators.trend import adx, donchian


@pytest.mark.parametrize("window", [2, 14, 50])
def test_adx_and_both_directional_indicators_agree_with_talib(bars, agrees, window):
    columns = (bars.high, bars.low, bars.close)
    movement = adx(*columns, window)
    agrees(movement.adx, talib.ADX(*columns, window))
    agrees(movement.plus_di, talib.PLUS_DI(*columns, window))
    agrees(movement.minus_di, talib.MINUS_DI(*columns, window))


def test_adx_takes_arrays_that_begin_with_nan(walk):
    plain = adx(walk.high[:200], walk.low[:200], walk.close[:200], 14)
    late = adx(*(np.concatenate([np.full(9, np.nan), column[:200]]) for column in walk[:3]), 14)
    for shifted, expected in zip(late, plain, strict=True):
        np.testing.assert_array_equal(shifted, np.concatenate([np.full(9, np.nan), expected]))


@pytest.mark.parametrize("column", ["high", "low", "close"])
def test_adx_starts_afresh_after_a_nan(walk, column):
    columns = {name: getattr(walk, name)[:200].copy() for name in ("high", "low", "close")}
    columns[column][90] = np.nan
    later = {name: values[91:] for name, values in columns.items()}
    for holed, fresh in zip(adx(**columns, window=14), adx(**later, window=14), strict=True):
        assert np.isnan(holed[90])
        np.testing.assert_array_equal(holed[91:], fresh)


def test_adx_of_prices_that_only_rise():
    price = np.arange(1.0, 60.0)
    strength, plus, minus = adx(price + 0.5, price - 0.5, price, 5)
    assert (minus[5:] == 0.0).all()
    assert (plus[5:] > 0.0).all()
    np.testing.assert_allclose(strength[9:], 100.0)


def test_adx_without_any_range_is_zero_as_in_talib():
    flat = np.full(30, 0.1)
    for values, first in zip(adx(flat, flat, flat, 5), (9, 5, 5), strict=True):
        assert (values[first:] == 0.0).all()
    np.testing.assert_array_equal(adx(flat, flat, flat, 5).adx, talib.ADX(flat, flat, flat, 5))


@pytest.mark.parametrize("window", [1, 2, 20, 55])
def test_donchian_agrees_with_pandas(bars, window):
    lower = pd.Series(bars.low).rolling(window).min()
    upper = pd.Series(bars.high).rolling(window).max()
    bands = donchian(bars.high, bars.low, window)
    np.testing.assert_array_equal(bands.lower, lower)
    np.testing.assert_array_equal(bands.upper, upper)
    np.testing.assert_allclose(bands.middle, (lower + upper) / 2.0, rtol=1e-15)


def test_no_close_leaves_the_channel_of_its_own_bar_but_breakouts_leave_the_one_before(walk):
    upper = donchian(walk.high, walk.low, 20).upper[19:]
    close = walk.close[19:]
    assert not (close > upper).any()
    assert (close[1:] > upper[:-1]).any()
