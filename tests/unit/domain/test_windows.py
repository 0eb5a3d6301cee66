"""Rolling windows agree with the plain formula, and their bits depend on nothing but the window's own bars."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.lib.stride_tricks import sliding_window_view

from tidewright.domain.windows import (
    check_windows,
    window_max,
    window_mean,
    window_min,
    window_moments,
    window_sum,
    window_weighted_mean,
)

FUNCTIONS = {
    "sum": window_sum,
    "mean": window_mean,
    "moments_mean": lambda x, window: window_moments(x, window)[0],
    "moments_squares": lambda x, window: window_moments(x, window)[1],
    "weighted_mean": window_weighted_mean,
    "max": window_max,
    "min": window_min,
}
REFERENCE = {
    "sum": lambda w: w.sum(axis=1),
    "mean": lambda w: w.mean(axis=1),
    "moments_mean": lambda w: w.mean(axis=1),
    "moments_squares": lambda w: w.var(axis=1) * w.shape[1],
    "weighted_mean": lambda w: np.average(w, axis=1, weights=np.arange(1, w.shape[1] + 1)),
    "max": lambda w: w.max(axis=1),
    "min": lambda w: w.min(axis=1),
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)

values = st.floats(-1e6, 1e6, allow_subnormal=False) | st.sampled_from([0.0, -0.0, 0.1])
series = arrays(np.float64, st.integers(0, 40), elements=values)
windows = st.integers(1, 45)


def bits(x):
    """The array's bits, every NaN alike."""
    return np.where(np.isnan(x), np.nan, x).tobytes()


@every_function
@pytest.mark.parametrize("window", [1, 2, 3, 7, 8, 100, 255])
def test_agrees_with_the_plain_formula(name, window):
    x = np.random.default_rng(1).normal(100.0, 20.0, 1_000)
    result = FUNCTIONS[name](x, window)
    assert np.isnan(result[: window - 1]).all()
    np.testing.assert_allclose(result[window - 1 :], REFERENCE[name](sliding_window_view(x, window)), rtol=1e-12)


@every_function
@given(x=series, window=windows)
def test_a_window_longer_than_the_array_is_never_full(name, x, window):
    result = FUNCTIONS[name](x, window)
    assert result.shape == x.shape
    assert result.dtype == np.float64
    np.testing.assert_array_equal(np.isnan(result), np.arange(len(x)) < window - 1)


@every_function
@given(x=series, window=windows, cut=st.integers(0, 40))
def test_the_future_changes_no_bit(name, x, window, cut):
    assert bits(FUNCTIONS[name](x[:cut], window)) == bits(FUNCTIONS[name](x, window)[:cut])


@every_function
@given(x=series, window=windows, start=st.integers(0, 40))
def test_the_start_of_history_changes_no_bit(name, x, window, start):
    later = FUNCTIONS[name](x[start:], window)[window - 1 :]
    assert bits(later) == bits(FUNCTIONS[name](x, window)[start + window - 1 :])


@every_function
@given(x=series.filter(len), window=windows, data=st.data())
def test_a_nan_reaches_only_the_windows_that_hold_it(name, x, window, data):
    at = data.draw(st.integers(0, len(x) - 1))
    expected = FUNCTIONS[name](x, window)
    expected[at : at + window] = np.nan
    holed = x.copy()
    holed[at] = np.nan
    assert bits(FUNCTIONS[name](holed, window)) == bits(expected)


@every_function
def test_the_input_is_left_alone_and_never_returned(name):
    x = np.array([3.0, 1.0, 2.0])
    result = FUNCTIONS[name](x, 1)
    result[:] = 9.0
    assert x.tolist() == [3.0, 1.0, 2.0]


@given(constant=st.floats(1e-8, 1e8), window=windows)
def test_a_constant_has_itself_as_mean_and_no_deviation(constant, window):
    x = np.full(50, constant)
    mean, squares = window_moments(x, window)
    assert (mean[window - 1 :] == constant).all()
    assert (squares[window - 1 :] == 0.0).all()
    assert (window_weighted_mean(x, window)[window - 1 :] == constant).all()


@given(x=series, window=windows)
def test_the_mean_lies_within_the_extremes_and_is_the_one_of_the_moments(x, window):
    mean = window_mean(x, window)[window - 1 :]
    assert (window_min(x, window)[window - 1 :] <= mean).all()
    assert (mean <= window_max(x, window)[window - 1 :]).all()
    moments_mean, squares = window_moments(x, window)
    assert bits(mean) == bits(moments_mean[window - 1 :])
    assert (squares[window - 1 :] >= 0.0).all()


def test_small_deviations_survive_a_large_mean():
    """The textbook formula, mean of squares less square of mean, has not one correct digit here."""
    x = 1e9 + np.array([0.25, 0.5, 0.75, 1.0, 1.25])
    exact = [Fraction(value) for value in x.tolist()]
    mean = sum(exact) / 5
    assert window_moments(x, 5)[1][-1] == pytest.approx(float(sum((value - mean) ** 2 for value in exact)), rel=1e-12)


def test_a_sum_does_not_remember_what_left_the_window():
    x = np.array([1e17, 0.1, 0.2, 0.3])
    assert window_sum(x, 2)[-1] == 0.2 + 0.3


def test_extremes_have_one_kind_of_zero():
    x = np.array([0.0, -0.0, -0.0, 0.0])
    assert not np.signbit([window_max(x, 2)[1:], window_min(x, 2)[1:]]).any()


@pytest.mark.parametrize("window", [0, -3, 2.5])
def test_a_window_below_one_bar_is_refused_by_name(window):
    with pytest.raises(ValueError, match=rf"slow is {window}; make it a whole number of bars, 1 or more"):
        check_windows(fast=5, slow=window)


@every_function
def test_every_function_checks_its_window(name):
    with pytest.raises(ValueError, match="window is 0"):
        FUNCTIONS[name](np.ones(5), 0)
