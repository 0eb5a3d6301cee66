"""Moving averages agree with TA-Lib and keep what an average must keep."""

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.indicators import averages
from tidewright.domain.indicators.averages import ema, sma, wilder, wma

AVERAGES = [sma, wma, ema, wilder]
every_average = pytest.mark.parametrize("average", AVERAGES)


@pytest.mark.parametrize("window", [2, 3, 14, 30, 200])
@pytest.mark.parametrize(("average", "judge"), [(sma, talib.SMA), (wma, talib.WMA), (ema, talib.EMA)])
def test_agrees_with_talib(bars, agrees, average, judge, window):
    agrees(average(bars.close, window), judge(bars.close, window))


def test_wilder_agrees_with_its_own_formula():
    """Wilder: yesterday's average times window - 1, plus today's value, over window."""
    assert wilder(np.array([1.0, 2.0, 6.0, 12.0, 0.0]), 3)[2:] == pytest.approx([3.0, 6.0, 4.0], rel=1e-15)


@every_average
@given(constant=st.floats(1e-8, 1e8), window=st.integers(1, 60))
def test_a_constant_is_its_own_average(average, constant, window):
    result = average(np.full(100, constant), window)
    assert np.isnan(result[: window - 1]).all()
    assert (result[window - 1 :] == constant).all()


@every_average
def test_one_bar_is_its_own_average(walk, average):
    assert average(walk.close, 1).tobytes() == walk.close.tobytes()


@pytest.mark.parametrize("average", [sma, ema, wilder])
@given(x=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60), window=st.integers(1, 30))
def test_an_average_lies_within_what_it_averages(average, x, window):
    result = average(np.array(x), window)[window - 1 :]
    assert ((result >= min(x)) & (result <= max(x))).all()


@pytest.mark.parametrize("average", [ema, wilder])
def test_a_recursive_average_starts_afresh_after_a_nan(walk, average):
    x = walk.close[:100].copy()
    x[40] = np.nan
    result = average(x, 10)
    assert np.isnan(result[40:50]).all()
    np.testing.assert_array_equal(result[41:], average(x[41:], 10))


@pytest.mark.parametrize("average", [ema, wilder])
def test_an_infinite_value_ends_a_run_too(average):
    result = average(np.array([1.0, 1.0, np.inf, 2.0, 2.0]), 2)
    np.testing.assert_array_equal(result, [np.nan, 1.0, np.nan, np.nan, 2.0])


def test_compiled_and_plain_python_agree_to_the_bit(walk):
    python = getattr(averages._smooth, "py_func", averages._smooth)
    x = np.where(np.arange(500) % 170 == 3, np.nan, walk.close[:500])
    plain, fast = x.copy(), x.copy()
    python(plain, 14, 1.0 / 14)
    averages._smooth(fast, 14, 1.0 / 14)
    np.testing.assert_array_equal(plain.view(np.int64), fast.view(np.int64))


def test_the_kind_of_array_makes_no_difference(walk):
    strided = np.repeat(walk.close, 2)[::2]
    frozen = walk.close.copy()
    frozen.flags.writeable = False
    assert ema(strided, 14).tobytes() == ema(frozen, 14).tobytes() == ema(walk.close, 14).tobytes()


@every_average
@pytest.mark.parametrize("window", [0, -1])
def test_a_window_below_one_bar_is_refused(average, window):
    with pytest.raises(ValueError, match=f"window is {window}; make it a whole number of bars, 1 or more"):
        average(np.ones(5), window)
