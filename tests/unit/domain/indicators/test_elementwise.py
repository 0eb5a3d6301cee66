"""Neighbouring bars and quotients, with their edges."""

import numpy as np

from tidewright.domain.indicators.elementwise import change, previous, ratio

NAN = np.nan


def test_the_first_bar_has_no_previous_one():
    np.testing.assert_array_equal(previous(np.array([1.0, 4.0, 9.0])), [NAN, 1.0, 4.0])
    np.testing.assert_array_equal(change(np.array([1.0, 4.0, 9.0])), [NAN, 3.0, 5.0])
    assert len(previous(np.empty(0))) == 0


def test_a_ratio_over_zero_is_what_the_caller_says_but_unknown_stays_unknown():
    numerator = np.array([1.0, 1.0, 0.0, NAN, NAN, 1.0])
    denominator = np.array([4.0, 0.0, 0.0, 2.0, 0.0, NAN])
    np.testing.assert_array_equal(ratio(numerator, denominator, undefined=50.0), [0.25, 50.0, 50.0, NAN, NAN, NAN])
