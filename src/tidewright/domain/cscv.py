"""How often the parameters that were best on one half of the history are mediocre on the other half (CSCV).

The history is cut into blocks, and every way to take half of the blocks is one rehearsal of the search: the trial with the best Sharpe ratio on the half that was taken is
judged by its rank on the half that was not. Choosing is worth something where the chosen one stays above the median; where it does not, the search found noise.

Source: D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, "The Probability of Backtest Overfitting", Journal of Computational Finance 20(4), 2017.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.compiled import compiled

_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True, eq=False)
class Pbo:
    """What the rehearsals found; all NaN, and no logits, where there was nothing to rehearse with.

    `probability` (PBO, in 0..1) is the share of rehearsals in which the chosen trial was no better than the median of the half it was not chosen on, `loss` the share in which it lost
    there. `logits` are ``ln(w / (1 - w))`` with w the chosen one's rank on that half over the trials plus one, so 0 is the median; shape (rehearsals,). `slope` is that of the least-squares
    line of the chosen one's Sharpe ratio where it was judged on that where it was chosen; the two halves share their total, which draws it below 0 where there is no skill. `left_out` rehearsals had no trial
    with a Sharpe ratio to choose.
    """

    probability: float
    logits: Floats
    slope: float
    loss: float
    left_out: int = 0


def backtest_overfitting(returns: Floats, splits: int = 16) -> Pbo:
    """Rehearse the search on all ``C(splits, splits / 2)`` halves of `returns`, shape (periods, trials), in the order of `combinations`.

    Blocks are equally long; the oldest ``periods % splits`` are left out. Where a trial's returns do not vary on a half (it did not trade) it has no Sharpe ratio: it is not chosen on that half, and counts as 0
    where it is ranked. Trials with a NaN are left out altogether. Equal ratios share the mean of their ranks; of equal ones the first is chosen. NaN for fewer than two trials, or fewer periods than `splits`.
    Memory beside `returns` is a copy of one block and `splits` rows of trials. Raises ValueError unless `splits` is even and at least 2.
    """
    if splits < 2 or splits % 2:
        raise ValueError(f"splits is {splits}; give an even number of 2 or more")
    whole = returns[:, ~np.isnan(returns).any(axis=0)]
    periods, trials = whole.shape
    length = periods // splits
    if trials < 2 or length < 1:
        return Pbo(math.nan, np.empty(0), math.nan, math.nan)
    means, scatters = _blocks(whole[periods - length * splits :], splits)
    half = splits // 2
    first = np.array([blocks for blocks in combinations(range(splits), half) if blocks[0] == 0], dtype=np.int64)
    chosen, judged, rank = _rehearse(means, scatters, length, first)
    # The complement of the i-th half is the i-th from the end, in the order of the combinations.
    found = ~np.isnan(chosen)
    chosen, judged, share = chosen[found], judged[found], rank[found] / (trials + 1)
    if not len(chosen):
        return Pbo(math.nan, np.empty(0), math.nan, math.nan, len(found))
    logits = np.log(share / (1.0 - share))
    return Pbo(
        probability=float(np.mean(logits <= 0.0)),
        logits=logits,
        slope=_slope(chosen, judged),
        loss=float(np.mean(judged < 0.0)),
        left_out=int(np.count_nonzero(~found)),
    )


def _blocks(returns: Floats, splits: int) -> tuple[Floats, Floats]:
    """Mean of each block, and the sum of squared distances from it; both of shape (splits, trials)."""
    blocks = np.split(returns, splits)
    means = np.stack([block.mean(axis=0) for block in blocks])
    scatters = np.stack([((block - mean) ** 2).sum(axis=0) for block, mean in zip(blocks, means, strict=True)])
    return means, scatters


def _slope(x: Floats, y: Floats) -> float:
    apart = x - x.mean()
    spread = float(apart @ apart)
    return float(apart @ (y - y.mean())) / spread if spread > 0.0 else math.nan


@compiled
def _rehearse(means: Floats, scatters: Floats, length: int, first: Integers) -> tuple[Floats, Floats, Floats]:
    """Sharpe ratio of the chosen trial where it was chosen, where it was judged, and its rank there, from 1 for the worst; each of shape (2 * len(first),).

    `first` are the halves with block 0; the other half of each is rehearsed with it, since both have the same ratios.
    """
    splits, trials = means.shape
    halves = len(first)
    chosen, judged, rank = np.empty(2 * halves), np.empty(2 * halves), np.empty(2 * halves)
    one, other = np.empty(trials), np.empty(trials)
    rest = np.empty(splits // 2, dtype=np.int64)
    for i in range(halves):
        at = 0
        for block in range(splits):
            if not np.any(first[i] == block):
                rest[at] = block
                at += 1
        _sharpes(means, scatters, length, first[i], one)
        _sharpes(means, scatters, length, rest, other)
        mirror = 2 * halves - 1 - i
        chosen[i], judged[i], rank[i] = _judge(one, other)
        chosen[mirror], judged[mirror], rank[mirror] = _judge(other, one)
    return chosen, judged, rank


@compiled
def _sharpes(means: Floats, scatters: Floats, length: int, blocks: Integers, into: Floats) -> None:
    """Sharpe ratio of each trial over `blocks`, NaN where its returns do not vary.

    The squared distances from the common mean are those from the blocks' own means and those of the means; a sum of squares less the square of a sum would be rounding where returns hardly vary.
    """
    trials = means.shape[1]
    mean, scatter = np.zeros(trials), np.zeros(trials)
    for block in blocks:
        for k in range(trials):
            mean[k] += means[block, k]
    for k in range(trials):
        mean[k] /= len(blocks)
    for block in blocks:
        for k in range(trials):
            apart = means[block, k] - mean[k]
            scatter[k] += scatters[block, k] + length * apart * apart
    freedom = len(blocks) * length - 1
    for k in range(trials):
        deviation = math.sqrt(scatter[k] / freedom)
        into[k] = mean[k] / deviation if deviation > _ROUNDING * (1.0 + abs(mean[k])) else math.nan


@compiled
def _judge(chosen_on: Floats, judged_on: Floats) -> tuple[float, float, float]:
    best = -1
    for k in range(len(chosen_on)):
        if not math.isnan(chosen_on[k]) and (best < 0 or chosen_on[k] > chosen_on[best]):
            best = k
    if best < 0:
        return math.nan, math.nan, math.nan
    its_own = judged_on[best] if not math.isnan(judged_on[best]) else 0.0
    below, equal = 0, 0
    for value in judged_on:
        defined = value if not math.isnan(value) else 0.0
        below += defined < its_own
        equal += defined == its_own
    return chosen_on[best], its_own, below + (equal + 1) / 2.0
