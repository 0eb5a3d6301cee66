"""Bars to judge the indicators by."""

from typing import NamedTuple

import numpy as np
import pyarrow.feather
import pytest


class Columns(NamedTuple):
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray


@pytest.fixture(scope="session")
def walk():
    """5,000 bars of a seeded random walk."""
    random = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, 5_000)))
    spread = np.abs(random.normal(0.0, 0.004, (2, 5_000)))
    return Columns(close * (1.0 + spread[0]), close * (1.0 - spread[1]), close, random.exponential(10.0, 5_000))


@pytest.fixture(scope="session", params=["walk", pytest.param("bitcoin", marks=pytest.mark.shared)])
def bars(request, walk):
    """The random walk, and seven years of real hourly bars."""
    if request.param == "walk":
        return walk
    path = request.getfixturevalue("shared_data") / "binance-spot" / "BTC_USDT-1h-2017-2024.feather"
    table = pyarrow.feather.read_table(path, columns=list(Columns._fields))
    return Columns(*(table[name].to_numpy().astype(np.float64) for name in Columns._fields))


@pytest.fixture(scope="session")
def agrees():
    """Fails unless both are defined at the same bars, save the `later` at which the expected begins, and within 1e-9 of each other.

    `scale` is what a difference is relative to where a series crosses 0; by default each value itself.
    """

    def compare(actual, expected, later=0, scale=0.0):
        assert actual.shape == expected.shape
        first = int(np.flatnonzero(~np.isnan(actual))[0])
        np.testing.assert_allclose(actual[first + later :], expected[first + later :], rtol=1e-9, atol=1e-9 * scale)
        assert np.isnan(expected[: first + later]).all()

    return compare
