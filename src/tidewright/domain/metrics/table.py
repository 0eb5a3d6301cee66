"""The figures in the order in which they are shown: how each is named, read and judged.

A daily return is that of a UTC day, or of a bar where bars are longer (`tidewright.domain.metrics.periods`).
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["percent", "ratio", "number", "money", "count", "duration"]
"""How a value is shown: percent times 100 with a % sign, money in the quote currency, a duration from milliseconds; the rest as they are."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. `name` is its key in a resource's status; `higher_is_better` is None where more is neither good nor bad."""

    name: str
    title: str
    unit: Unit
    higher_is_better: bool | None
    description: str

    @property
    def field(self) -> str:
        """The attribute of `Metrics` that holds it: ``total_return`` for ``totalReturn``."""
        return re.sub(r"(?=[A-Z])", "_", self.name).lower()


METRICS: tuple[Metric, ...] = (
    Metric("totalReturn", "Total return", "percent", True, "Final equity over initial cash, less one."),
    Metric("cagr", "Annual growth (CAGR)", "percent", True, "Growth a year, compounded, that gives the total return."),
    Metric("volatility", "Volatility", "percent", False, "Standard deviation of daily returns, a year."),
    Metric("sharpe", "Sharpe ratio", "ratio", True, "Mean over standard deviation of daily returns, a year, risk-free rate 0."),
    Metric("probabilisticSharpe", "Probabilistic Sharpe", "percent", True, "Probability that the true Sharpe ratio is above 0."),
    Metric("sortino", "Sortino ratio", "ratio", True, "Mean over downside deviation of daily returns, a year, target 0."),
    Metric("calmar", "Calmar ratio", "ratio", True, "Annual growth over maximum drawdown."),
    Metric("vwr", "Variability-weighted return", "percent", True, "Annual growth, less the more equity strayed from steady growth."),
    Metric("maxDrawdown", "Maximum drawdown", "percent", False, "Deepest fall of equity below an earlier peak."),
    Metric("maxDrawdownMoney", "Maximum drawdown in money", "money", False, "Largest amount that equity lay below an earlier peak."),
    Metric("maxDrawdownDuration", "Longest drawdown", "duration", False, "Longest time until an earlier peak was reached again."),
    Metric("trades", "Trades", "count", None, "Closed positions; one still open at the end is not counted."),
    Metric("winRate", "Win rate", "percent", True, "Share of trades that made money after fees."),
    Metric("profitFactor", "Profit factor", "ratio", True, "Sum of winning trades over sum of losing ones."),
    Metric("expectancy", "Expectancy", "money", True, "Mean result of a trade after fees."),
    Metric("expectancyReturn", "Expected return of a trade", "percent", True, "Mean of the trades' net returns."),
    Metric("averageWin", "Average win", "money", True, "Mean result of the winning trades."),
    Metric("averageLoss", "Average loss", "money", True, "Mean result of the losing trades, a negative amount."),
    Metric("bestTrade", "Best trade", "percent", True, "Highest net return of a trade."),
    Metric("worstTrade", "Worst trade", "percent", True, "Lowest net return of a trade."),
    Metric("kelly", "Kelly fraction", "percent", True, "Stake that would have grown fastest, from win rate and mean net returns."),
    Metric("sqn", "System quality number", "number", True, "Mean over deviation of the trades' net returns, times the root of their number."),
    Metric("averageHolding", "Average holding time", "duration", None, "Mean time from a trade's entry bar to its exit bar."),
    Metric("exposure", "Exposure", "percent", None, "Share of bars that closed with a position open."),
    Metric("turnover", "Turnover", "ratio", None, "Amount bought and sold, as a multiple of mean equity, a year."),
    Metric("fees", "Fees paid", "money", False, "Sum of all fees."),
    Metric("funding", "Funding paid", "money", False, "Sum of the funding of perpetuals; below 0, more was received than paid."),
    Metric("skewness", "Skewness", "number", True, "Asymmetry of daily returns; below 0 the large days are losses."),
    Metric("kurtosis", "Kurtosis", "number", False, "Weight of extreme daily returns; 3 in a normal distribution."),
)  # fmt: skip
