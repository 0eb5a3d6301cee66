"""Distances between distributions, judged by SciPy, and what is said of them."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats

from tidewright.domain.bars import Bars
from tidewright.domain.drift import Verdict, drift, kolmogorov_smirnov, stability_index, wasserstein

HOUR = 3_600_000
numbers = st.integers(-20, 20).map(float) | st.floats(-1e6, 1e6)
samples = st.integers(1, 60).flatmap(lambda count: arrays(np.float64, count, elements=numbers))


@given(samples, samples)
def test_the_statistic_of_kolmogorov_and_smirnov_is_scipys(first, second):
    statistic, p_value = kolmogorov_smirnov(first, second)
    effective = len(first) * len(second) / (len(first) + len(second))

    with np.errstate(all="ignore"):  # its p-value divides by zero
        judge = stats.ks_2samp(first, second, method="asymp")
    assert statistic == pytest.approx(judge.statistic, abs=1e-12)
    assert p_value == pytest.approx(special.kolmogorov(math.sqrt(effective) * statistic), abs=1e-12)


@pytest.mark.parametrize("x", [0.001, 0.1, 0.3, 0.7, 1.0, 1.17, 1.18, 1.19, 1.5, 2.0, 4.0, 10.0])
def test_the_p_value_follows_kolmogorovs_distribution_in_both_its_tails(x):
    from tidewright.domain.drift import _kolmogorov  # noqa: PLC0415

    assert _kolmogorov(x) == pytest.approx(special.kolmogorov(x), rel=1e-12, abs=1e-15)


@given(samples, samples)
def test_the_wasserstein_distance_is_scipys(first, second):
    assert wasserstein(first, second) == pytest.approx(stats.wasserstein_distance(first, second), rel=1e-9, abs=1e-9)


@given(samples, samples)
def test_the_stability_index_is_the_symmetric_relative_entropy(reference, current):
    edges = np.unique(np.quantile(reference, np.arange(1, 10) / 10))
    inner = [-np.inf, *edges, np.inf]
    p, q = (
        np.array([((sample > low) & (sample <= high)).mean() for low, high in pairwise(inner)])
        for sample in (current, reference)
    )
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    judge = special.rel_entr(p, q).sum() + special.rel_entr(q, p).sum()

    assert stability_index(reference, current) == pytest.approx(judge, abs=1e-12)


def test_an_empty_bin_counts_as_one_in_ten_thousand():
    reference, current = np.arange(10.0), np.full(10, 9.0)

    expected = 9 * (1e-4 - 0.1) * math.log(1e-4 / 0.1) + (1 - 0.1) * math.log(1 / 0.1)

    assert stability_index(reference, current) == pytest.approx(expected, rel=1e-12)


def test_of_an_empty_sample_nothing_is_known():
    empty, some = np.empty(0), np.ones(3)

    assert np.isnan([*kolmogorov_smirnov(empty, some), stability_index(some, empty), wasserstein(empty, some)]).all()


def market(seed, count=2_000, scale=0.01, volume=1.0):
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, scale, count)))
    spread = close * scale * random.uniform(0.2, 1, count)
    volumes = volume * random.lognormal(0, 1, count)
    return Bars(np.arange(count) * HOUR, close, close + spread, close - spread, close, volumes, step=HOUR)


def verdicts(reference, current):
    found = drift(reference, current)
    return found.verdict, {one.series: one.verdict for one in found.series}


def test_another_stretch_of_the_same_market_is_steady():
    assert verdicts(market(1), market(2)) == (
        Verdict.STEADY,
        {"returns": Verdict.STEADY, "volume": Verdict.STEADY, "range": Verdict.STEADY},
    )


def test_a_market_that_moves_twice_as_far_has_shifted():
    whole, each = verdicts(market(1), market(2, scale=0.02))

    assert whole is Verdict.SHIFTED
    assert each == {"returns": Verdict.SHIFTED, "volume": Verdict.STEADY, "range": Verdict.SHIFTED}


def test_volume_that_dries_up_is_told_of_volume():
    assert verdicts(market(1), market(2, volume=0.3))[1]["volume"] is Verdict.SHIFTED


def test_of_few_observations_nothing_is_said():
    assert verdicts(market(1), market(2, count=50, scale=0.1))[0] is Verdict.UNKNOWN


def test_what_never_varied_and_varies_now_has_shifted():
    still = Bars(np.arange(200) * HOUR, *(np.full(200, 100.0) for _ in range(4)), np.ones(200), step=HOUR)

    assert drift(still, still).verdict is Verdict.STEADY
    assert drift(still, market(1)).verdict is Verdict.SHIFTED


@given(arrays(np.float64, 150, elements=st.floats(width=64)))
def test_no_content_whatever_raises(values):
    strange = Bars(np.arange(150) * HOUR, values, values, values, values, values, step=HOUR)

    assert drift(market(1), strange).verdict in Verdict
    assert drift(strange, market(1)).verdict in Verdict
