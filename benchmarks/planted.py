"""Markets of which it is known whether there is anything to find: pure noise, and noise with an edge that one set of parameters follows."""

from dataclasses import dataclass

import numpy as np

from benchmarks.market import FIRST, HOUR
from tidewright.domain.backtest import backtest
from tidewright.domain.bars import Bars, Floats, Market
from tidewright.domain.compiled import compiled
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.strategies.builtin import BUILTINS

STRATEGY = BUILTINS["MovingAverageCross"]
BROKER = Broker(cash=100_000.0, commission=0.001, slippage=0.0005)
STEP = 4 * HOUR
YEAR = 365 * 24 * HOUR // STEP
YEARS = 4
HISTORY = 480
"""Bars before the period, more than the longest average needs."""

FAST, SLOW = 8, 40
"""The averages that know the edge, in bars."""

VOLATILITY = 0.65
"""A year's, on average."""
UNREST, MEMORY = 0.3, 0.995
"""Deviation of the logarithm of volatility, and how much of it stays from bar to bar: it halves in 23 days."""
TAILS = 5
"""Degrees of freedom of Student's t, which the returns are drawn from besides."""


@dataclass(frozen=True, slots=True)
class Edge:
    """By how much more than nothing a bar's expected return is where `FAST` is above `SLOW` at the close before it, and by how much less where it is not."""

    drift: float


NOISE = Edge(0.0)


def market(edge: Edge, seed: int, years: int = YEARS) -> Bars:
    """Bars of `HISTORY` and so many years; a bar's expected return is plus or minus `edge`, so to hold all the time brings next to nothing."""
    random = np.random.default_rng(seed)
    count = HISTORY + years * YEAR
    unrest = _wander(random.normal(0.0, UNREST * np.sqrt(1.0 - MEMORY**2), count), MEMORY)
    deviation = VOLATILITY / np.sqrt(YEAR) * np.exp(unrest - UNREST**2)
    shocks = random.standard_t(TAILS, count) * np.sqrt((TAILS - 2) / TAILS)
    close = _prices(np.clip(deviation * shocks, -0.4, 0.4), edge.drift, FAST, SLOW)
    opens = np.concatenate((close[:1], close[:-1]))
    reach = random.exponential(VOLATILITY / np.sqrt(YEAR) / 2, (2, count))
    return Bars(
        time=FIRST + STEP * np.arange(count, dtype=np.int64), open=opens, close=close, volume=random.lognormal(5.0, 1.0, count),
        high=np.maximum(opens, close) * (1.0 + reach[0]), low=np.minimum(opens, close) / (1.0 + reach[1]),
        step=STEP, market=Market("planted", "TIDE/USDT", "4h"),
    )  # fmt: skip


@compiled
def _wander(steps: Floats, memory: float) -> Floats:
    values = np.empty(len(steps))
    at = 0.0
    for i in range(len(steps)):
        at = memory * at + steps[i]
        values[i] = at
    return values


@compiled
def _prices(noise: Floats, drift: float, fast: int, slow: int) -> Floats:
    """The close of each bar: noise, and the drift that follows the position at the close before."""
    close = np.empty(len(noise))
    total = np.zeros(len(noise) + 1)
    price, edge = 10_000.0, 0.0
    for i in range(len(noise)):
        price *= 1.0 + noise[i] + edge
        close[i] = price
        total[i + 1] = total[i] + price
        if i + 1 >= slow:
            above = (total[i + 1] - total[i + 1 - fast]) / fast > (total[i + 1] - total[i + 1 - slow]) / slow
            edge = drift if above else -drift
    return close


def net_sharpe(edge: Edge, markets: int, first_seed: int = 1_000_000) -> float:
    """Annualised Sharpe ratio after costs of the parameters that know the edge, over the days of so many markets together."""
    days = []
    for seed in range(first_seed, first_seed + markets):
        bars = market(edge, seed)
        ledger = backtest(bars, STRATEGY, {"fast": FAST, "slow": SLOW, "kind": "sma"}, BROKER, Risk(), HISTORY).ledger
        returns, yearly = daily_returns(bars.time[HISTORY:], ledger.equity, BROKER.cash, STEP)
        days.append(returns)
    together = np.concatenate(days)
    return float(together.mean() / together.std(ddof=1) * np.sqrt(yearly))
