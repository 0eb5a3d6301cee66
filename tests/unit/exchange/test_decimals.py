import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.exchange.decimals import floats, of_floats, read, written


@given(st.lists(st.integers(0, 10**15), min_size=1))
def test_what_is_read_is_written_again(numbers):
    texts = [f"{number // 10**8}.{number % 10**8:08d}" for number in numbers]
    units, places = read(texts)
    assert [written(int(unit), places) for unit in units] == texts
    assert floats(units, places).tolist() == [float(text) for text in texts]


@given(st.lists(st.decimals(0, 10**6, places=5).map(float), min_size=1))
def test_floats_of_decimals_come_back(numbers):
    (units,), places = of_floats(np.array(numbers))
    assert floats(units, places).tolist() == numbers
    assert places <= 5


def test_no_more_places_than_are_needed():
    assert read(["61837.63000000", "2.50000000"])[1] == 2
    assert of_floats(np.array([3.0, 5.0]))[1] == 0


def test_beyond_eight_places_numbers_are_rounded():
    (units,), places = of_floats(np.array([1 / 3]))
    assert (units.tolist(), places) == ([33_333_333], 8)
    assert written(123_456_789_012, 10) == "12.34567890"


def test_a_loss_is_written_with_its_sign():
    assert written(-5, 2) == "-0.05000000"


@pytest.mark.parametrize("text", ["1", "1.5", "1.000000000", "1e5", ""])
def test_other_numbers_are_refused(text):
    with pytest.raises(ValueError, match="eight decimal places"):
        read(["1.00000000", text])
