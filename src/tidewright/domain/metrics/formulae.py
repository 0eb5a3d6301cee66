"""The formula of every figure, with its source: numbers in, one number out, NaN where it is not defined.

Plain functions of floats, so that Python may call them directly and compiled functions may contain them (by `inlined` of
`tidewright.domain.compiled`); both give the same bits as far as they use ``+ - * / sqrt`` only: all but `cagr` and
`variability_weighted_return`.
"""

import math

_LARGEST_EXPONENT = 700.0
"""exp() of more than this leaves the range of a float: a short history's growth, annualised, means nothing any more."""


def total_return(initial: float, final: float) -> float:
    """``final / initial - 1``; NaN unless `initial` is positive."""
    return final / initial - 1.0 if initial > 0.0 else math.nan


def cagr(growth: float, years: float) -> float:
    """Compound annual growth rate, ``growth ** (1 / years) - 1``, where `growth` is final over initial equity.

    -1 for an account that ended at 0; NaN for no time, for one that ended below 0, or where the rate leaves the range of a float.
    """
    if growth == 0.0 and years > 0.0:
        return -1.0
    if not (growth > 0.0 and years > 0.0):
        return math.nan
    exponent = math.log(growth) / years
    return math.expm1(exponent) if exponent < _LARGEST_EXPONENT else math.nan


def volatility(deviation: float, periods_per_year: float) -> float:
    """Annualised standard deviation of the period returns, ``deviation * sqrt(periods_per_year)``."""
    return deviation * math.sqrt(periods_per_year)


def sharpe(mean: float, deviation: float, periods_per_year: float) -> float:
    """Sharpe ratio, annualised, with a risk-free rate of 0: ``mean / deviation * sqrt(periods_per_year)``.

    `deviation` is the sample's (ddof=1). NaN where the returns do not vary. Source: W. F. Sharpe, "The Sharpe Ratio", Journal
    of Portfolio Management 21(1), 1994; the square root of time as there.
    """
    return mean / deviation * math.sqrt(periods_per_year) if deviation > 0.0 else math.nan


def sortino(mean: float, downside: float, periods_per_year: float) -> float:
    """Sortino ratio, annualised, with a target of 0: ``mean / downside * sqrt(periods_per_year)``.

    `downside` is the root of the mean over *all* periods of ``min(return, 0) ** 2``. NaN where no period lost. Source:
    F. A. Sortino and L. N. Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing 3(3), 1994.
    """
    return mean / downside * math.sqrt(periods_per_year) if downside > 0.0 else math.nan


def calmar(annual_growth: float, max_drawdown: float) -> float:
    """Calmar ratio, CAGR over maximum drawdown, both over the whole history; NaN without a drawdown.

    Source: T. W. Young, "Calmar Ratio: A Smoother Tool", Futures 20(1), 1991, which takes the last 36 months of monthly values.
    """
    return annual_growth / max_drawdown if max_drawdown > 0.0 else math.nan


def variability_weighted_return(
    growth_rate: float, variability: float, periods_per_year: float, tau: float = 2.0, sigma_max: float = 0.20
) -> float:
    """Variability-weighted return (VWR): ``R * (1 - (variability / sigma_max) ** tau)``, as a ratio a year.

    ``R = exp(growth_rate * periods_per_year) - 1`` with `growth_rate` the mean logarithmic return of a period; `variability` is the
    standard deviation (ddof=1) of ``equity[n] / (initial * exp(growth_rate * n)) - 1``, the distance from steady growth;
    `sigma_max` is the most of it that an investor accepts and `tau` how fast the weight falls until there. The definition holds for
    ``variability <= sigma_max``: beyond, it is NaN. Source: CrystalBull, "Sharpe Ratio: Better with Log Returns"
    (crystalbull.com/sharpe-ratio-better-with-log-returns), which states R in percent.

    Backtrader's analyzer of this name says ``tau=2.0, sigma_max=0.20`` in its documentation and has ``tau=0.20, sigma_max=2.0``
    in its code, measures each distance from the period before instead of from the start, annualises with 252, and does not
    hold to the limit: its figures are not comparable.
    """
    exponent = growth_rate * periods_per_year
    if not (variability <= sigma_max and exponent < _LARGEST_EXPONENT):
        return math.nan
    return math.expm1(exponent) * (1.0 - math.pow(variability / sigma_max, tau))


def system_quality_number(mean: float, deviation: float, trades: float) -> float:
    """System quality number (SQN): ``sqrt(trades) * mean / deviation`` of the trades' net returns, deviation with ddof=1.

    NaN for fewer than two trades or for returns that do not vary. Source: V. K. Tharp, "The Definitive Guide to Position Sizing
    Strategies", 2008, for multiples of the initial risk; the net return stands in for them, since not every trade has a stop. Backtrader
    takes the profits in money and divides by the population's deviation (ddof=0), so its figure grows with the account.
    """
    return math.sqrt(trades) * mean / deviation if deviation > 0.0 else math.nan


def win_rate(wins: float, trades: float) -> float:
    """Winning trades over all trades, those that broke even included; NaN without trades."""
    return wins / trades if trades > 0 else math.nan


def profit_factor(won: float, lost: float) -> float:
    """``won / -lost``: the sum of the winning trades over that of the losing ones, after fees; NaN where none lost."""
    return won / -lost if lost < 0.0 else math.nan


def average(total: float, trades: float) -> float:
    """``total / trades``: expectancy over all trades, average win over the winning, average loss (negative) over the losing ones.

    NaN where there is none. An expectancy in money is of this account's position sizes; that of net returns is of no size.
    """
    return total / trades if trades > 0 else math.nan


def kelly(win_share: float, loss_share: float, average_win: float, average_loss: float) -> float:
    """Kelly fraction, ``win_share - loss_share / (average_win / -average_loss)``, the averages being net returns of trades.

    NaN unless there are both winning and losing trades. Negative: no stake is worth taking. Source: J. L. Kelly, "A New Interpretation
    of Information Rate", Bell System Technical Journal 35, 1956, in its usual form for two outcomes; trades that broke even count in
    neither share.
    """
    if not (average_win > 0.0 and average_loss < 0.0):
        return math.nan
    return win_share + loss_share * average_loss / average_win


def turnover(traded: float, mean_equity: float, years: float) -> float:
    """Notional bought and sold, as a multiple of mean equity, a year; NaN unless mean equity and time are positive."""
    return traded / mean_equity / years if mean_equity > 0.0 and years > 0.0 else math.nan


def exposure(exposed: float, bars: float) -> float:
    """``exposed / bars``: the share of bars that closed with a position open.

    A bar within which a position was opened and closed again counts as not exposed.
    """
    return exposed / bars if bars > 0 else math.nan
