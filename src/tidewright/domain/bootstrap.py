"""Confidence intervals of figures, by drawing other histories from the one there is.

Period returns are drawn in blocks, since they depend on one another (stationary bootstrap: D. N. Politis and J. P. Romano, "The Stationary
Bootstrap", Journal of the American Statistical Association 89, 1994); trades one by one. The interval is the percentile interval
(B. Efron, "Nonparametric Standard Errors and Confidence Intervals", Canadian Journal of Statistics 9, 1981): the range of the figure over
the drawn histories, without the same number of them at either end. It says what chance could have made of this history, not what another
market would.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Booleans, Floats, Integers
from tidewright.domain.compiled import compiled, inlined
from tidewright.domain.ledger import Trades
from tidewright.domain.metrics import formulae
from tidewright.domain.metrics.statistics import deepest_drawdown, deviation_of, downside_of, mean_of, tally

MINIMUM_OBSERVATIONS = 20
"""Fewer returns or trades than this have no interval: there is too little to draw other histories from."""

OF_RETURNS = ("totalReturn", "cagr", "volatility", "sharpe", "sortino", "calmar", "maxDrawdown")
OF_TRADES = ("winRate", "profitFactor", "expectancy", "averageWin", "averageLoss")

Interval = tuple[float, float]

_cagr = inlined(formulae.cagr)
_volatility = inlined(formulae.volatility)
_sharpe = inlined(formulae.sharpe)
_sortino = inlined(formulae.sortino)
_calmar = inlined(formulae.calmar)
_average = inlined(formulae.average)
_profit_factor = inlined(formulae.profit_factor)


def intervals(
    returns: Floats, periods_per_year: float, trades: Trades, seed: int, resamples: int = 1000, level: float = 0.95
) -> dict[str, Interval]:
    """Interval of each figure of `OF_RETURNS` and `OF_TRADES` at `level`, by its name in the table of metrics.

    `returns` are period returns, shape (n,), with `periods_per_year` of them in a year (`tidewright.domain.metrics.periods`). Drawdowns
    are those of the period ends, so they are at most as deep as those of the bars. An interval is (NaN, NaN) for fewer than
    `MINIMUM_OBSERVATIONS`, where a return is NaN, or where the figure is undefined in more of the drawn histories than are left
    out at one end. The same arguments give the same intervals; returns and trades are drawn independently of each other.
    """
    for_returns, for_trades = (np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seed).spawn(2))
    found = dict.fromkeys((*OF_RETURNS, *OF_TRADES), (math.nan, math.nan))
    if len(returns) >= MINIMUM_OBSERVATIONS and not np.isnan(returns).any():
        jumps, starts = _blocks(for_returns, len(returns), resamples)
        figures = _figures_of_returns(returns, jumps, starts, periods_per_year)
        found.update(zip(OF_RETURNS, _percentiles(figures, level), strict=True))
    if len(trades) >= MINIMUM_OBSERVATIONS:
        drawn = for_trades.integers(len(trades), size=(resamples, len(trades)), dtype=np.int32)
        found.update(zip(OF_TRADES, _percentiles(_figures_of_trades(trades.pnl, drawn), level), strict=True))
    return found


def block_length(observations: int) -> float:
    """Mean length of a block, ``observations ** (1 / 3)``.

    The rate at which the best length grows with the sample (D. N. Politis and H. White, "Automatic Block-Length Selection for the Dependent
    Bootstrap", Econometric Reviews 23, 2004), with 1 for the constant that depends on the data: two weeks for seven years of days.
    """
    return math.cbrt(observations)


def _blocks(random: np.random.Generator, observations: int, resamples: int) -> tuple[Booleans, Integers]:
    """Where in each drawn history a new block begins, shape (resamples, observations), and from which observation each begins."""
    jumps = random.random((resamples, observations), dtype=np.float32) < 1.0 / block_length(observations)
    jumps[:, 0] = True
    return jumps, random.integers(observations, size=np.count_nonzero(jumps))


def stationary_orders(random: np.random.Generator, observations: int, resamples: int) -> Integers:
    """Which observation stands where in each history drawn in blocks of `block_length` on average, shape (resamples, observations)."""
    return _orders(*_blocks(random, observations, resamples))


@compiled
def _orders(jumps: Booleans, starts: Integers) -> Integers:
    resamples, observations = jumps.shape
    orders = np.empty((resamples, observations), dtype=np.int64)
    block, at = 0, 0
    for i in range(resamples):
        for k in range(observations):
            at += 1
            if jumps[i, k]:
                at = starts[block]
                block += 1
            elif at == observations:
                at = 0
            orders[i, k] = at
    return orders


@compiled
def _figures_of_returns(returns: Floats, jumps: Booleans, starts: Integers, periods_per_year: float) -> Floats:
    """The figures of `OF_RETURNS` of each drawn history, shape (7, resamples); a block that reaches the end goes on at the start."""
    resamples, observations = jumps.shape
    figures = np.empty((7, resamples))
    drawn = np.empty(observations)
    equity = np.empty(observations)
    block, at = 0, 0
    for i in range(resamples):
        value = 1.0
        for k in range(observations):
            at += 1
            if jumps[i, k]:
                at = starts[block]
                block += 1
            elif at == observations:
                at = 0
            drawn[k] = returns[at]
            value *= 1.0 + returns[at]
            equity[k] = value
        mean = mean_of(drawn)
        deviation = deviation_of(drawn, mean)
        depth = deepest_drawdown(equity, 1.0).ratio
        growth = _cagr(value, observations / periods_per_year)
        figures[0, i] = value - 1.0
        figures[1, i] = growth
        figures[2, i] = _volatility(deviation, periods_per_year)
        figures[3, i] = _sharpe(mean, deviation, periods_per_year)
        figures[4, i] = _sortino(mean, downside_of(drawn), periods_per_year)
        figures[5, i] = _calmar(growth, depth)
        figures[6, i] = depth
    return figures


@compiled
def _figures_of_trades(pnl: Floats, drawn: NDArray[np.int32]) -> Floats:
    """The figures of `OF_TRADES` of each drawn history, shape (5, resamples)."""
    resamples, count = drawn.shape
    figures = np.empty((5, resamples))
    profits = np.empty(count)
    for i in range(resamples):
        for k in range(count):
            profits[k] = pnl[drawn[i, k]]
        of = tally(profits)
        figures[0, i] = of.wins / count
        figures[1, i] = _profit_factor(of.won, of.lost)
        figures[2, i] = (of.won + of.lost) / count
        figures[3, i] = _average(of.won, float(of.wins))
        figures[4, i] = _average(of.lost, float(of.losses))
    return figures


def _percentiles(figures: Floats, level: float) -> list[Interval]:
    """Of each row the lowest and the highest value, without ``(1 - level) / 2`` of them at either end.

    An undefined figure sorts above every other: most have no loss to divide by. Where they reach the upper bound, there is none.
    """
    ordered = np.sort(figures, axis=1)
    out = int(figures.shape[1] * (1.0 - level) / 2.0 + 1e-9)
    bounds = ((float(row[out]), float(row[-1 - out])) for row in ordered)
    return [(low, high) if math.isfinite(high) else (math.nan, math.nan) for low, high in bounds]
