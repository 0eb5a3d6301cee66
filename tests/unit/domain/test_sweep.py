"""A sweep gives the figures of single backtests, bit for bit, in whatever number of threads."""

import numpy as np
import pytest

from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.backtest import backtest
from tidewright.domain.bars import Market
from tidewright.domain.costs import Broker, Risk, RoiStep, Sizing
from tidewright.domain.indicators.averages import sma
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.declaration import rule_strategy
from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.domain.strategies.parameters import resolve_for
from tidewright.domain.strategies.strategy import Parameter, Signals, SignalStrategy, StrategyError
from tidewright.domain.sweep import grid, sweep

HOUR = 3_600_000
BROKER = Broker(10_000.0, 0.001, 0.0005)
RISKS = {
    "free": Risk(),
    "protected": Risk(
        0.03, 0.06, 0.02, 0.015, (RoiStep(0, 0.05), RoiStep(24 * HOUR, 0.01)), sizing=Sizing(0.0, risk=0.02)
    ),
}


class Dip(SignalStrategy):
    """A user's own strategy in Python, with a method of a name that the sweep must not take for something else."""

    parameters = (Parameter("window", "Int", 20, 2, 100), Parameter("depth", "Float", 0.01))

    def warmup(self, parameters):
        return int(parameters["window"])

    def columns(self, bars, parameters):
        return {"average": sma(bars.close, parameters["window"])}

    def signals(self, bars, columns, parameters):
        below = bars.close < columns["average"] * (1 - parameters["depth"])
        return Signals(below, bars.close > columns["average"])

    def evaluate(self):
        raise AssertionError("this is the strategy's own business")


TREND = rule_strategy(
    "Trend",
    [Parameter("window", "Int", 20, 2, 100)],
    {"trend": "ema(window) on 4h"},
    "close crosses above trend and rsi(14) on 4h > 50",
    "close crosses below trend",
    timeframe="1h",
)

CASES = {
    "MovingAverageCross": (
        BUILTINS["MovingAverageCross"],
        [{"fast": fast, "slow": slow} for fast in (3, 5, 10, 20) for slow in (21, 30, 50, 500)] + [{"kind": "ema"}],
    ),
    "RsiMeanReversion": (BUILTINS["RsiMeanReversion"], [{"period": 7, "trend": 0}, {"period": 14}, {"oversold": 40}]),
    "AiEnhanced": (BUILTINS["AiEnhanced"], [{"votes": 3}, {"votes": 5}]),
    "several timeframes": (TREND, grid(window=[5, 20, 60])),
    "Dip": (Dip(), grid(window=[5, 20, 60], depth=[0.005, 0.01])),
}


@pytest.fixture(scope="module")
def bars():
    return SimulatedStore().read(Market("simulated", "SOL/USDT", "1h")).part(0, 3_000)


def swept(bars, case, **options):
    strategy, given = CASES[case]
    sets = [resolve_for(strategy, values) for values in given]
    return sweep(bars, strategy, sets, BROKER, options.pop("risk", Risk()), **options)


def as_bytes(found):
    return {name: getattr(found, name).tobytes() for name in found.__dataclass_fields__}


@pytest.mark.parametrize("start", [0, 40, 700])
@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("case", CASES)
def test_every_figure_is_that_of_a_single_backtest_bit_for_bit(bars, case, risk, start):
    found = swept(bars, case, risk=RISKS[risk], start=start)
    strategy, given = CASES[case]

    assert len(found.sharpe) == len(given)
    assert found.trades.sum() > 0
    for index, values in enumerate(given):
        single = backtest(bars, strategy, resolve_for(strategy, values), BROKER, RISKS[risk], start)
        figures = (single.metrics.total_return, single.metrics.sharpe, single.metrics.max_drawdown)
        np.testing.assert_array_equal(
            (found.total_return[index], found.sharpe[index], found.max_drawdown[index]), figures
        )
        assert found.trades[index] == len(single.trades)


@pytest.mark.parametrize("case", CASES)
def test_the_number_of_threads_changes_nothing(bars, case):
    alone = as_bytes(swept(bars, case, risk=RISKS["protected"]))

    assert as_bytes(swept(bars, case, risk=RISKS["protected"], threads=2)) == alone
    assert as_bytes(swept(bars, case, risk=RISKS["protected"], threads=5)) == alone


def test_figures_are_in_the_order_of_the_parameter_sets(bars):
    strategy, given = CASES["MovingAverageCross"]
    sets = [resolve_for(strategy, values) for values in given]
    forwards = sweep(bars, strategy, sets, BROKER, Risk(), threads=2)
    backwards = sweep(bars, strategy, sets[::-1], BROKER, Risk(), threads=2)

    assert len(set(forwards.total_return)) > 10
    for name in forwards.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(backwards, name)[::-1], getattr(forwards, name))


def test_a_position_open_at_the_end_is_no_trade(bars):
    strategy = rule_strategy("hold", [], {}, "close > 0", "close < 0")
    found = sweep(bars, strategy, [{}], Broker(10_000.0), Risk())

    assert found.trades.tolist() == [0]
    assert found.total_return[0] == pytest.approx(bars.close[-1] / bars.open[1] - 1)


def test_progress_adds_up_to_the_number_of_sets(bars):
    done = []
    swept(bars, "MovingAverageCross", threads=2, progress=done.append)

    assert sum(done) == len(CASES["MovingAverageCross"][1])
    assert len(done) > 1


def test_no_parameter_sets_are_no_figures(bars):
    found = sweep(bars, Dip(), [], BROKER, Risk(), threads=2)

    assert all(len(getattr(found, name)) == 0 for name in found.__dataclass_fields__)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_strategy_that_fails_ends_the_sweep(bars, threads):
    class Failing(Dip):
        def columns(self, bars, parameters):
            return {"average": sma(bars.close, parameters["window"])[: -parameters["window"]]}

    with pytest.raises(StrategyFailed, match="Failing: column 'average' has shape"):
        sweep(bars, Failing(), grid(window=[5, 20], depth=[0.01]), BROKER, Risk(), threads=threads)


def test_parameters_that_a_rule_cannot_be_used_with_end_the_sweep(bars):
    with pytest.raises(StrategyError, match="`fast` is 0"):
        sweep(bars, BUILTINS["MovingAverageCross"], [{"fast": 0, "slow": 30, "kind": "sma"}], BROKER, Risk())


def test_a_grid_is_every_combination_the_last_name_fastest():
    assert grid(fast=[1, 2], kind=["a", "b"]) == [
        {"fast": 1, "kind": "a"},
        {"fast": 1, "kind": "b"},
        {"fast": 2, "kind": "a"},
        {"fast": 2, "kind": "b"},
    ]
    assert grid() == [{}]
    assert grid(fast=[]) == []
