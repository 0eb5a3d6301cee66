"""Where one series crosses another."""

import numpy as np

from tidewright.domain.bars import Booleans, Floats


def crosses_above(a: Floats, b: Floats) -> Booleans:
    """Bars at which `a` is above `b` and on the bar before was not, shape (n,); false on the first bar and next to a NaN."""
    result = np.zeros(len(a), dtype=np.bool_)
    np.logical_and((a > b)[1:], (a <= b)[:-1], out=result[1:])
    return result


def crosses_below(a: Floats, b: Floats) -> Booleans:
    """Bars at which `a` is below `b` and on the bar before was not, shape (n,); false on the first bar and next to a NaN."""
    return crosses_above(b, a)
