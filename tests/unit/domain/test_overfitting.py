"""The worked examples of the papers, and what must hold beyond them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.overfitting import (
    TrackRecord,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe,
)

# Bailey and López de Prado (2012): two years of months with a mean of 3.6 % and a deviation of 7.9 %.
HEDGE_FUND = TrackRecord(sharpe=0.036 / 0.079, observations=24, skewness=-2.448, kurtosis=10.164)

# Bailey and López de Prado (2014): five years of 250 days, an annualised Sharpe ratio of 2.5, and 0.5 of variance over the trials.
STRATEGY = TrackRecord(sharpe=2.5 / math.sqrt(250), observations=1250, skewness=-3.0, kurtosis=10.0)
VARIANCE = 0.5 / 250

records = st.builds(TrackRecord, st.floats(-0.4, 0.4), st.integers(2, 5000), st.floats(-1.0, 1.0), st.floats(3.0, 20.0))


def test_psr_of_the_hedge_fund_falls_below_95_percent_once_its_tails_are_seen():
    assert probabilistic_sharpe(HEDGE_FUND._replace(skewness=0.0, kurtosis=3.0)) == pytest.approx(0.981, abs=5e-4)
    assert probabilistic_sharpe(HEDGE_FUND) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(("periods", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_mintrl_of_a_sharpe_ratio_of_two_against_one_is_shorter_for_finer_samples(periods, years):
    record = TrackRecord(2 / math.sqrt(periods), observations=0)
    length = minimum_track_record_length(record, benchmark=1 / math.sqrt(periods))
    assert length / periods == pytest.approx(years, abs=5e-3)


def test_mintrl_of_monthly_hedge_fund_returns_is_five_years():
    record = TrackRecord(2 / math.sqrt(12), observations=0, skewness=-0.72, kurtosis=5.78)
    assert minimum_track_record_length(record, benchmark=1 / math.sqrt(12)) / 12 == pytest.approx(4.99, abs=5e-3)


def test_dsr_of_the_papers_strategy_after_a_hundred_trials():
    assert expected_maximum_sharpe(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(STRATEGY, 100, VARIANCE) == pytest.approx(0.9004, abs=5e-5)


def test_dsr_of_the_papers_strategy_passes_after_46_trials_and_would_after_88_with_normal_returns():
    assert deflated_sharpe(STRATEGY, 46, VARIANCE) == pytest.approx(0.9505, abs=5e-5)
    normal = STRATEGY._replace(skewness=0.0, kurtosis=3.0)
    assert deflated_sharpe(normal, 88, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_a_single_trial_is_not_deflated():
    assert expected_maximum_sharpe(1, VARIANCE) == 0.0
    assert deflated_sharpe(STRATEGY, 1, VARIANCE) == probabilistic_sharpe(STRATEGY)


def test_the_expected_maximum_is_what_chance_reaches():
    best = np.random.default_rng(3).normal(0.0, 0.1, (20_000, 50)).max(axis=1)
    assert expected_maximum_sharpe(50, 0.01) == pytest.approx(best.mean(), rel=0.02)


def test_psr_is_right_as_often_as_it_says():
    """Of samples without skill, one in ten passes at 90 %."""
    returns = np.random.default_rng(9).normal(0.0, 0.01, (2000, 250))
    passed = sum(probabilistic_sharpe(TrackRecord.of(sample)) > 0.9 for sample in returns)
    assert passed / 2000 == pytest.approx(0.1, abs=0.02)


@given(records, st.floats(-0.2, 0.2))
def test_at_the_minimum_length_the_psr_is_the_confidence(record, benchmark):
    length = minimum_track_record_length(record, benchmark, confidence=0.9)
    if math.isnan(length):
        assert record.sharpe <= benchmark + 1e-100
    elif length < 1e9:  # beyond, the distance from the benchmark is rounding
        exact = TrackRecord(record.sharpe, length, record.skewness, record.kurtosis)
        assert length < 2 or probabilistic_sharpe(exact, benchmark) == pytest.approx(0.9)


@given(records, st.integers(2, 1000))
def test_more_trials_deflate_more(record, trials):
    assert (
        deflated_sharpe(record, trials + 1, 0.001)
        <= deflated_sharpe(record, trials, 0.001)
        <= probabilistic_sharpe(record)
    )


@pytest.mark.parametrize(
    "value",
    [
        probabilistic_sharpe(TrackRecord(0.1, 1)),
        probabilistic_sharpe(TrackRecord(math.nan, 100)),
        probabilistic_sharpe(TrackRecord(1.0, 100, skewness=3.0, kurtosis=3.0)),  # no distribution has these
        probabilistic_sharpe(TrackRecord.of(np.full(10, 0.01))),
        probabilistic_sharpe(TrackRecord.of(np.array([]))),
        minimum_track_record_length(TrackRecord(0.1, 100), benchmark=0.1),
        expected_maximum_sharpe(0, 0.1),
        expected_maximum_sharpe(10, math.nan),
        deflated_sharpe(TrackRecord(0.1, 100), 10, math.nan),
    ],
)
def test_what_is_not_defined_is_nan(value):
    assert math.isnan(value)
