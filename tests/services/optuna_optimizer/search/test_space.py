"""Fields as distributions, and values there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from optuna_optimizer.search.space import distributions, named, params, within
from tidewright.domain.trials import Dimension


@pytest.mark.parametrize(
    ("dimension", "distribution"),
    [
        (Dimension("a", "Int", 5, 50, 1), IntDistribution(5, 50)),
        (Dimension("a", "Int", 5, 50, 10), IntDistribution(5, 45, step=10)),
        (Dimension("a", "Int", 1, 100, 1, log=True), IntDistribution(1, 100, log=True)),
        (Dimension("a", "Float", 0.1, 0.9), FloatDistribution(0.1, 0.9)),
        (Dimension("a", "Float", 0.1, 1.0, 0.2), FloatDistribution(0.1, 0.9, step=0.2)),
        (Dimension("a", "Float", 1e-4, 1.0, log=True), FloatDistribution(1e-4, 1.0, log=True)),
        (Dimension("a", "Percent", 0.5, 5, 0.25), FloatDistribution(0.5, 5.0, step=0.25)),
        (Dimension("a", "Choice", choices=("ema", True, 3)), CategoricalDistribution(("ema", True, 3))),
    ],
)
def test_a_field_is_drawn_from_its_range(dimension, distribution):
    assert distributions([dimension]) == {"a": distribution}


PERCENT = Dimension("risk.stopLoss", "Percent", 0.1, 30, 0.1)


@given(st.integers(1, 300))
def test_a_percentage_is_written_as_it_is_meant(tenths):
    """0.1 + 0.1 + 0.1 is 0.3%, and not 0.30000000000000004%."""
    whole, tenth = divmod(tenths, 10)
    written = f"{whole}.{tenth}%" if tenth else f"{whole}%"

    assert named([PERCENT], {PERCENT.name: 0.1 + 0.1 * (tenths - 1)}) == {PERCENT.name: written}


@given(
    st.integers(5, 50),
    st.floats(0.1, 0.9),
    st.integers(1, 300).map(lambda tenths: f"{tenths / 10:g}%"),
    st.sampled_from(("ema", "sma")),
)
def test_values_come_back_as_they_went(whole, number, percent, choice):
    space = [
        Dimension("fast", "Int", 5, 50),
        Dimension("band", "Float", 0.1, 0.9),
        PERCENT,
        Dimension("average", "Choice", choices=("ema", "sma")),
    ]
    values = {"fast": whole, "band": number, PERCENT.name: percent, "average": choice}

    assert named(space, params(space, values)) == values


def test_of_an_earlier_study_only_what_is_searched_now_counts():
    assert params([PERCENT], {"fast": 5, PERCENT.name: "2.5%"}) == {PERCENT.name: 2.5}
    assert within(PERCENT, "30%")
    assert not within(PERCENT, "30.1%")
    assert not within(Dimension("average", "Choice", choices=("ema",)), "sma")
