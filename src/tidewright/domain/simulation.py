"""A market from a seed: regimes, volatility clustering, jumps, and bars whose open, high, low and close belong together.

The same seed gives the same bars on any machine. The raw output of PCG64 is fixed by numpy, and everything after it is
additions, multiplications, divisions, square roots, comparisons and roundings in a stated order.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Floats, Integers

STEPS = 12
"""How many prices a bar is made of: every five minutes of an hour."""

CLUSTERING = (0.08, 0.90)
"""What the last bar's squared shock and its variance contribute to the next variance: GARCH(1, 1), Bollerslev 1986."""

JUMPS = 0.003
"""The probability that a bar holds a jump, of three to eight times the bar's volatility in either direction."""


class Regime(NamedTuple):
    """A state of the market: the mean and standard deviation of a bar's return, and how many bars it lasts on average.

    `next` is how likely each regime is to follow this one, in the order of `REGIMES`.
    """

    name: str
    drift: float
    volatility: float
    duration: float
    next: tuple[float, ...]


REGIMES = (
    Regime("Bull", 0.00030, 0.0055, 400.0, (0.00, 0.20, 0.75, 0.05)),
    Regime("Bear", -0.00025, 0.0060, 400.0, (0.20, 0.00, 0.65, 0.15)),
    Regime("Calm", 0.00002, 0.0030, 500.0, (0.50, 0.40, 0.00, 0.10)),
    Regime("Crisis", -0.00060, 0.0150, 60.0, (0.35, 0.35, 0.30, 0.00)),
)
"""The regimes of a market with hourly bars."""

CALM = 2
"""The regime that a market starts in."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One symbol of a simulated market.

    `price` and `volume` are what it starts at and how much of it a usual bar trades; `ticks` and `lots` are how many price ticks
    and volume lots make one unit. `volatility` multiplies the market's, `beta` in [0, 1] is the correlation with it, and `spread` is how
    far, in ticks, an open may lie from the close before. `stream` tells its random numbers from those of other assets.
    """

    symbol: str
    stream: int
    price: float
    ticks: int
    volume: float
    lots: int
    volatility: float
    beta: float
    spread: int


def simulate(asset: Asset, count: int, seed: int) -> Integers:
    """`count` bars, shape (count, 5): open, high, low and close in ticks, volume in lots.

    Assets of one seed share the regimes and, as far as `beta` goes, the shocks.
    """
    own = _uniforms(seed, asset.stream, count, 5)
    shocks = _mixed(_normals(seed, 1, count), _normals(seed, asset.stream + 100, count), asset.beta)
    regimes = _regimes(_uniforms(seed, 0, count, 2))
    drift = np.array([regime.drift for regime in REGIMES])[regimes]
    volatility = np.array([regime.volatility for regime in REGIMES])[regimes] * asset.volatility * _clusters(shocks)
    returns = drift[:, None] / STEPS + (volatility / math.sqrt(STEPS))[:, None] * shocks
    _add_jumps(returns, volatility, own[:, 0], own[:, 1], own[:, 2])

    prices = np.rint(_prices(returns, asset.price) * asset.ticks).astype(np.int64)
    close = prices[:, -1]
    start = int(np.rint(asset.price * asset.ticks))
    open_ = np.concatenate(([start], close[:-1])) + np.rint((2 * own[:, 3] - 1) * asset.spread).astype(np.int64)
    high = np.maximum(open_, prices.max(axis=1))
    low = np.minimum(open_, prices.min(axis=1))

    usual_range = 0.008 * asset.volatility
    activity = (high - low) / close / usual_range
    volume = np.rint(asset.volume * asset.lots * (0.3 + 0.7 * activity) * (0.6 + 0.8 * own[:, 4])).astype(np.int64)
    return np.stack((open_, high, low, close, volume), axis=1)


def resample(bars: Integers, factor: int) -> Integers:
    """Bars `factor` times as long, from whole groups of bars of shape (n, 5); sums are exact, for all values are whole."""
    groups = bars[: len(bars) // factor * factor].reshape(-1, factor, 5)
    open_, close = groups[:, 0, 0], groups[:, -1, 3]
    return np.stack((open_, groups[:, :, 1].max(1), groups[:, :, 2].min(1), close, groups[:, :, 4].sum(1)), axis=1)


def _uniforms(seed: int, stream: int, *shape: int) -> Floats:
    """Numbers in [0, 1) from the top 53 bits of each raw draw."""
    raw = np.random.PCG64([seed, stream]).random_raw(int(np.prod(shape)))
    return (raw >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53


def _normals(seed: int, stream: int, count: int) -> Floats:
    """Nearly standard normal numbers, shape (count, STEPS): the sum of twelve uniform ones less six, which needs no logarithm."""
    uniforms = _uniforms(seed, stream, 12, count, STEPS)
    total = np.full((count, STEPS), -6.0)
    for draw in uniforms:
        total += draw
    return total


def _mixed(market: Floats, own: Floats, beta: float) -> Floats:
    return beta * market + math.sqrt(1 - beta * beta) * own


def _regimes(uniforms: Floats) -> Integers:
    """The regime of each bar: a Markov chain that leaves a regime with a probability of one in its duration."""
    chain = np.empty(len(uniforms), np.int64)
    current = CALM
    for i, (leaves, follower) in enumerate(uniforms.tolist()):
        if leaves * REGIMES[current].duration < 1:
            current = _chosen(REGIMES[current].next, follower)
        chain[i] = current
    return chain


def _chosen(weights: tuple[float, ...], uniform: float) -> int:
    total = 0.0
    for choice, weight in enumerate(weights):
        total += weight
        if uniform < total:
            return choice
    return len(weights) - 1


def _clusters(shocks: Floats) -> Floats:
    """The factor on each bar's volatility, 1 on average, that follows from the shocks before it."""
    reaction, memory = CLUSTERING
    summed = np.zeros(len(shocks))
    for k in range(STEPS):
        summed += shocks[:, k]
    variance: Floats = np.empty(len(shocks))
    current = 1.0
    for i, shock in enumerate(summed.tolist()):
        variance[i] = current
        current = (1 - reaction - memory) + (reaction * (shock * shock / STEPS) + memory) * current
    return np.sqrt(variance)


def _add_jumps(returns: Floats, volatility: Floats, happens: Floats, when: Floats, size: Floats) -> None:
    bars = np.flatnonzero(happens < JUMPS)
    signed = 2 * size[bars] - 1
    jumps = np.where(signed < 0, -3 + 5 * signed, 3 + 5 * signed) * volatility[bars]
    returns[bars, np.floor(when[bars] * STEPS).astype(np.int64)] += jumps


def _prices(returns: Floats, start: float) -> Floats:
    """Prices from returns, both of shape (n, STEPS); no single step may lose more than half."""
    relative = 1 + np.maximum(returns, -0.5)
    for k in range(1, STEPS):
        relative[:, k] *= relative[:, k - 1]
    levels: Floats = np.empty(len(returns))
    level = start
    for i, change in enumerate(relative[:, -1].tolist()):
        levels[i] = level
        level *= change
    prices: Floats = levels[:, None] * relative
    return prices
