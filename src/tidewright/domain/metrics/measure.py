"""Every figure of one backtest, from its bars, ledger and trades."""

import math
from dataclasses import dataclass

from tidewright.domain.bars import Bars
from tidewright.domain.grid import Clock
from tidewright.domain.ledger import Ledger, Trades
from tidewright.domain.metrics import formulae
from tidewright.domain.metrics.periods import daily_returns, years_between
from tidewright.domain.metrics.statistics import (
    equity_statistics,
    fill_statistics,
    return_statistics,
    trade_statistics,
)
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.overfitting import TrackRecord, probabilistic_sharpe


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of `tidewright.domain.metrics.table`, which says what each one is; formulae in `tidewright.domain.metrics.formulae`.

    Percentages are ratios, money is in quote currency, durations are milliseconds. NaN: not defined. Besides the table's
    figures: the number of return periods and of such periods in a year, and when the maximum drawdown had its peak, its trough and its
    recovery (milliseconds since the epoch; None without a drawdown, the end None as well where there was no recovery).

    `max_drawdown` is measured on equity at every bar's close, from the initial equity on; `max_drawdown_money` and
    `max_drawdown_duration` are the largest of their own and may belong to other drawdowns. A trade's net result decides whether it
    won or lost; one that broke even is in neither, and in `trades`.
    """

    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    probabilistic_sharpe: float
    sortino: float
    calmar: float
    vwr: float
    skewness: float
    kurtosis: float
    periods: int
    periods_per_year: float
    max_drawdown: float
    max_drawdown_money: float
    max_drawdown_duration: int
    max_drawdown_start: int | None
    max_drawdown_trough: int | None
    max_drawdown_end: int | None
    trades: int
    win_rate: float
    profit_factor: float
    expectancy: float
    expectancy_return: float
    average_win: float
    average_loss: float
    best_trade: float
    worst_trade: float
    kelly: float
    sqn: float
    average_holding: float
    exposure: float
    turnover: float
    fees: float
    funding: float


def measure(bars: Bars | Clock, ledger: Ledger, trades: Trades, exposed: int | None = None) -> Metrics:
    """Every figure of an account's history over `bars`, of which there is at least one; `ledger.initial` is positive.

    `exposed` is the number of bars that closed with a position open; absent, it is read off the fills of one symbol.
    """
    equity, initial, fills, count = ledger.equity, ledger.initial, ledger.fills, len(trades)
    returns, yearly = daily_returns(bars.time, equity, initial, bars.step)
    of_returns = return_statistics(returns)
    of_equity = equity_statistics(bars.time, bars.step, equity, initial)
    of_fills = fill_statistics(fills.bar, fills.price, fills.quantity, fills.fee, fills.held, len(bars))
    of_trades = trade_statistics(trades.pnl, trades.net_return, trades.entry_time, trades.exit_time)
    drawdown, money, by_return = of_equity.drawdown, of_trades.money, of_trades.returns
    years = years_between(int(bars.time[0]), int(bars.time[-1]) + bars.step)
    cagr = formulae.cagr(float(equity[-1]) / initial, years)
    return Metrics(
        total_return=formulae.total_return(initial, float(equity[-1])),
        cagr=cagr,
        volatility=formulae.volatility(of_returns.deviation, yearly),
        sharpe=formulae.sharpe(of_returns.mean, of_returns.deviation, yearly),
        probabilistic_sharpe=probabilistic_sharpe(TrackRecord.from_statistics(of_returns, len(returns))),
        sortino=formulae.sortino(of_returns.mean, of_returns.downside, yearly),
        calmar=formulae.calmar(cagr, drawdown.ratio),
        vwr=formulae.variability_weighted_return(of_returns.growth_rate, of_returns.variability, yearly),
        skewness=of_returns.skewness,
        kurtosis=of_returns.kurtosis,
        periods=len(returns),
        periods_per_year=yearly,
        max_drawdown=drawdown.ratio,
        max_drawdown_money=drawdown.money,
        max_drawdown_duration=int(of_equity.longest),
        max_drawdown_start=_close(bars, drawdown.peak) if drawdown.trough >= 0 else None,
        max_drawdown_trough=_close(bars, drawdown.trough) if drawdown.trough >= 0 else None,
        max_drawdown_end=_close(bars, drawdown.recovery) if 0 <= drawdown.recovery < len(bars) else None,
        trades=count,
        win_rate=formulae.win_rate(money.wins, count),
        profit_factor=formulae.profit_factor(money.won, money.lost),
        expectancy=formulae.average(money.won + money.lost, count),
        expectancy_return=of_trades.mean,
        average_win=formulae.average(money.won, money.wins),
        average_loss=formulae.average(money.lost, money.losses),
        best_trade=of_trades.best,
        worst_trade=of_trades.worst,
        kelly=formulae.kelly(
            formulae.average(by_return.wins, count),
            formulae.average(by_return.losses, count),
            formulae.average(by_return.won, by_return.wins),
            formulae.average(by_return.lost, by_return.losses),
        ),
        sqn=formulae.system_quality_number(of_trades.mean, of_trades.deviation, count),
        average_holding=of_trades.holding,
        exposure=formulae.exposure(of_fills.exposed if exposed is None else exposed, len(bars)),
        turnover=formulae.turnover(of_fills.traded, of_equity.mean, years),
        fees=of_fills.fees,
        funding=_funding(ledger),
    )


def as_record(metrics: Metrics) -> dict[str, float | int | None]:
    """The table's figures by their names, in its order, for JSON: what is not a finite number becomes None."""
    values = ((metric.name, getattr(metrics, metric.field)) for metric in METRICS)
    return {name: value if math.isfinite(value) else None for name, value in values}


def _funding(ledger: Ledger) -> float:
    """What was paid in all, rounded once; NaN where the account was kept without funding."""
    paid = ledger.funding
    return math.fsum(paid[paid != 0.0].tolist()) if len(paid) else math.nan


def _close(bars: Bars | Clock, index: int) -> int:
    """When the bar closed; for -1, when the first one opened."""
    return int(bars.time[0]) if index < 0 else int(bars.time[index]) + bars.step
