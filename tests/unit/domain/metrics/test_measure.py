"""All figures of accounts small enough to check in a spreadsheet, and what must hold of any account."""

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.bars import Bars
from tidewright.domain.ledger import Fills, Ledger, Trades
from tidewright.domain.metrics.measure import as_record, measure
from tidewright.domain.metrics.periods import period_ends, periods_per_year
from tidewright.domain.metrics.statistics import headline
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.timeframe import DAY

HOUR = DAY // 24
NOTIONAL = 1000.0

equities = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=60)
profits = st.lists(st.integers(-50_000, 50_000).map(lambda cents: cents / 100), max_size=30)


def bars_of(count, step=DAY):
    price = np.full(count, 100.0)
    return Bars(step * np.arange(count, dtype=np.int64), price, price, price, price, price, step)


def trades_of(pnl, entry_bar=None, step=DAY):
    """Trades of one bar each with the same notional, in the order of `pnl`."""
    pnl = np.array(pnl, dtype=float)
    entry = np.arange(len(pnl)) if entry_bar is None else np.array(entry_bar)
    column, code = np.ones(len(pnl)), np.ones(len(pnl), dtype=np.int8)
    return Trades(
        entry, entry + 1, step * entry, step * (entry + 1), code, 10 * column, 100 * column, 100 * column + pnl / 10,
        0 * column, pnl, pnl / NOTIONAL, np.minimum(pnl, 0) / NOTIONAL, np.maximum(pnl, 0) / NOTIONAL, code,
        0 * entry,
    )  # fmt: skip


def fills_of(rows):
    """Fills from rows of (bar, side, price, quantity, fee, held after it)."""
    bar, side, price, quantity, fee, held = (
        (np.array(column) for column in zip(*rows, strict=True)) if rows else [[]] * 6
    )
    whole = np.asarray(bar, dtype=np.int64)
    return Fills(
        whole, DAY * whole, np.asarray(side, dtype=np.int8), np.asarray(price, dtype=float), np.asarray(quantity, dtype=float),
        np.asarray(fee, dtype=float), np.zeros(len(whole), dtype=np.int8), whole, np.asarray(held, dtype=float),
        np.zeros_like(whole),
    )  # fmt: skip


def account(equity, initial=1000.0, fills=()):
    return Ledger(initial, fills_of(list(fills)), np.array(equity, dtype=float), float(equity[-1]), 0)


def defined(metrics):
    return {name: value for name, value in asdict(metrics).items() if value is not None and not math.isnan(value)}


def measured(equity, initial=1000.0, pnl=(), step=DAY):
    return measure(bars_of(len(equity), step), account(equity, initial), trades_of(pnl, step=step))


def test_six_days_by_hand():
    """Returns of 10, -10, 20, 0, -50 and 50 percent: mean 1/30, squared deviations 83/150 in sum."""
    metrics = measured([1100, 990, 1188, 1188, 594, 891])
    deviation = math.sqrt(83 / 150 / 5)
    assert metrics.total_return == pytest.approx(-0.109)
    assert metrics.cagr == pytest.approx(0.891 ** (365 / 6) - 1)
    assert metrics.volatility == pytest.approx(deviation * math.sqrt(365))
    assert metrics.sharpe == pytest.approx(1 / 30 / deviation * math.sqrt(365))
    assert metrics.sortino == pytest.approx(1 / 30 / math.sqrt(0.26 / 6) * math.sqrt(365))
    assert metrics.calmar == pytest.approx((0.891 ** (365 / 6) - 1) / 0.5)
    assert metrics.max_drawdown == pytest.approx(0.5)
    assert metrics.max_drawdown_money == pytest.approx(594)
    assert metrics.max_drawdown_duration == 2 * DAY
    assert (metrics.max_drawdown_start, metrics.max_drawdown_trough, metrics.max_drawdown_end) == (
        4 * DAY,
        5 * DAY,
        None,
    )
    assert (metrics.periods, metrics.periods_per_year) == (6, 365.0)


def test_four_trades_by_hand():
    metrics = measured([1000, 1000], pnl=[50, -20, 0, 30])
    assert metrics.trades == 4
    assert metrics.win_rate == 0.5
    assert metrics.profit_factor == pytest.approx(4.0)
    assert metrics.expectancy == pytest.approx(15.0)
    assert metrics.expectancy_return == pytest.approx(0.015)
    assert (metrics.average_win, metrics.average_loss) == (40.0, -20.0)
    assert (metrics.best_trade, metrics.worst_trade) == (0.05, -0.02)
    assert metrics.kelly == pytest.approx(0.5 - 0.25 / 2)
    assert metrics.sqn == pytest.approx(2 * 0.015 / math.sqrt((0.035**2 + 0.035**2 + 0.015**2 + 0.015**2) / 3))
    assert metrics.average_holding == DAY


def test_fills_give_exposure_turnover_and_fees():
    fills = [(1, 1, 100.0, 5.0, 0.5, 5.0), (3, -1, 110.0, 5.0, 0.55, 0.0)]
    ledger = account([1000, 1000, 1050, 1050], fills=fills)
    metrics = measure(bars_of(4), ledger, trades_of([48.95]))
    assert metrics.exposure == 0.5
    assert metrics.fees == pytest.approx(1.05)
    assert metrics.turnover == pytest.approx(1050 / 1025 / (4 / 365))
    assert metrics.exposure == np.count_nonzero(ledger.holding()) / 4


def test_a_drawdown_that_recovered_says_when():
    metrics = measured([900, 950, 1000, 1010])
    assert (metrics.max_drawdown_start, metrics.max_drawdown_trough, metrics.max_drawdown_end) == (0, DAY, 3 * DAY)
    assert metrics.max_drawdown_duration == 3 * DAY


def test_drawdown_sees_the_bars_within_a_day():
    metrics = measured([500] + [1000] * 23, step=HOUR)
    assert metrics.max_drawdown == 0.5
    assert metrics.periods == 1


def test_an_account_that_never_traded():
    metrics = measured([1000.0] * 30)
    zero = {
        "total_return",
        "cagr",
        "volatility",
        "max_drawdown",
        "max_drawdown_money",
        "max_drawdown_duration",
        "trades",
    }
    zero |= {"exposure", "turnover", "fees", "vwr"}
    assert {metric.field for metric in METRICS if getattr(metrics, metric.field) == 0} == zero
    assert all(math.isnan(getattr(metrics, metric.field)) for metric in METRICS if metric.field not in zero)
    assert metrics.max_drawdown_start is None


def test_an_account_of_one_bar():
    metrics = measured([1010], step=HOUR)
    assert metrics.total_return == pytest.approx(0.01)
    assert metrics.cagr == pytest.approx(1.01**8760 - 1)
    assert math.isnan(metrics.sharpe)
    assert math.isnan(metrics.volatility)


def test_growth_too_fast_to_annualise_is_not_defined():
    assert math.isnan(measured([1500], step=HOUR).cagr)


def test_an_account_that_lost_everything():
    metrics = measured([1500, 300, 0, 0, 0])
    assert (metrics.total_return, metrics.cagr, metrics.max_drawdown, metrics.calmar) == (-1.0, -1.0, 1.0, -1.0)
    assert metrics.max_drawdown_money == 1500
    assert math.isnan(metrics.sharpe)  # on nothing there is no return


def test_the_probabilistic_sharpe_ratio_of_a_mean_of_zero_says_nothing_either_way():
    assert measured([1100, 990]).probabilistic_sharpe == pytest.approx(0.5)


def test_weekly_bars_are_annualised_by_weeks():
    weekly = measured([1100, 990, 1188], step=7 * DAY)
    daily = measured([1100, 990, 1188])
    assert weekly.sharpe == pytest.approx(daily.sharpe / math.sqrt(7))


def test_a_record_names_figures_as_a_status_does_and_has_no_nan():
    record = as_record(measured([1000, 1010, 1005], pnl=[10]))
    assert list(record) == [metric.name for metric in METRICS]
    assert record["profitFactor"] is None
    assert record["trades"] == 1
    assert record["totalReturn"] == pytest.approx(0.005)
    json.dumps(record, allow_nan=False)


@given(equities, profits)
def test_no_account_warns_fails_or_has_an_infinite_figure(equity, pnl):
    metrics = measured(equity, pnl=pnl, step=5 * HOUR)
    assert not any(math.isinf(value) for value in defined(metrics).values())
    assert 0.0 <= metrics.max_drawdown <= 1.0


@given(equities, profits, st.integers(-8, 8))
def test_ratios_do_not_depend_on_the_currency(equity, pnl, power):
    scale = 2.0**power  # scaling by a power of two is exact
    metrics = measured(equity, pnl=pnl)
    trades = trades_of(pnl)
    scaled = measure(
        bars_of(len(equity)), account(np.array(equity) * scale, 1000.0 * scale), replace(trades, pnl=trades.pnl * scale)
    )
    money = {metric.field for metric in METRICS if metric.unit == "money"}
    assert defined(scaled).keys() == defined(metrics).keys()
    for name, value in defined(metrics).items():
        expected = value * scale if name in money else value
        assert getattr(scaled, name) == expected, name


@given(profits.flatmap(lambda pnl: st.tuples(st.just(pnl), st.permutations(pnl))))
def test_the_order_of_trades_does_not_matter(lists):
    first, second = (measured([1000.0, 1010.0], pnl=pnl) for pnl in lists)
    assert (first.win_rate, first.best_trade) == pytest.approx(
        (second.win_rate, second.best_trade), rel=0, abs=0, nan_ok=True
    )
    for name in ("profit_factor", "expectancy", "average_win", "average_loss", "kelly"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), rel=1e-9, abs=1e-9, nan_ok=True), name


@given(profits)
def test_a_figure_of_trades_is_defined_exactly_where_it_has_trades_to_speak_of(pnl):
    metrics = measured([1000.0, 1010.0], pnl=pnl)
    wins, losses = any(p > 0 for p in pnl), any(p < 0 for p in pnl)
    assert math.isnan(metrics.win_rate) == math.isnan(metrics.expectancy) == (not pnl)
    assert math.isnan(metrics.profit_factor) == math.isnan(metrics.average_loss) == (not losses)
    assert math.isnan(metrics.average_win) == (not wins)
    assert math.isnan(metrics.kelly) == (not (wins and losses))


@given(equities, st.sampled_from([HOUR, 5 * HOUR, DAY, 7 * DAY]))
def test_the_headline_of_a_sweep_is_the_full_measurement_bit_for_bit(equity, step):
    metrics = measured(equity, step=step)
    ends = period_ends(bars_of(len(equity), step).time, step)
    fast = headline(np.array(equity), ends, 1000.0, periods_per_year(step))
    full = (metrics.total_return, metrics.sharpe, metrics.max_drawdown)
    assert np.array(fast).tobytes() == np.array(full).tobytes()


FIGURES = """
import json
import numpy as np
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.metrics.statistics import equity_statistics, headline, return_statistics, trade_statistics

time = 3_600_000 * np.arange(900)
equity = 1000 * np.cumprod(1 + np.random.default_rng(5).normal(0, 0.01, 900))
returns, yearly = daily_returns(time, equity, 1000.0, 3_600_000)
of_equity = equity_statistics(time, 3_600_000, equity, 1000.0)
of_trades = trade_statistics(equity - 1000, equity / 1000 - 1, time, time + 1)
numbers = [
    *return_statistics(returns), *headline(equity, np.arange(23, 900, 24), 1000.0, yearly),
    *of_equity.drawdown, *of_equity[1:], *of_trades.money, *of_trades.returns, *of_trades[2:],
]
print(json.dumps([float(number).hex() for number in numbers]))
"""
WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from tidewright.domain import compiled
assert compiled.numba is None
"""


def test_without_the_compiler_the_bits_are_the_same(capsys):
    plain = [sys.executable, "-W", "error", "-c", WITHOUT_NUMBA + FIGURES]
    answer = subprocess.run(plain, capture_output=True, text=True, check=True)
    exec(FIGURES, {})  # noqa: S102
    assert json.loads(answer.stdout) == json.loads(capsys.readouterr().out)
