"""RSI, MACD and the stochastic oscillator agree with TA-Lib."""

import numpy as np
import pytest
import talib

from tidewright.domain.indicators.averages import ema
from tidewright.domain.indicators.momentum import macd, rsi, stochastic


@pytest.mark.parametrize("window", [2, 14, 50])
def test_rsi_agrees_with_talib(bars, agrees, window):
    agrees(rsi(bars.close, window), talib.RSI(bars.close, window))


def test_rsi_of_prices_that_only_move_one_way():
    rising = np.arange(1.0, 20.0)
    assert (rsi(rising, 5)[5:] == 100.0).all()
    assert (rsi(rising[::-1], 5)[5:] == 0.0).all()


def test_rsi_without_any_movement_is_zero_as_in_talib():
    flat = np.full(20, 0.1)
    assert (rsi(flat, 5)[5:] == 0.0).all()
    np.testing.assert_array_equal(rsi(flat, 5), talib.RSI(flat, 5))


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (5, 35, 5), (3, 4, 2)])
def test_macd_agrees_with_talib(bars, agrees, fast, slow, signal):
    """The histogram crosses 0 as a difference of differences: it is compared on the scale of the line."""
    line, average, histogram = macd(bars.close, fast, slow, signal)
    expected = talib.MACD(bars.close, fast, slow, signal)
    scale = float(np.nanmean(np.abs(line)))
    agrees(line, expected[0], later=signal - 1, scale=scale)
    agrees(average, expected[1], scale=scale)
    agrees(histogram, expected[2], scale=scale)


def test_macd_is_the_difference_of_two_averages_once_seeds_are_forgotten(walk):
    line = macd(walk.close, 12, 26, 9).line
    assert line[-1] == pytest.approx((ema(walk.close, 12) - ema(walk.close, 26))[-1], rel=1e-12)


def test_macd_with_swapped_windows_changes_sign(walk):
    assert macd(walk.close, 26, 12, 9).line[-1] == pytest.approx(-macd(walk.close, 12, 26, 9).line[-1], rel=1e-12)


def test_macd_takes_an_array_that_begins_with_nan(walk):
    late = np.concatenate([np.full(30, np.nan), walk.close[:200]])
    for shifted, plain in zip(macd(late, 12, 26, 9), macd(walk.close[:200], 12, 26, 9), strict=True):
        np.testing.assert_array_equal(shifted[30:], plain)


@pytest.mark.parametrize(("window", "smooth_k", "smooth_d"), [(14, 3, 3), (5, 1, 4), (100, 10, 5)])
def test_stochastic_agrees_with_talib(bars, agrees, window, smooth_k, smooth_d):
    """On the scale of the oscillator: TA-Lib's running sums do not return to 0 where k does."""
    k, d = stochastic(bars.high, bars.low, bars.close, window, smooth_k, smooth_d)
    expected = talib.STOCH(bars.high, bars.low, bars.close, window, smooth_k, 0, smooth_d, 0)
    agrees(k, expected[0], later=smooth_d - 1, scale=100.0)
    agrees(d, expected[1], scale=100.0)


def test_stochastic_of_a_window_without_range_is_zero_as_in_talib():
    flat = np.full(12, 0.1)
    k, d = stochastic(flat, flat, flat, 5, 2, 3)
    assert (k[5:] == 0.0).all()
    assert (d[7:] == 0.0).all()
    np.testing.assert_array_equal(d, talib.STOCH(flat, flat, flat, 5, 2, 0, 3, 0)[1])


def test_stochastic_is_100_at_the_highest_high_and_0_at_the_lowest_low():
    rising = np.arange(1.0, 10.0)
    assert stochastic(rising, rising - 1.0, rising, 3, 1, 1).k[-1] == 100.0
    falling = rising[::-1].copy()
    assert stochastic(falling + 1.0, falling, falling, 3, 1, 1).k[-1] == 0.0


@pytest.mark.parametrize("name", ["fast", "slow", "signal"])
def test_macd_names_the_window_that_is_refused(name):
    windows = {"fast": 2, "slow": 3, "signal": 2, name: 0}
    with pytest.raises(ValueError, match=f"{name} is 0"):
        macd(np.ones(5), **windows)


@pytest.mark.parametrize("name", ["window", "smooth_k", "smooth_d"])
def test_stochastic_names_the_window_that_is_refused(name):
    windows = {"window": 2, "smooth_k": 3, "smooth_d": 2, name: 0}
    with pytest.raises(ValueError, match=f"{name} is 0"):
        stochastic(np.ones(5), np.ones(5), np.ones(5), **windows)
