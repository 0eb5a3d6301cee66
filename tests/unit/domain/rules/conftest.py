"""Bars for the rules to look at."""

import numpy as np
import pytest

from tidewright.domain.bars import Bars


@pytest.fixture(scope="session")
def bars() -> Bars:
    """400 bars of a random walk of whole prices and volumes, so that sums and halves of them are exact in any order."""
    draw = np.random.default_rng(7)
    close = 500.0 + np.cumsum(draw.integers(-4, 5, 400))
    open_ = close + draw.integers(-3, 4, 400)
    high = np.maximum(open_, close) + draw.integers(0, 3, 400)
    low = np.minimum(open_, close) - draw.integers(0, 3, 400)
    volume = draw.integers(0, 6, 400).astype(np.float64)
    return Bars(np.arange(400) * 60_000, open_, high, low, close, volume, step=60_000)
