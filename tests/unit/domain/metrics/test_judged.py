"""Every figure against somebody else's: empyrical, quantstats, SciPy, Backtrader, or an example from the paper or by hand.

Where a judge defines a figure in another way, or gets it wrong, that is a test too. docs/metrics-judged.md is the table of it all.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import empyrical
import numpy as np
import pandas as pd
import pytest
import quantstats.stats as quantstats
import scipy.stats

from backtest_engine.engine import BacktraderEngine
from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.backtest import Outcome, outcome_of
from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Broker, Funding, Risk
from tidewright.domain.kernel import simulate
from tidewright.domain.metrics import formulae
from tidewright.domain.metrics.statistics import equity_statistics, return_statistics
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.overfitting import TrackRecord, probabilistic_sharpe
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.evaluation import Evaluation, evaluate
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.timeframe import DAY
from tidewright.ports import EngineResult

DAYS_A_YEAR = 365
HOUR = DAY // 24
START, END = 1_672_531_200_000, 1_688_169_600_000  # January to June 2023
BROKER = Broker(10_000.0, commission=0.001, slippage=0.0005)


@dataclass(frozen=True)
class Case:
    """One account: as we have it, as Backtrader has it, and as the series that the others take."""

    ours: Outcome
    theirs: EngineResult
    daily: pd.Series
    hourly: pd.Series
    net: pd.Series
    pnl: pd.Series

    @property
    def trade_analyzer(self) -> dict:
        return self.theirs.analyzers["TradeAnalyzer"]

    def figure(self, name: str) -> float:
        return getattr(self.ours.metrics, next(metric.field for metric in METRICS if metric.name == name))


@pytest.fixture(scope="module")
def case() -> Case:
    """Half a year of hourly bars of the embedded market, a moving-average cross with costs, flat at the end."""
    bars = SimulatedStore().read(Market("simulated", "BTC/USDT", "1h"), START, END)
    found = evaluate(BUILTINS["MovingAverageCross"], bars, {"fast": 12, "slow": 48, "kind": "sma"}).signals
    enter, leave = found.enter.copy(), found.exit.copy()
    enter[:48], enter[-100:], leave[-3] = False, False, True
    signals = Signals(enter, leave)
    ours = outcome_of(bars, Evaluation({}, signals), simulate(bars, signals, BROKER, Risk()))
    equity = np.concatenate(((BROKER.cash,), ours.ledger.equity))
    hours = pd.to_datetime(bars.time, unit="ms")
    exits = pd.to_datetime(ours.trades.exit_time, unit="ms")
    return Case(
        ours=ours,
        theirs=BacktraderEngine().trade(bars, signals, BROKER, Risk()),
        daily=pd.Series(equity[24::24] / equity[:-1:24] - 1, hours[::24]),
        hourly=pd.Series(equity[1:] / equity[:-1] - 1, hours),
        net=pd.Series(ours.trades.net_return, exits),
        pnl=pd.Series(ours.trades.pnl, exits),
    )


def turnover(of: EngineResult) -> float:
    fills = of.ledger.fills
    return float((fills.price * fills.quantity).sum() / of.ledger.equity.mean() / ((END - START) / DAY / DAYS_A_YEAR))


JUDGES: dict[str, dict[str, Callable[[Case], float]]] = {
    "totalReturn": {
        "empyrical": lambda c: empyrical.cum_returns_final(c.daily),
        "quantstats": lambda c: quantstats.comp(c.daily),
    },
    "cagr": {
        "empyrical": lambda c: empyrical.cagr(c.daily, annualization=DAYS_A_YEAR),
        "quantstats": lambda c: quantstats.cagr(c.daily, periods=DAYS_A_YEAR),
    },
    "volatility": {
        "empyrical": lambda c: empyrical.annual_volatility(c.daily, annualization=DAYS_A_YEAR),
        "quantstats": lambda c: quantstats.volatility(c.daily, periods=DAYS_A_YEAR),
    },
    "sharpe": {
        "empyrical": lambda c: empyrical.sharpe_ratio(c.daily, annualization=DAYS_A_YEAR),
        "quantstats": lambda c: quantstats.sharpe(c.daily, periods=DAYS_A_YEAR),
        "Backtrader": lambda c: c.theirs.analyzers["SharpeRatio"]["sharperatio"],
    },
    "sortino": {
        "empyrical": lambda c: empyrical.sortino_ratio(c.daily, annualization=DAYS_A_YEAR),
        "quantstats": lambda c: quantstats.sortino(c.daily, periods=DAYS_A_YEAR),
    },
    "calmar": {  # its drawdown is that of every bar, its growth that of the years
        "empyrical": lambda c: empyrical.calmar_ratio(c.hourly, annualization=24 * DAYS_A_YEAR),
        "quantstats": lambda c: quantstats.calmar(c.hourly, periods=24 * DAYS_A_YEAR),
    },
    "maxDrawdown": {
        "empyrical": lambda c: -empyrical.max_drawdown(c.hourly),
        "quantstats": lambda c: -quantstats.max_drawdown(c.hourly),
        "Backtrader": lambda c: c.theirs.analyzers["DrawDown"]["max"]["drawdown"] / 100,
    },
    "maxDrawdownMoney": {"Backtrader": lambda c: c.theirs.analyzers["DrawDown"]["max"]["moneydown"]},
    "trades": {"Backtrader": lambda c: c.trade_analyzer["total"]["closed"]},
    "winRate": {
        "quantstats": lambda c: quantstats.win_rate(c.pnl),
        "Backtrader": lambda c: c.trade_analyzer["won"]["total"] / c.trade_analyzer["total"]["closed"],
    },
    "profitFactor": {
        "quantstats": lambda c: quantstats.profit_factor(c.pnl),
        "Backtrader": lambda c: c.trade_analyzer["won"]["pnl"]["total"] / -c.trade_analyzer["lost"]["pnl"]["total"],
    },
    "expectancy": {
        "quantstats": lambda c: quantstats.avg_return(c.pnl),
        "Backtrader": lambda c: c.trade_analyzer["pnl"]["net"]["average"],
    },
    "expectancyReturn": {"quantstats": lambda c: quantstats.avg_return(c.net)},
    "averageWin": {
        "quantstats": lambda c: quantstats.avg_win(c.pnl),
        "Backtrader": lambda c: c.trade_analyzer["won"]["pnl"]["average"],
    },
    "averageLoss": {
        "quantstats": lambda c: quantstats.avg_loss(c.pnl),
        "Backtrader": lambda c: c.trade_analyzer["lost"]["pnl"]["average"],
    },
    "bestTrade": {"quantstats": lambda c: quantstats.best(c.net)},
    "worstTrade": {"quantstats": lambda c: quantstats.worst(c.net)},
    "kelly": {"quantstats": lambda c: quantstats.kelly_criterion(c.net)},
    "sqn": {"SciPy": lambda c: scipy.stats.ttest_1samp(c.net, 0.0).statistic},  # Student's t of the mean is what it is
    "averageHolding": {"Backtrader": lambda c: c.trade_analyzer["len"]["average"] * HOUR},
    "exposure": {"Backtrader": lambda c: c.trade_analyzer["len"]["total"] / len(c.ours.bars)},
    "turnover": {"Backtrader": lambda c: turnover(c.theirs)},
    "fees": {
        "Backtrader": lambda c: c.trade_analyzer["pnl"]["gross"]["total"] - c.trade_analyzer["pnl"]["net"]["total"]
    },
    "skewness": {"SciPy": lambda c: scipy.stats.skew(c.daily)},
    "kurtosis": {"SciPy": lambda c: scipy.stats.kurtosis(c.daily, fisher=False)},
}
"""Who judges which figure on the account of `case`."""

EXAMPLES = {
    "probabilisticSharpe": "paper",
    "vwr": "by hand",
    "maxDrawdownDuration": "quantstats",
    "funding": "by hand",
}
"""The figures that are judged by the examples below."""


@pytest.mark.parametrize(("name", "judge"), [(name, judge) for name, judges in JUDGES.items() for judge in judges])
def test_the_judge_finds_the_same(case, name, judge):
    assert case.figure(name) == pytest.approx(JUDGES[name][judge](case), rel=1e-9)


def test_the_account_has_enough_to_be_judged_by(case):
    metrics = case.ours.metrics
    assert metrics.trades == len(case.net) > 30
    assert metrics.average_win > 0 > metrics.average_loss
    assert case.ours.ledger.fills.held[-1] == 0.0
    assert len(case.daily) == metrics.periods == (END - START) // DAY


def test_no_figure_is_left_unjudged():
    assert {*JUDGES, *EXAMPLES} == {metric.name for metric in METRICS}


def test_the_document_names_every_figure_and_its_judges():
    page = (Path(__file__).parents[4] / "docs" / "metrics-judged.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert list(rows) == [metric.name for metric in METRICS]
    for name, judges in rows.items():
        assert set(re.split(r", ", judges)) == set(JUDGES.get(name, {EXAMPLES.get(name)})), name


def days(*values: float) -> pd.Series:
    return pd.Series(values, pd.date_range("2023-01-01", periods=len(values)), dtype=float)


def sharpe_of(values: pd.Series) -> float:
    found = return_statistics(values.to_numpy().copy())
    return formulae.sharpe(found.mean, found.deviation, DAYS_A_YEAR)


# Examples


def test_the_probabilistic_sharpe_ratio_of_the_paper():
    """A ratio of 2.5 a year over five years of 250 days, with skewness -3 and kurtosis 10, against 0.1132 a day (Bailey and López de Prado, 2014)."""
    record = TrackRecord(2.5 / math.sqrt(250), 1250, skewness=-3.0, kurtosis=10.0)
    assert probabilistic_sharpe(record, benchmark=0.1132) == pytest.approx(
        0.9004, abs=3e-4
    )  # the benchmark has four digits


def test_the_variability_weighted_return_by_hand():
    """100, 103, 104.04: 2 percent a day, and 103 is 1/102 above the 102 of steady growth, so the deviation is 1 / 102 / sqrt(2)."""
    found = return_statistics(np.array([0.03, 104.04 / 103 - 1]))
    by_hand = (1.02**365 - 1) * (1 - (1 / 102 / math.sqrt(2) / 0.20) ** 2)
    assert formulae.variability_weighted_return(found.growth_rate, found.variability, 365.0) == pytest.approx(
        by_hand, rel=1e-9
    )


@pytest.mark.parametrize(
    ("returns", "below", "recovered"),
    [
        ((0.1, -0.05, -0.01, 0.08, 0.02), 2, True),
        ((0.1, -0.05, 0.01, 0.02), 3, False),
        ((-0.1, 0.2, -0.01, -0.01, 0.01, 0.1), 3, True),
    ],
)
def test_the_longest_drawdown_is_the_days_below_the_peak_and_the_one_that_ends_it(returns, below, recovered):
    """quantstats counts the days that end below the peak; we, the time from the close at the peak to the close that reaches it again."""
    details = quantstats.drawdown_details(quantstats.to_drawdown_series(days(*returns)))
    equity = 100 * np.cumprod(1 + np.array(returns))
    found = equity_statistics(DAY * np.arange(len(equity)), DAY, equity, 100.0)
    assert details["days"].max() == below
    assert found.longest == (below + recovered) * DAY


def test_the_funding_by_hand():
    """Long 100 at a price of 100: 0.01 percent is 1, and -0.03 percent brings 3 back. tests/e2e/test_funding.py does real funding by hand."""
    flat = np.full(4, 100.0)
    still = Bars(START + HOUR * np.arange(4), flat, flat, flat, flat, flat, HOUR)
    funding = Funding(still.time[2:] + HOUR, np.array([0.0001, -0.0003]))
    signals = Signals(np.arange(4) == 0, np.zeros(4, dtype=np.bool_))
    held = simulate(still, signals, Broker(10_000.0), Risk(), funding)
    assert outcome_of(still, Evaluation({}, signals), held).metrics.funding == pytest.approx(-2.0, rel=1e-9)


# Where a judge differs, or is wrong: empyrical-reloaded 0.7.1


def test_empyrical_and_quantstats_have_252_days_a_year_unless_told(case):
    assert empyrical.sharpe_ratio(case.daily) == pytest.approx(case.figure("sharpe") * math.sqrt(252 / 365))
    assert quantstats.sharpe(case.daily) == pytest.approx(case.figure("sharpe") * math.sqrt(252 / 365))


def test_empyrical_and_quantstats_take_rounding_for_risk():
    """Growth of one percent a day has no variability; theirs has that of the last digit."""
    equity = 1.01 ** np.arange(200)
    steady = days(*(equity[1:] / equity[:-1] - 1))
    assert empyrical.sharpe_ratio(steady) > 1e15
    assert quantstats.sharpe(steady) > 1e15
    assert math.isnan(sharpe_of(steady))


def test_empyrical_divides_by_nothing_where_no_day_lost():
    assert empyrical.sortino_ratio(days(0.01, 0.02, 0.03)) == math.inf
    assert empyrical.sharpe_ratio(days(0.01, 0.01, 0.01)) == math.inf
    assert math.isnan(quantstats.sortino(days(0.01, 0.02, 0.03)))
    assert math.isnan(formulae.sortino(0.02, 0.0, 365.0))


def test_days_see_less_of_a_drawdown_than_bars_do(case):
    """Whoever hands daily returns to a judge gets the drawdown at midnights."""
    assert -empyrical.max_drawdown(case.daily) < case.figure("maxDrawdown")
    assert quantstats.max_drawdown(case.daily) == pytest.approx(empyrical.max_drawdown(case.daily))


# quantstats 0.0.86


def test_quantstats_takes_gains_without_a_loss_for_prices():
    """Where nothing is negative and something above one, it takes the change from value to value, and says nothing."""
    gains = days(0.5, 1.5, 0.2)
    assert quantstats.volatility(gains, periods=1) == pytest.approx(gains.pct_change().std())
    assert quantstats.volatility(gains, periods=1) != pytest.approx(gains.std())
    assert quantstats.best(gains) == pytest.approx(2.0)


def test_quantstats_divides_by_zero_without_a_drawdown():
    with pytest.raises(ZeroDivisionError):
        quantstats.calmar(days(0.01, 0.02, 0.01))
    assert math.isnan(formulae.calmar(0.1, 0.0))


def test_quantstats_has_an_infinite_profit_factor_without_a_loss():
    assert quantstats.profit_factor(days(0.5, 0.2)) == math.inf
    assert math.isnan(formulae.profit_factor(0.7, 0.0))


def test_quantstats_leaves_trades_that_broke_even_out_of_the_count():
    """Of a gain of 10, nothing, a loss of 5 and a gain of 20: ours has two winners in four, theirs two in three."""
    pnl = days(10, 0, -5, 20)
    assert quantstats.win_rate(pnl) == pytest.approx(2 / 3)
    assert formulae.win_rate(2, 4) == 0.5
    assert quantstats.avg_return(pnl) == pytest.approx(25 / 3)
    assert formulae.average(25, 4) == 25 / 4
    assert quantstats.kelly_criterion(pnl) == pytest.approx(2 / 3 - 1 / 3 / 3)
    assert formulae.kelly(2 / 4, 1 / 4, 15, -5) == pytest.approx(2 / 4 - 1 / 4 / 3)


def test_quantstats_estimates_the_moments_of_a_population_and_tells_the_excess(case):
    """The sample's skewness and kurtosis with Fisher's corrections (G1, G2); ours are those of the returns themselves."""
    n, skewness, kurtosis = len(case.daily), case.figure("skewness"), case.figure("kurtosis")
    assert quantstats.skew(case.daily) == pytest.approx(skewness * math.sqrt(n * (n - 1)) / (n - 2))
    assert quantstats.kurtosis(case.daily) == pytest.approx(
        (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (kurtosis - 3) + 6)
    )


def test_quantstats_has_the_probabilistic_sharpe_ratio_of_those_moments(case):
    record = TrackRecord.of(case.daily.to_numpy().copy())
    theirs = record._replace(skewness=quantstats.skew(case.daily), kurtosis=quantstats.kurtosis(case.daily) + 3)
    assert quantstats.probabilistic_sharpe_ratio(case.daily) == pytest.approx(probabilistic_sharpe(theirs), rel=1e-9)
    assert quantstats.probabilistic_sharpe_ratio(case.daily) == pytest.approx(
        case.figure("probabilisticSharpe"), abs=1e-3
    )


def test_quantstats_expects_the_geometric_mean(case):
    assert quantstats.expected_return(days(0.1, -0.05)) == pytest.approx(math.sqrt(1.1 * 0.95) - 1)
    assert quantstats.expected_return(case.net) < case.figure("expectancyReturn")


def test_quantstats_is_exposed_on_days_with_a_result_rounded_up_to_a_percent():
    assert quantstats.exposure(days(0.1, 0, 0, 0.2, 0.1, 0, 0)) == 0.43
    assert formulae.exposure(3, 7) == pytest.approx(3 / 7)


def test_quantstats_leaves_missing_days_out_of_the_year_and_empyrical_does_not():
    with_a_gap = days(0.1, math.nan, -0.05, 0.02)
    growth = 1.1 * 0.95 * 1.02
    assert quantstats.cagr(with_a_gap, periods=365) == pytest.approx(growth ** (365 / 3) - 1)
    assert empyrical.cagr(with_a_gap, annualization=365) == pytest.approx(growth ** (365 / 4) - 1)
    assert formulae.cagr(growth, 4 / 365) == pytest.approx(growth ** (365 / 4) - 1)


# Backtrader 1.9.78.123; its VWR is in tests/services/backtest_engine/test_analyzers.py


def test_backtraders_sqn_is_of_money_and_of_the_whole_population(case):
    found = case.theirs.analyzers["SQN"]["sqn"]
    assert found == pytest.approx(math.sqrt(len(case.pnl)) * case.pnl.mean() / case.pnl.std(ddof=0), rel=1e-9)
    assert found != pytest.approx(case.figure("sqn"), rel=1e-3)


def test_backtrader_counts_a_trade_that_broke_even_as_won():
    flat = np.full(10, 100.0)
    still = Bars(START + HOUR * np.arange(10), flat, flat, flat, flat, flat, HOUR)
    signals = Signals(np.arange(10) == 2, np.arange(10) == 5)
    free = Broker(10_000.0, commission=0.0, slippage=0.0)
    ours = outcome_of(still, Evaluation({}, signals), simulate(still, signals, free, Risk()))
    theirs = BacktraderEngine().trade(still, signals, free, Risk()).analyzers["TradeAnalyzer"]
    assert (theirs["won"]["total"], theirs["lost"]["total"]) == (1, 0)
    assert (ours.metrics.trades, ours.metrics.win_rate) == (1, 0.0)
