"""How much of what a strategy says is owed to where its history began."""

import numpy as np
import pytest

from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.bars import Market
from tidewright.domain.indicators.averages import ema, sma
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.evaluation import evaluate
from tidewright.domain.strategies.parameters import resolve_for
from tidewright.domain.strategies.strategy import Signals, SignalStrategy
from tidewright.domain.warmup import TOLERANCE, measure_warmup


class Declaring(SignalStrategy):
    """Columns as functions of the bars, and a declared warm-up; enters where `enter` says so."""

    def __init__(self, warmup, enter=None, leave=None, **columns):
        self.declared, self.functions = warmup, columns
        self.enter, self.leave = enter or never, leave or never

    def warmup(self, parameters):
        return self.declared

    def columns(self, bars, parameters):
        return {name: function(bars) for name, function in self.functions.items()}

    def signals(self, bars, columns, parameters):
        return Signals(self.enter(bars), self.leave(bars))


def never(bars):
    return np.zeros(len(bars), dtype=bool)


def average(bars):
    return sma(bars.close, 30)


def recursive(bars):
    return ema(bars.close, 100)


@pytest.fixture(scope="module")
def bars():
    return SimulatedStore().read(Market("simulated", "BTC/USDT", "1h")).part(0, 6_000)


def check(strategy, bars, parameters=None):
    parameters = parameters or {}
    return measure_warmup(strategy, bars, parameters, evaluate(strategy, bars, parameters))


def test_a_simple_average_needs_its_window_and_not_a_bar_less(bars):
    enough, short = check(Declaring(29, column=average), bars), check(Declaring(28, column=average), bars)

    assert enough.passed
    assert (enough.columns[0].column, enough.columns[0].deviation, enough.columns[0].needed) == ("column", 0, 29)
    assert not short.passed
    assert (short.columns[0].deviation, short.columns[0].needed) == (np.inf, 29)


@pytest.mark.parametrize("n", [900, 2_000, 6_000])
@pytest.mark.parametrize("declared", [0, 100, 200])
def test_a_recursive_average_with_too_short_a_warm_up_hears_how_long_it_should_be(bars, declared, n):
    """An EMA of 100 bars forgets 2 % of its past with every bar: a thousandth of it is left after 345."""
    found = check(Declaring(declared, column=recursive), bars.part(0, n))
    (column,) = found.columns

    assert not found.passed
    assert found.declared == declared
    assert column.deviation > TOLERANCE
    assert 250 < column.needed < 450
    assert check(Declaring(int(1.25 * column.needed), column=recursive), bars.part(0, n)).passed


def test_what_never_forgets_its_beginning_needs_more_than_any_warm_up(bars):
    found = check(Declaring(50, since_start=lambda bars: bars.close / bars.close[0]), bars)

    assert not found.passed
    assert found.columns[0].needed is None


def test_signals_can_depend_on_the_beginning_where_no_column_does(bars):
    def every_50th(bars):
        return np.arange(len(bars)) % 50 == 0

    for found in (check(Declaring(60, every_50th, column=average), bars), check(Declaring(60, None, every_50th), bars)):
        assert not found.passed
        assert found.signals_differing > 0
        assert all(column.deviation == 0 for column in found.columns)


def test_signals_within_the_warm_up_may_differ(bars):
    def beginning(bars):
        return np.arange(len(bars)) < 60

    assert check(Declaring(60, beginning, beginning), bars).passed
    assert check(Declaring(59, beginning), bars).signals_differing == 8


def test_columns_of_truth_values_are_compared_too(bars):
    found = check(Declaring(10, above=lambda bars: bars.close > sma(bars.close, 30)), bars)

    assert not found.passed
    assert check(Declaring(29, above=lambda bars: bars.close > sma(bars.close, 30)), bars).passed


def test_a_column_without_variation_or_value_is_no_reason_to_worry(bars):
    found = check(
        Declaring(
            10,
            constant=lambda bars: np.full(len(bars), 3.0),
            undefined=lambda bars: np.full(len(bars), np.nan),
            infinite=lambda bars: np.full(len(bars), np.inf),
        ),
        bars,
    )

    assert found.passed
    assert [column.deviation for column in found.columns] == [0, 0, 0]


def test_a_constant_that_depends_on_the_history_deviates_in_its_own_unit(bars):
    found = check(Declaring(10, length=lambda bars: np.full(len(bars), float(len(bars)))), bars)

    assert found.columns[0].deviation == 6_000 - 1_010


@pytest.mark.parametrize(("n", "starts"), [(0, 0), (32, 0), (33, 1), (40, 4), (2_000, 8)])
def test_with_too_few_bars_nothing_is_measured(bars, n, starts):
    found = check(Declaring(30, column=lambda bars: bars.close), bars.part(0, n))

    assert found.starts == starts
    assert found.passed


@pytest.mark.parametrize("name", BUILTINS)
def test_the_built_in_strategies_declare_enough(bars, name):
    found = check(BUILTINS[name], bars, resolve_for(BUILTINS[name], {}))

    assert found.starts == 8
    assert found.passed
    assert all(column.needed is not None and column.needed <= found.declared for column in found.columns)
