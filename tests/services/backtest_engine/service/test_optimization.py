"""How the sets of a grid are ranked, and how far the best is believed."""

import math

import numpy as np
import pytest

from backtest_engine.optimization import believed, ranked
from tidewright.domain.overfitting import TrackRecord, deflated_sharpe
from tidewright.domain.sweep import Sweep

FOUND = Sweep(
    total_return=np.array([0.1, 0.3, np.nan, 0.3]),
    sharpe=np.array([1.0, 2.0, np.nan, 0.5]),
    max_drawdown=np.array([0.2, 0.1, np.nan, 0.4]),
    trades=np.array([5, 6, 0, 7]),
)
RETURNS = np.random.default_rng(7).normal(0.001, 0.02, 500)


@pytest.mark.parametrize(
    ("metric", "order"), [("sharpe", [1, 0, 3, 2]), ("totalReturn", [1, 3, 0, 2]), ("maxDrawdown", [1, 0, 3, 2])]
)
def test_the_best_is_first_and_the_undefined_last(metric, order):
    assert ranked(FOUND, metric) == order


def test_the_more_were_tried_the_less_the_best_is_believed():
    few, many = np.array([0.2, 0.4, 1.0]), np.tile([0.2, 0.4, 1.0], 100)
    doubts = [believed(sharpes, RETURNS, 365.0) for sharpes in (few, many)]
    assert [one["trials"] for one in doubts] == [3, 300]
    assert doubts[0]["deflatedSharpe"] > doubts[1]["deflatedSharpe"]
    assert doubts[0]["sharpeOfLuck"] < doubts[1]["sharpeOfLuck"]


def test_the_doubt_is_that_of_bailey_and_lopez_de_prado():
    sharpes = np.array([0.2, 0.4, 1.0])
    variance = np.var(sharpes / math.sqrt(365), ddof=1)
    expected = deflated_sharpe(TrackRecord.of(RETURNS), 3, variance)
    assert believed(sharpes, RETURNS, 365.0)["deflatedSharpe"] == pytest.approx(expected)


def test_where_too_little_is_known_nothing_is_said():
    assert believed(np.array([1.0]), RETURNS, 365.0) == {"trials": 1, "sharpeOfLuck": None, "deflatedSharpe": None}
    assert believed(np.array([1.0, 2.0]), RETURNS[:1], 365.0)["deflatedSharpe"] is None
