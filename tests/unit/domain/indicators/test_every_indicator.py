"""What holds for all indicators: causal to the bit, within their bounds, and at ease with short arrays."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tidewright.domain.indicators.averages import ema, sma, wilder, wma
from tidewright.domain.indicators.momentum import macd, rsi, stochastic
from tidewright.domain.indicators.trend import adx, donchian
from tidewright.domain.indicators.volatility import atr, bollinger, keltner, true_range, zscore
from tidewright.domain.indicators.volume import obv, vwap


class Bars(NamedTuple):
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray

    def part(self, first, last):
        return Bars(*(column[first:last] for column in self))


INDICATORS = {
    "sma": lambda b: [sma(b.close, 5)],
    "wma": lambda b: [wma(b.close, 5)],
    "ema": lambda b: [ema(b.close, 5)],
    "wilder": lambda b: [wilder(b.close, 5)],
    "rsi": lambda b: [rsi(b.close, 4)],
    "macd": lambda b: macd(b.close, 3, 6, 4),
    "stochastic": lambda b: stochastic(b.high, b.low, b.close, 5, 2, 3),
    "true_range": lambda b: [true_range(b.high, b.low, b.close)],
    "atr": lambda b: [atr(b.high, b.low, b.close, 4)],
    "bollinger": lambda b: bollinger(b.close, 5, 2.0),
    "zscore": lambda b: [zscore(b.close, 5)],
    "keltner": lambda b: keltner(b.high, b.low, b.close, 5, 3, 1.5),
    "adx": lambda b: adx(b.high, b.low, b.close, 3),
    "donchian": lambda b: donchian(b.high, b.low, 5),
    "obv": lambda b: [obv(b.close, b.volume)],
    "vwap": lambda b: [vwap(b.high, b.low, b.close, b.volume, 5)],
}
HISTORY = {"sma": 5, "wma": 5, "bollinger": 5, "zscore": 5, "donchian": 5, "vwap": 5, "stochastic": 8, "true_range": 2}
"""Bars on which a windowed indicator's value depends."""

every_indicator = pytest.mark.parametrize("name", INDICATORS)


@st.composite
def markets(draw, max_size=40, holes=False):
    """Bars on a coarse grid of prices, so that flat stretches and ties are common, with zero volumes and, if asked, NaN."""
    n = draw(st.integers(0, max_size))
    grid = st.integers(1, 12).map(lambda tick: tick * 0.1)
    three = draw(arrays(np.float64, (3, n), elements=grid | st.floats(1e-4, 1e6)))
    volume = draw(arrays(np.float64, n, elements=st.just(0.0) | st.floats(1e-3, 1e6)))
    bars = Bars(three.max(axis=0), three.min(axis=0), three[0], volume)
    if holes and n:
        draw(st.sampled_from(bars))[draw(st.integers(0, n - 1))] = np.nan
    return bars


def bits(x):
    """The array's bits, every NaN alike."""
    return np.where(np.isnan(x), np.nan, x).tobytes()


@every_indicator
@given(bars=markets(holes=True), cut=st.integers(0, 40))
def test_the_future_changes_no_bit(name, bars, cut):
    indicator = INDICATORS[name]
    for whole, prefix in zip(indicator(bars), indicator(bars.part(0, cut)), strict=True):
        assert bits(prefix) == bits(whole[:cut])


@pytest.mark.parametrize("name", HISTORY)
@given(bars=markets(holes=True), start=st.integers(0, 40))
def test_the_start_of_history_changes_no_bit_of_a_windowed_indicator(name, bars, start):
    indicator, first = INDICATORS[name], HISTORY[name] - 1
    for whole, later in zip(indicator(bars), indicator(bars.part(start, None)), strict=True):
        assert bits(later[first:]) == bits(whole[start + first :])


@every_indicator
@pytest.mark.parametrize("n", range(8))
def test_short_arrays_give_nan_of_their_own_length(name, n, walk):
    bars = Bars(*walk).part(0, 8)
    whole = INDICATORS[name](bars)
    for values, expected in zip(INDICATORS[name](bars.part(0, n)), whole, strict=True):
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, expected[:n])


@every_indicator
def test_no_value_before_the_first_bar_of_an_array_that_begins_with_nan(name, walk):
    """Save OBV's level, every indicator of a late array is that of the array without its beginning."""
    bars = Bars(*(column[:60] for column in walk))
    late = Bars(*(np.concatenate([np.full(7, np.nan), column]) for column in bars))
    for shifted, plain in zip(INDICATORS[name](late), INDICATORS[name](bars), strict=True):
        assert bits(shifted) == bits(np.concatenate([np.full(7, np.nan), plain]))


@every_indicator
def test_inputs_are_left_alone(name, walk):
    bars = Bars(*(column[:100].copy() for column in walk))
    for column in bars:
        column.flags.writeable = False
    for values in INDICATORS[name](bars):
        assert not any(np.shares_memory(values, column) for column in bars)


@given(bars=markets())
def test_oscillators_stay_within_0_and_100(bars):
    for name in ("rsi", "stochastic", "adx"):
        for values in INDICATORS[name](bars):
            defined = values[~np.isnan(values)]
            assert ((defined >= 0.0) & (defined <= 100.0)).all(), name


@given(bars=markets())
def test_bands_are_in_order(bars):
    for name in ("bollinger", "keltner", "donchian"):
        lower, middle, upper = INDICATORS[name](bars)
        defined = ~np.isnan(lower)
        assert (lower[defined] <= middle[defined]).all(), name
        assert (middle[defined] <= upper[defined]).all(), name


@given(bars=markets())
def test_true_range_is_never_below_the_range(bars):
    assert (true_range(*bars[:3])[1:] >= (bars.high - bars.low)[1:]).all()
