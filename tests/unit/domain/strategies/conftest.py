"""Bars for the strategies to trade on."""

import numpy as np
import pytest

from tidewright.domain.bars import Bars


@pytest.fixture(scope="session")
def bars() -> Bars:
    """10,000 hourly bars of a seeded random walk in relative steps of about one percent, with volume that comes and goes."""
    draw = np.random.default_rng(11)
    close = 100.0 * np.cumprod(1.0 + 0.01 * draw.standard_normal(10_000))
    open_ = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(open_, close) * (1.0 + 0.003 * draw.random(10_000))
    low = np.minimum(open_, close) * (1.0 - 0.003 * draw.random(10_000))
    volume = draw.gamma(2.0, 10.0, 10_000)
    return Bars(np.arange(10_000) * 3_600_000, open_, high, low, close, volume, step=3_600_000)
