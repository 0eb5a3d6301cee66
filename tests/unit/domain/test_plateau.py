"""Neighbours are told apart in the searched space, and by what they keep of the value the surroundings have a shape."""

import math
from itertools import product

import numpy as np
import pytest

from tidewright.domain.plateau import FEWEST, distances, stability
from tidewright.domain.trials import Dimension

FAST = Dimension("fast", "Int", 0, 20)
SLOW = Dimension("slow", "Int", 0, 20)
SPACE = (FAST, SLOW)
GRID = [{"fast": fast, "slow": slow} for fast, slow in product(range(21), range(21))]
MIDDLE = GRID.index({"fast": 10, "slow": 10})


def over(points, height):
    return np.array([height(point["fast"] - 10, point["slow"] - 10) for point in points])


def test_a_flat_hill_is_a_plateau():
    found = stability(SPACE, GRID, over(GRID, lambda x, y: 2.0 - 0.005 * (x * x + y * y)), MIDDLE)
    assert found.shape == "Plateau"
    assert found.neighbours == 24  # two steps of twenty either way
    assert found.score > 0.95


def test_one_good_value_among_bad_ones_is_a_spike():
    found = stability(SPACE, GRID, over(GRID, lambda x, y: 2.0 if x == y == 0 else 0.2), MIDDLE)
    assert (found.score, found.neighbours, found.shape) == (pytest.approx(0.1), 24, "Spike")


def test_what_falls_away_on_one_side_is_a_slope():
    found = stability(SPACE, GRID, over(GRID, lambda x, y: 2.0 if x >= 0 else 0.1), MIDDLE)
    assert found.shape == "Slope"
    assert found.score == 1.0


def test_neighbours_that_are_better_keep_no_more_than_everything():
    assert stability(SPACE, GRID, over(GRID, lambda x, y: 1.0 + abs(x)), MIDDLE).score == 1.0


def test_less_may_be_better():
    values = over(GRID, lambda x, y: 0.1 if x == y == 0 else 0.4)
    assert stability(SPACE, GRID, values, MIDDLE, "Minimize") == (pytest.approx(0.25), 24, "Spike")


def test_a_neighbour_with_an_undefined_value_keeps_nothing():
    values = np.full(len(GRID), math.nan)
    values[MIDDLE] = 1.0
    assert stability(SPACE, GRID, values, MIDDLE) == (0.0, 24, "Spike")


def test_on_a_coarse_grid_the_next_value_is_a_neighbour():
    points = [{"fast": fast, "slow": slow} for fast, slow in product((0, 10, 20), (0, 10, 20))]
    assert distances(SPACE, points, 4).tolist() == [1.0] * 4 + [0.0] + [1.0] * 4
    assert stability(SPACE, points, np.ones(9), 4) == (1.0, 8, "Plateau")


def test_in_a_corner_the_nearest_are_taken():
    points = [{"fast": fast, "slow": slow} for fast, slow in product((0, 10, 20), (0, 10, 20))]
    assert stability(SPACE, points, np.ones(9), 0).neighbours == FEWEST


def test_scattered_trials_are_judged_alike():
    random = np.random.default_rng(1)
    space = (Dimension("fast", "Float", 0.0, 20.0), Dimension("slow", "Float", 0.0, 20.0))
    points = [{"fast": 10.0, "slow": 10.0}] + [{"fast": x, "slow": y} for x, y in random.uniform(0, 20, (400, 2))]
    flat = stability(space, points, over(points, lambda x, y: 2.0 - 0.005 * (x * x + y * y)), 0)
    peaked = stability(space, points, over(points, lambda x, y: 2.0 * math.exp(-(x * x + y * y))), 0)
    assert (flat.shape, peaked.shape) == ("Plateau", "Spike")
    assert flat.neighbours == peaked.neighbours
    assert 8 <= flat.neighbours <= 24  # a box of a fifth by a fifth holds 4 % of 400


def test_the_same_place_tried_again_is_no_neighbour():
    points = [{"fast": 10, "slow": 10}] * 50
    assert stability(SPACE, points, np.ones(50), 0) == (pytest.approx(math.nan, nan_ok=True), 0, "Unknown")


def test_a_logarithmic_dimension_is_measured_by_ratios():
    space = (Dimension("rate", "Float", 0.001, 1.0, log=True),)
    points = [{"rate": rate} for rate in (0.01, 0.1, 0.001)]
    assert distances(space, points, 0).tolist() == pytest.approx([0.0, 1.0, 1.0])


def test_percentages_are_numbers():
    space = (Dimension("risk.stopLoss", "Percent", 1.0, 5.0),)
    points = [{"risk.stopLoss": word} for word in ("2%", "2.4%", "4%")]
    assert distances(space, points, 0).tolist() == pytest.approx([0.0, 1.0, 5.0])


def test_another_choice_is_out_of_reach():
    space = (FAST, Dimension("kind", "Choice", choices=("sma", "ema")))
    points = [{"fast": fast, "kind": kind} for fast, kind in product(range(21), ("sma", "ema"))]
    values = np.array([1.0 if point["kind"] == "sma" else 0.0 for point in points])
    assert stability(space, points, values, points.index({"fast": 10, "kind": "sma"})) == (1.0, 4, "Plateau")


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_of_a_value_that_is_not_positive_no_share_is_kept(value):
    values = np.ones(len(GRID))
    values[MIDDLE] = value
    found = stability(SPACE, GRID, values, MIDDLE)
    assert (math.isnan(found.score), found.shape) == (True, "Unknown")


def test_too_few_neighbours_are_no_neighbourhood():
    points = [{"fast": 10, "slow": 10}, {"fast": 11, "slow": 10}, {"fast": 0, "slow": 0}]
    assert stability(SPACE, points, np.ones(3), 0).shape == "Unknown"
