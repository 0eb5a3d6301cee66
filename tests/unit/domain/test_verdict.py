"""One word, and the reasons for it."""

import math
from dataclasses import replace

import pytest

from tidewright.domain.verdict import Evidence, judge

GOOD = Evidence(deflated_sharpe=0.97, p_value=0.02, pbo=0.2, efficiency=0.6, sharpe=1.1, trades=80, shape="Plateau")


def test_where_everything_speaks_for_it_a_study_is_robust():
    verdict = judge(GOOD)
    assert verdict.word == "Robust"
    assert [reason.reason for reason in verdict.reasons] == [
        "SkillShown",
        "BetterThanLuck",
        "EarnsOutOfSample",
        "ChoosesWell",
        "OnAPlateau",
    ]
    assert verdict.reasons[2].message == (
        "Out of sample the choices earned a Sharpe ratio of 1.10, in 80 trades; 60% of the growth in sample was kept."
    )


@pytest.mark.parametrize(
    ("changes", "word", "reason"),
    [
        ({"deflated_sharpe": 0.94}, "Suspect", "SkillDoubtful"),
        ({"deflated_sharpe": 0.49}, "Overfit", "LuckLikelier"),
        ({"deflated_sharpe": math.nan}, "Suspect", "DeflatedSharpeUndefined"),
        ({"p_value": 0.11}, "Suspect", "MayBeLuck"),
        ({"p_value": 0.3}, "Overfit", "NoBetterThanLuck"),
        ({"p_value": math.nan}, "Suspect", "TestUndefined"),
        ({"sharpe": -0.1}, "Suspect", "LosesOutOfSample"),
        ({"sharpe": math.nan}, "Suspect", "NothingOutOfSample"),
        ({"pbo": 0.5}, "Robust", "ChoosesBadly"),
        ({"shape": "Spike"}, "Robust", "OnASpike"),
        ({"pbo": 0.5, "shape": "Spike"}, "Suspect", "OnASpike"),
        ({"pbo": math.nan, "shape": "Unknown", "efficiency": math.nan}, "Robust", "EarnsOutOfSample"),
    ],
)
def test_what_speaks_against_it_is_told(changes, word, reason):
    verdict = judge(replace(GOOD, **changes))
    assert verdict.word == word
    assert reason in [one.reason for one in verdict.reasons]


def test_one_that_decides_is_enough_for_overfit():
    assert judge(replace(GOOD, deflated_sharpe=0.2, sharpe=2.0)).word == "Overfit"
