"""Searches whose trial i follows from the space, the seed and i alone."""

import pytest
import searches
from hypothesis import given
from hypothesis import strategies as st

from optuna_optimizer.enumerated import MOST_DRAWS, count, grid, values_of
from optuna_optimizer.plan import PlanRefused
from tidewright.domain.trials import Dimension

MIXED = (
    Dimension("fast", "Int", 5, 50, 5),
    Dimension("period", "Int", 1, 1_000, 1, log=True),
    Dimension("band", "Float", 0.1, 0.9),
    Dimension("weight", "Float", 1e-4, 1.0, log=True),
    Dimension("risk.stopLoss", "Percent", 0.5, 5, 0.25),
    Dimension("risk.takeProfit", "Percent", 1, 20),
    Dimension("average", "Choice", choices=("ema", "sma", True, 3)),
)


def gridded(*space, **more):
    return searches.plan(space=space, sampler="Grid", **({"trials": None} | more))


def shorter(named):
    return named["fast"] < named["slow"]


# Grids.


def test_a_grid_has_every_combination_with_the_last_name_fastest():
    plan = gridded(Dimension("fast", "Int", 5, 9, 2), Dimension("average", "Choice", choices=("ema", "sma")))

    assert [tuple(one.values()) for one in grid(plan)] == [(5, "ema"), (5, "sma"), (7, "ema"), (7, "sma"), (9, "ema"), (9, "sma")]  # fmt: skip
    assert values_of(plan, 3) == {"fast": 7, "average": "sma"}


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        (Dimension("a", "Float", 0.1, 0.5, 0.1), [0.1, 0.2, 0.3, 0.4, 0.5]),
        (Dimension("a", "Float", 0.0, 1.0, 0.3), [0.0, 0.3, 0.6, 0.9]),
        (Dimension("a", "Percent", 1, 2, 0.25), ["1%", "1.25%", "1.5%", "1.75%", "2%"]),
        (Dimension("a", "Percent", 10, 30, 10), ["10%", "20%", "30%"]),
        (Dimension("a", "Int", 5, 5, 1), [5]),
    ],
)
def test_the_values_of_a_range_are_those_that_are_meant(dimension, values):
    assert [one["a"] for one in grid(gridded(dimension))] == values


def test_what_breaks_a_condition_has_no_number():
    plan = gridded(Dimension("fast", "Int", 1, 3, 1), Dimension("slow", "Int", 1, 3, 1), holds=shorter)

    assert [tuple(one.values()) for one in grid(plan)] == [(1, 2), (1, 3), (2, 3)]
    assert count(plan) == 3


def test_a_grid_has_no_more_trials_than_combinations():
    fast = Dimension("fast", "Int", 1, 3, 1)

    assert [count(gridded(fast, trials=trials)) for trials in (None, 2, 100)] == [3, 2, 3]


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ((Dimension("band", "Float", 0, 1),), "band: a grid has evenly spaced values; give the range a step"),
        ((Dimension("n", "Int", 1, 9, 1, log=True),), "n: a grid has evenly spaced values"),
        ((Dimension("a", "Int", 1, 2_000, 1), Dimension("b", "Int", 1, 2_000, 1)), r"4,000,000 combinations.*widen the steps"),
    ],
)  # fmt: skip
def test_what_is_no_grid_is_refused_with_the_remedy(space, told):
    with pytest.raises(PlanRefused, match=told):
        count(gridded(*space))


def test_a_grid_of_which_nothing_is_left_is_refused():
    with pytest.raises(PlanRefused, match="no combination of the grid meets the conditions; loosen the constraints"):
        count(gridded(Dimension("fast", "Int", 1, 3, 1), holds=lambda named: False))


# At random.


@given(st.integers(0, 2**32 - 1), st.integers(0, 10**6))
def test_a_draw_is_within_its_ranges_and_the_same_again(seed, number):
    plan = searches.plan(space=MIXED, sampler="Random", seed=seed)
    drawn = values_of(plan, number)

    assert drawn == values_of(plan, number)
    assert drawn["fast"] in range(5, 51, 5)
    assert 1 <= drawn["period"] <= 1_000
    assert 0.1 <= drawn["band"] <= 0.9
    assert 1e-4 <= drawn["weight"] <= 1.0
    assert float(drawn["risk.stopLoss"].removesuffix("%")) * 4 in range(2, 21)
    assert 1 <= float(drawn["risk.takeProfit"].removesuffix("%")) <= 20
    assert drawn["average"] in MIXED[-1].choices


def test_draws_are_spread_over_their_range():
    plan = searches.plan(space=MIXED, sampler="Random", seed=1)
    drawn = [values_of(plan, number) for number in range(400)]

    assert {one["fast"] for one in drawn} == set(range(5, 51, 5))
    assert 150 < sum(one["band"] < 0.5 for one in drawn) < 250
    assert 150 < sum(one["weight"] < 0.01 for one in drawn) < 250
    assert 150 < sum(one["period"] < 32 for one in drawn) < 250


def test_another_seed_and_another_number_draw_otherwise():
    first, other = (searches.plan(sampler="Random", seed=seed) for seed in (1, 2))

    assert len({values_of(plan, number)["x"] for plan in (first, other) for number in range(50)}) == 100


def test_a_draw_that_breaks_a_condition_is_drawn_again():
    plan = searches.plan(sampler="Random", holds=lambda named: named["x"] < -9.0)

    assert all(values_of(plan, number)["x"] < -9.0 for number in range(50))


def test_where_next_to_nothing_meets_the_conditions_it_is_said():
    with pytest.raises(PlanRefused, match=f"none of {MOST_DRAWS:,} draws meets the conditions; loosen the constraints"):
        values_of(searches.plan(sampler="Random", holds=lambda named: False), 0)
