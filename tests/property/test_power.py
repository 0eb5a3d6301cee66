"""The verdict on markets of which it is known whether there is anything to find (docs/overfitting.md)."""

from collections import Counter

import pytest
from benchmarks.planted import NOISE, Edge
from benchmarks.power import Case, edge_of, judged, verdicts

PLAIN = Edge(0.0015)
"""An edge that nobody can miss."""


def test_noise_is_not_believed_and_what_cannot_be_missed_is():
    noise = Counter(judged(Case(NOISE, seed, trials=40)).word for seed in range(4))
    plain = Counter(judged(Case(PLAIN, seed, trials=40)).word for seed in range(3))
    assert noise["Robust"] <= 1
    assert plain == {"Robust": 3}


@pytest.mark.soak
def test_of_a_hundred_markets_of_noise_five_at_most_are_called_robust():
    words = Counter(one.word for one in verdicts([Case(NOISE, seed) for seed in range(100)], 2))
    assert words["Robust"] <= 5


@pytest.mark.soak
def test_of_a_hundred_with_a_net_sharpe_ratio_of_one_and_a_half_seventy_are():
    edge = edge_of(1.5)
    words = Counter(one.word for one in verdicts([Case(edge, seed) for seed in range(100)], 2))
    assert words["Robust"] >= 70
