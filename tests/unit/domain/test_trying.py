"""A trial is the mean of accounts of their own: each figure is that of a plain backtest of the part, closed out at its end."""

import math
from fractions import Fraction

import numpy as np
import pytest

from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.backtest import Series, backtest, backtest_account
from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.ledger import Reason
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.orders import buy, hold, leave
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.domain.strategies.parameters import resolve_for
from tidewright.domain.strategies.step import StepStrategy
from tidewright.domain.strategies.strategy import Signals, SignalStrategy
from tidewright.domain.timeframe import DAY
from tidewright.domain.trials import FIGURE
from tidewright.domain.trying import (
    Attempt,
    Requirements,
    Setting,
    days_of_a_period,
    figures_of,
    mean_of_windows,
    try_out,
    whole_returns,
)
from tidewright.domain.walk_forward import Span, WalkForward, walk_forward

BROKER = Broker(10_000.0, 0.001, 0.0005)
CROSS = BUILTINS["MovingAverageCross"]
MARKET = Market("simulated", "BTC/USDT", "1h")
RISKS = {"free": Risk(), "protected": Risk(0.03, 0.06, 0.02, 0.015), "entries": Risk(max_entries=2)}


@pytest.fixture(scope="module")
def bars():
    found = SimulatedStore().read(MARKET)
    return found.part(0, 6_000)


def setting_of(bars, strategy=CROSS, *, windows=3, start=200, objectives=("sharpe",), **more):
    period = Span(int(bars.time[start]), int(bars.time[-1]) + bars.step)
    cut = WalkForward(windows, Fraction("0.7"))
    return Setting(
        series=[Series(bars, start)],
        strategy=strategy,
        unasked=lambda: strategy,
        broker=BROKER,
        period=period,
        windows=walk_forward(period, bars.step, cut),
        objectives=objectives,
        **more,
    )


def tried(setting, risk=None, report=lambda step, value: False, **given):
    parameters = resolve_for(setting.strategy, given)
    return try_out(setting, 7, given, Attempt(setting, parameters, risk or Risk()), report)


@pytest.mark.parametrize("risk", RISKS.values(), ids=RISKS)
def test_a_part_is_a_backtest_that_ends_with_it(bars, risk):
    setting = setting_of(bars)
    parameters = resolve_for(CROSS, {"fast": 8, "slow": 40})
    attempt = Attempt(setting, parameters, risk)
    for window in setting.windows:
        for span in window:
            first, last = np.searchsorted(bars.time, span)
            alone = backtest_account(
                [Series(bars.part(0, last), first, delisted=True)], CROSS, parameters, BROKER, risk
            )
            part = attempt.on(span)
            assert part.ledger.equity.tobytes() == alone.ledger.equity.tobytes()
            assert part.ledger.fills.price.tobytes() == alone.ledger.fills.price.tobytes()
            np.testing.assert_array_equal(attempt.figures(span), figures_of(alone.metrics))


@pytest.mark.parametrize("risk", RISKS.values(), ids=RISKS)
def test_what_is_open_at_the_end_is_sold_at_the_close_with_its_costs(bars, risk):
    """Kernel and account follow the same rule."""
    parameters = resolve_for(CROSS, {"fast": 8, "slow": 40})
    for last in range(3_000, 3_200, 10):
        plain = backtest(bars.part(0, last), CROSS, parameters, BROKER, risk)
        if plain.ledger.fills.held[-1] > 0.0:
            break
    closed = backtest_account([Series(bars.part(0, last), delisted=True)], CROSS, parameters, BROKER, risk)
    held, close, low = plain.ledger.fills.held[-1], bars.close[last - 1], bars.low[last - 1]
    price = max(close * (1 - BROKER.slippage), low)
    fills = closed.ledger.fills
    assert len(fills) == len(plain.ledger.fills) + 1
    assert (fills.reason[-1], fills.price[-1], fills.held[-1]) == (Reason.DELISTED, price, 0.0)
    assert closed.ledger.equity[-1] == pytest.approx(
        plain.ledger.equity[-1] - held * (close - price) - held * price * BROKER.commission, rel=1e-12
    )
    assert closed.ledger.equity[:-1].tobytes() == plain.ledger.equity[:-1].tobytes()
    assert closed.metrics.trades == plain.metrics.trades + 1


def test_a_trial_is_the_mean_over_the_windows_in_sample_and_knows_the_whole_period(bars):
    setting = setting_of(bars, objectives=("sharpe", "maxDrawdown"))
    trial = tried(setting, fast=8, slow=40)
    assert (trial.number, trial.state, trial.parameters) == (7, "Complete", {"fast": 8, "slow": 40})
    assert trial.in_sample.shape == trial.out_of_sample.shape == (3, len(FIGURE))
    assert trial.values == pytest.approx(
        [trial.in_sample[:, FIGURE[name]].mean() for name in ("sharpe", "maxDrawdown")], rel=1e-12
    )
    whole = backtest_account(
        [Series(bars, 200, delisted=True)], CROSS, resolve_for(CROSS, trial.parameters), BROKER, Risk()
    )
    returns, _ = daily_returns(whole.clock.time, whole.ledger.equity, BROKER.cash, bars.step)
    np.testing.assert_array_equal(trial.returns, returns)


class CountingCross(SignalStrategy):
    """What it is asked, it remembers: how many bars it was shown."""

    parameters = CROSS.parameters

    def __init__(self):
        self.shown = []

    def warmup(self, parameters):
        return CROSS.warmup(parameters)

    def columns(self, bars, parameters):
        self.shown.append(len(bars))
        return CROSS.columns(bars, parameters)

    def signals(self, bars, columns, parameters):
        return CROSS.signals(bars, columns, parameters)


def test_a_strategy_is_evaluated_once_for_all_parts(bars):
    strategy = CountingCross()
    own = tried(setting_of(bars, strategy))
    assert strategy.shown == [len(bars)]
    np.testing.assert_array_equal(own.in_sample, tried(setting_of(bars)).in_sample)


class Every(StepStrategy):
    """Buys at every tenth bar and leaves five bars later."""

    def warmup(self, parameters):
        return 0

    def columns(self, bars, parameters):
        return {"count": np.arange(len(bars)) % 10.0}

    def on_bar(self, state, position, view):
        return buy() if view.count == 0.0 else leave() if view.count == 5.0 else hold()


def test_step_strategies_are_tried_as_well(bars):
    short = bars.part(0, 1_200)
    setting = setting_of(short, Every(), windows=2, objectives=("totalReturn",))
    trial = tried(setting)
    window = setting.windows[0]
    first, last = np.searchsorted(short.time, window.in_sample)
    alone = backtest_account([Series(short.part(0, last), first, delisted=True)], Every(), {}, BROKER, Risk())
    np.testing.assert_array_equal(trial.in_sample[0], figures_of(alone.metrics))
    assert trial.in_sample[0, FIGURE["trades"]] > 30


def test_is_given_up_between_windows(bars):
    told = []

    def report(step, value):
        told.append((step, value))
        return step == 1

    trial = tried(setting_of(bars), report=report)
    complete = tried(setting_of(bars))
    sharpes = complete.in_sample[:, FIGURE["sharpe"]]
    assert (trial.state, trial.reason, trial.message) == ("Pruned", "GivenUp", "given up after window 2 of 3")
    assert told == [(0, sharpes[0]), (1, pytest.approx(sharpes[:2].mean()))]
    np.testing.assert_array_equal(trial.in_sample, complete.in_sample[:2])
    assert (trial.values, trial.returns.size, trial.out_of_sample.shape[0]) == ((), 0, 0)


class Never(SignalStrategy):
    def warmup(self, parameters):
        return 0

    def signals(self, bars, columns, parameters):
        nothing = np.zeros(len(bars), dtype=np.bool_)
        return Signals(nothing, nothing)


def test_without_a_trade_there_is_no_sharpe_ratio_and_nothing_to_report(bars):
    told = []
    trial = tried(setting_of(bars, Never()), report=lambda *step: told.append(step))
    assert (trial.state, trial.reason, told) == ("Pruned", "Undefined", [])
    assert trial.message == "sharpe is undefined in more than half of the windows; trades by window: 0, 0, 0"


def test_what_a_strategy_raises_comes_through(bars):
    class Broken(Never):
        def signals(self, bars, columns, parameters):
            raise ZeroDivisionError("no")

    with pytest.raises(StrategyFailed, match="Broken raised ZeroDivisionError"):
        tried(setting_of(bars, Broken()))


def test_requirements_are_measured_in_sample(bars):
    trial = tried(setting_of(bars, requirements=Requirements(min_trades=100_000, max_drawdown=0.9)))
    trades, deepest = trial.in_sample[:, FIGURE["trades"]].sum(), trial.in_sample[:, FIGURE["maxDrawdown"]].max()
    assert trial.violations == pytest.approx([(100_000 - trades) / 100_000, deepest - 0.9])
    assert trial.state == "Complete"
    assert not trial.feasible
    assert tried(setting_of(bars, requirements=Requirements(min_trades=1))).feasible


@pytest.mark.parametrize(
    ("values", "mean"),
    [([1.0, 3.0], 2.0), ([1.0, math.nan], 1.0), ([1.0, math.nan, math.nan], math.nan), ([math.nan], math.nan)],
)
def test_a_mean_leaves_out_what_is_undefined_unless_most_of_it_is(values, mean):
    assert mean_of_windows(np.array(values)) == pytest.approx(mean, nan_ok=True)


@pytest.mark.parametrize(("days", "each"), [(1, 1), (2_000, 1), (2_001, 2), (4_000, 2), (4_001, 3)])
def test_returns_are_kept_in_at_most_two_thousand_periods(days, each):
    assert days_of_a_period(days) == each


def test_long_histories_are_kept_by_periods_of_several_days():
    count = 4_101
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, count)))
    bars = Bars(np.arange(count) * DAY, close, close * 1.01, close * 0.99, close, np.ones(count), DAY)
    outcome = backtest(bars, CROSS, resolve_for(CROSS, {}), BROKER, Risk())
    kept = whole_returns(outcome, BROKER.cash)
    assert len(kept) == 1_367
    equity = outcome.ledger.equity
    assert np.prod(1 + kept) == pytest.approx(equity[-1] / BROKER.cash, rel=1e-9)
    assert kept[-1] == pytest.approx(equity[-1] / equity[-4] - 1)


def test_symbols_without_bars_in_a_part_sit_it_out(bars):
    early, late = bars.part(0, 2_300), bars.part(2_000, 6_000)
    whole = setting_of(bars)
    setting = Setting(
        series=[Series(early), Series(late)],
        strategy=CROSS,
        unasked=lambda: CROSS,
        broker=BROKER,
        period=whole.period,
        windows=whole.windows,
        objectives=("sharpe",),
    )
    assert [len(setting.within(span)) for window in whole.windows for span in window] == [2, 1, 2, 1, 1, 1]
    trial = tried(setting, Risk(max_open_positions=2))
    assert trial.state == "Complete"
    assert np.isfinite(trial.in_sample[:, FIGURE["totalReturn"]]).all()
