"""One word on what a search has found, Robust, Suspect or Overfit, with every reason for it.

The deflated Sharpe ratio and the test of superior ability decide: both know of every trial, and both are kept honest by simulated markets in which the answer is known (docs/overfitting.md has the tables, `benchmarks/power.py` makes them). What
the walk-forward earned, how often rehearsals of the search chose badly (PBO), and whether the neighbours of the selected trial do as well can lower the verdict, and never raise it. On a single history the last two scatter widely, so it takes both of them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from tidewright.domain.plateau import Shape

Word: TypeAlias = Literal["Robust", "Suspect", "Overfit"]

SKILL = 0.95
"""Least deflated Sharpe ratio of a Robust study."""

SIGNIFICANT = 0.1
"""Largest p-value of a Robust study. On the seeds that it was chosen on, 8 of 230 markets of noise came through, and 199 of 230 with an edge."""

LUCK = 0.5
"""Below this deflated Sharpe ratio luck is the likelier explanation: Overfit."""

UNSURE = 0.3
"""From this p-value on the best of the trials is what trials without skill bring: Overfit."""

MOSTLY_WRONG = 0.5
"""From this PBO on the search chooses no better than a draw of lots would. On markets without anything to find it scatters from 0.2 to 0.8, so it decides nothing by itself."""

_BOTH = 2
"""Of the considerations that support."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a study: probabilities in 0..1, NaN where undefined. `sharpe` is that of the stitched account out of sample, a year; `trades` are its trades."""

    deflated_sharpe: float
    p_value: float
    pbo: float
    efficiency: float
    sharpe: float
    trades: int
    shape: Shape


class Reason(NamedTuple):
    """One consideration: a word that a script can switch on, what it speaks for, and a sentence with the figures."""

    reason: str
    speaks_for: Word
    message: str


class Verdict(NamedTuple):
    """The word, and the reasons in the order in which they weigh."""

    word: Word
    reasons: tuple[Reason, ...]


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a study.

    Overfit where one of the two that decide says so. Robust where both speak for it, the walk-forward earned something, and of the two that support (PBO, the neighbours) at most one speaks against. Suspect otherwise.
    What is undefined never speaks for Robust.
    """
    deciding, walked, supporting = (
        tuple(one) for one in (_deciding(evidence), _out_of_sample(evidence), _supporting(evidence))
    )
    reasons = (*deciding, *walked, *supporting)
    if any(reason.speaks_for == "Overfit" for reason in deciding):
        return Verdict("Overfit", reasons)
    against = [reason for reason in supporting if reason.speaks_for != "Robust"]
    if all(reason.speaks_for == "Robust" for reason in (*deciding, *walked)) and len(against) < _BOTH:
        return Verdict("Robust", reasons)
    return Verdict("Suspect", reasons)


def _deciding(evidence: Evidence) -> Iterator[Reason]:
    yield _skill(evidence.deflated_sharpe)
    yield _superiority(evidence.p_value)


def _supporting(evidence: Evidence) -> Iterator[Reason]:
    yield from _rehearsals(evidence.pbo)
    yield from _surroundings(evidence.shape)


def _skill(value: float) -> Reason:
    if math.isnan(value):
        return Reason(
            "DeflatedSharpeUndefined",
            "Suspect",
            "The deflated Sharpe ratio is not defined: the selected trial's returns do not vary, or there are too few of them.",
        )
    share = f"With {value:.0%} probability the selected trial's Sharpe ratio is above what luck alone reaches in so many trials (deflated Sharpe ratio)"
    if value >= SKILL:
        return Reason("SkillShown", "Robust", f"{share}.")
    if value >= LUCK:
        return Reason("SkillDoubtful", "Suspect", f"{share}; {SKILL:.0%} are wanted.")
    return Reason("LuckLikelier", "Overfit", f"{share}: luck is the likelier explanation.")


def _superiority(value: float) -> Reason:
    if math.isnan(value):
        return Reason(
            "TestUndefined",
            "Suspect",
            "Whether the best trial beats doing nothing cannot be tested: there are too few returns.",
        )
    share = f"Trials without any skill would bring so good a best one with {value:.1%} probability"
    if value <= SIGNIFICANT:
        return Reason("BetterThanLuck", "Robust", f"{share}.")
    if value < UNSURE:
        return Reason("MayBeLuck", "Suspect", f"{share}; {SIGNIFICANT:.0%} at most are wanted.")
    return Reason("NoBetterThanLuck", "Overfit", f"{share}: that is what to expect of them.")


def _out_of_sample(evidence: Evidence) -> Iterator[Reason]:
    kept = "" if math.isnan(evidence.efficiency) else f"; {evidence.efficiency:.0%} of the growth in sample was kept"
    if math.isnan(evidence.sharpe):
        yield Reason(
            "NothingOutOfSample",
            "Suspect",
            "Out of sample nothing was earned or lost: what was chosen did not trade there.",
        )
    elif evidence.sharpe > 0.0:
        yield Reason(
            "EarnsOutOfSample",
            "Robust",
            f"Out of sample the choices earned a Sharpe ratio of {evidence.sharpe:.2f}, in {evidence.trades:,} trades{kept}.",
        )
    else:
        yield Reason(
            "LosesOutOfSample",
            "Suspect",
            f"Out of sample the choices lost, at a Sharpe ratio of {evidence.sharpe:.2f}, in {evidence.trades:,} trades{kept}.",
        )


def _rehearsals(value: float) -> Iterator[Reason]:
    if math.isnan(value):
        return
    share = f"In {value:.0%} of the rehearsals on half of the history, what was best there was below the median on the other half (PBO)"
    if value < MOSTLY_WRONG:
        yield Reason("ChoosesWell", "Robust", f"{share}.")
    else:
        yield Reason("ChoosesBadly", "Suspect", f"{share}: the search chooses no better than a draw of lots.")


def _surroundings(shape: Shape) -> Iterator[Reason]:
    match shape:
        case "Plateau":
            yield Reason("OnAPlateau", "Robust", "The neighbours of the selected values do nearly as well.")
        case "Slope":
            yield Reason(
                "OnASlope", "Robust", "Some neighbours of the selected values do nearly as well, others do not."
            )
        case "Spike":
            yield Reason(
                "OnASpike",
                "Suspect",
                "The neighbours of the selected values do much worse: a small change of the market would do the same.",
            )
        case "Unknown":
            return
