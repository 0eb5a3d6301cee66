"""Operations between a bar and its neighbour, or between two arrays, that several families of indicators need."""

import numpy as np

from tidewright.domain.bars import Floats


def previous(x: Floats) -> Floats:
    """The value one bar earlier, shape (n,); NaN on the first bar."""
    result = np.full(len(x), np.nan)
    result[1:] = x[:-1]
    return result


def change(x: Floats) -> Floats:
    """The difference from the value one bar earlier, shape (n,); NaN on the first bar."""
    return x - previous(x)


def ratio(numerator: Floats, denominator: Floats, undefined: float) -> Floats:
    """`numerator` over `denominator`, shape (n,); `undefined` where the denominator is 0, NaN where either is NaN."""
    result = np.where(np.isnan(numerator), np.nan, undefined)
    np.divide(numerator, denominator, out=result, where=denominator != 0.0)
    return result
