"""Compiled passes over equity, returns and trades: the sums and extremes that the formulae are made of.

Every sum runs in the order of its array, so that a figure is the same on every machine and in every function that contains the pass.
A full measurement, a parameter sweep (`headline`) and the bootstrap share the passes: for the same equity they agree bit for bit.
"""

import math
from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.compiled import compiled, inlined
from tidewright.domain.metrics import formulae

_sharpe = inlined(formulae.sharpe)
_total_return = inlined(formulae.total_return)

_ROUNDING = 1e-14
"""Returns are quotients near 1, less 1: a deviation of this size is rounding, and no variability at all."""


class Drawdown(NamedTuple):
    """The deepest fall below a peak: as a ratio of the peak, the most in money, and the bars of peak, trough and recovery.

    The peak is -1 where it is the initial equity; the recovery is the number of bars where there was none. Without a drawdown all bars are -1.
    """

    ratio: float
    money: float
    peak: int
    trough: int
    recovery: int


class EquityStatistics(NamedTuple):
    """The deepest drawdown, the longest time below a peak in milliseconds, and the mean over the bars."""

    drawdown: Drawdown
    longest: int
    mean: float


class FillStatistics(NamedTuple):
    """Notional bought and sold, fees paid, and how many bars closed with a position open."""

    traded: float
    fees: float
    exposed: int


class ReturnStatistics(NamedTuple):
    """Of period returns: `skewness` and `kurtosis` are the population's (a normal distribution has 0 and 3)."""

    mean: float
    deviation: float
    downside: float
    skewness: float
    kurtosis: float
    growth_rate: float
    variability: float


class Tally(NamedTuple):
    """Winning and losing trades and their sums; `lost` is negative, and what broke even is in neither."""

    wins: int
    losses: int
    won: float
    lost: float


class TradeStatistics(NamedTuple):
    """Of closed trades, in money and as net returns; `holding` is their mean time from entry to exit bar in milliseconds."""

    money: Tally
    returns: Tally
    mean: float
    deviation: float
    best: float
    worst: float
    holding: float


@inlined
def mean_of(values: Floats) -> float:
    """Arithmetic mean; NaN of nothing."""
    total = 0.0
    for value in values:
        total += value
    return total / len(values) if len(values) else math.nan


@inlined
def deviation_of(values: Floats, mean: float) -> float:
    """Sample standard deviation (ddof=1); NaN of fewer than two values, exactly 0 where they differ by rounding only."""
    if len(values) < 2:
        return math.nan
    total = 0.0
    for value in values:
        total += (value - mean) * (value - mean)
    deviation = math.sqrt(total / (len(values) - 1))
    return 0.0 if deviation <= _ROUNDING * (1.0 + abs(mean)) else deviation


@inlined
def downside_of(returns: Floats) -> float:
    """Downside deviation from 0 over all periods; NaN of nothing."""
    total = 0.0
    for value in returns:
        if value < 0.0:
            total += value * value
    return math.sqrt(total / len(returns)) if len(returns) else math.nan


@inlined
def deepest_drawdown(equity: Floats, initial: float) -> Drawdown:
    """The maximum drawdown of an equity curve: the largest ``(peak - equity) / peak``, the first peak being `initial` (positive).

    In 0..1 while equity is not negative. The most in money may belong to another drawdown than the ratio. Source: M. Magdon-Ismail and
    A. Atiya, "Maximum Drawdown", Risk 17(10), 2004.
    """
    ratio, money, start, bottom = 0.0, 0.0, -1, -1
    peak, top, trough = initial, -1, initial
    for i in range(len(equity)):
        value = equity[i]
        if value >= peak:
            peak, top, trough = value, i, value
        elif value < trough:  # only a new low can be the deepest, so that the division is rare
            trough = value
            money = max(money, peak - value)
            depth = (peak - value) / peak
            if depth > ratio:
                ratio, start, bottom = depth, top, i
    recovery = bottom
    while 0 <= recovery < len(equity) and equity[recovery] < (equity[start] if start >= 0 else initial):
        recovery += 1
    return Drawdown(ratio, money, start, bottom, recovery)


@inlined
def longest_drawdown(time: Integers, step: int, equity: Floats, initial: float) -> int:
    """The longest time from a peak to the close at which it was reached again, or to the end, in milliseconds."""
    if not len(time):
        return 0
    longest, peak, since, below = 0, initial, time[0], False
    for i in range(len(equity)):
        was_below, below = below, equity[i] < peak
        close = time[i] + step
        if below or was_below:
            longest = max(longest, close - since)
        if not below:
            peak, since = equity[i], close
    return longest


@inlined
def tally(profits: Floats) -> Tally:
    wins, losses, won, lost = 0, 0, 0.0, 0.0
    for profit in profits:
        if profit > 0.0:
            wins += 1
            won += profit
        elif profit < 0.0:
            losses += 1
            lost += profit
    return Tally(wins, losses, won, lost)


@inlined
def _steady_growth(returns: Floats) -> tuple[float, float]:
    """Mean logarithmic return, and the deviation of equity from growing by just that every period."""
    growth = 1.0
    for value in returns:
        growth *= 1.0 + value
    if not (growth > 0.0 and len(returns)):
        return math.nan, math.nan
    rate = math.log(growth) / len(returns)
    distances = np.empty(len(returns))
    equity = 1.0
    for i in range(len(returns)):
        equity *= 1.0 + returns[i]
        distances[i] = equity / math.exp(rate * (i + 1)) - 1.0
    return rate, deviation_of(distances, mean_of(distances))


@compiled
def period_returns(equity: Floats, ends: Integers, initial: float) -> Floats:
    """Return from the end of one period to the next, the first from `initial`; NaN on an equity of 0 or less."""
    returns = np.empty(len(ends))
    before = initial
    for k in range(len(ends)):
        value = equity[ends[k]]
        returns[k] = value / before - 1.0 if before > 0.0 else math.nan
        before = value
    return returns


@compiled
def return_statistics(returns: Floats) -> ReturnStatistics:
    mean = mean_of(returns)
    deviation = deviation_of(returns, mean)
    second, third, fourth = 0.0, 0.0, 0.0
    for value in returns:
        square = (value - mean) * (value - mean)
        second += square
        third += square * (value - mean)
        fourth += square * square
    skewness, kurtosis = math.nan, math.nan
    if deviation > 0.0:
        variance = second / len(returns)
        skewness = third / len(returns) / (variance * math.sqrt(variance))
        kurtosis = fourth / len(returns) / (variance * variance)
    rate, variability = _steady_growth(returns)
    return ReturnStatistics(mean, deviation, downside_of(returns), skewness, kurtosis, rate, variability)


@compiled
def equity_statistics(time: Integers, step: int, equity: Floats, initial: float) -> EquityStatistics:
    drawdown = deepest_drawdown(equity, initial)
    return EquityStatistics(drawdown, longest_drawdown(time, step, equity, initial), mean_of(equity))


@compiled
def fill_statistics(
    bar: Integers, price: Floats, quantity: Floats, fee: Floats, held: Floats, bars: int
) -> FillStatistics:
    """Of the fills on a series of so many `bars`; the columns are those of `tidewright.domain.ledger.Fills`."""
    traded, fees, exposed = 0.0, 0.0, 0
    for i in range(len(bar)):
        traded += price[i] * quantity[i]
        fees += fee[i]
        if held[i] != 0.0:
            exposed += (bar[i + 1] if i + 1 < len(bar) else bars) - bar[i]
    return FillStatistics(traded, fees, exposed)


@compiled
def trade_statistics(pnl: Floats, net_return: Floats, entry_time: Integers, exit_time: Integers) -> TradeStatistics:
    best, worst, holding = math.nan, math.nan, math.nan
    if len(net_return):
        best, worst, holding = net_return[0], net_return[0], 0.0
        for i in range(len(net_return)):
            best = max(best, net_return[i])
            worst = min(worst, net_return[i])
            holding += exit_time[i] - entry_time[i]
        holding /= len(net_return)
    mean = mean_of(net_return)
    deviation = deviation_of(net_return, mean)
    return TradeStatistics(tally(pnl), tally(net_return), mean, deviation, best, worst, holding)


@compiled
def headline(equity: Floats, ends: Integers, initial: float, periods_per_year: float) -> tuple[float, float, float]:
    """Total return, annualised Sharpe ratio and maximum drawdown, for a sweep that measures thousands of equity curves.

    `equity` has shape (n,) and at least one bar; `ends` and `periods_per_year` are those of `tidewright.domain.metrics.periods`, the
    same for every curve on the same bars. May be called from another compiled function. The three equal `measure`'s bit for bit.
    """
    returns = period_returns(equity, ends, initial)
    mean = mean_of(returns)
    ratio = _sharpe(mean, deviation_of(returns, mean), periods_per_year)
    return _total_return(initial, equity[-1]), ratio, deepest_drawdown(equity, initial).ratio
