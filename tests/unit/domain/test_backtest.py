"""From bars and a strategy to an outcome: which signals count, and what is covered by what."""

import numpy as np
import pytest

from tidewright.domain.backtest import Series, backtest, buy_and_hold, tradable
from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk, Sizing
from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.domain.strategies.strategy import Signals, SignalStrategy

HOUR = 3_600_000


class Planned(SignalStrategy):
    """Enters and exits at the bars it was made with."""

    def __init__(self, enter=(), leave=(), warmup=0):
        self.enter, self.leave, self.bars_needed = enter, leave, warmup

    def warmup(self, parameters):
        return self.bars_needed

    def columns(self, bars, parameters):
        return {"age": np.arange(len(bars), dtype=np.float64)}

    def signals(self, bars, columns, parameters):
        return Signals(np.isin(columns["age"], self.enter), np.isin(columns["age"], self.leave))


def rising(n=10):
    price = 100.0 + np.arange(n)
    return Bars(HOUR * np.arange(n), price, price, price, price, np.ones(n), step=HOUR)


def traded(strategy, start=0, **risk):
    return backtest(rising(), strategy, {}, Broker(1_000.0), Risk(**risk), start)


def test_an_outcome_has_everything_from_signals_to_metrics():
    outcome = traded(Planned([1], [4]), sizing=Sizing(0.5))

    assert outcome.evaluation.signals.enter.nonzero()[0].tolist() == [1]
    assert outcome.ledger.fills.bar.tolist() == [2, 5]
    assert outcome.trades.entry_price.tolist() == [102]
    assert outcome.trades.exit_price.tolist() == [105]
    assert outcome.metrics.trades == 1
    assert outcome.metrics.total_return == pytest.approx(0.5 * 3 / 102)


def test_trading_begins_at_the_start_and_the_bars_before_serve_the_indicators():
    outcome = traded(Planned([1, 5], [7]), start=4)

    assert len(outcome.evaluation.columns["age"]) == 10
    assert len(outcome.bars) == len(outcome.ledger.equity) == 6
    assert outcome.bars.time[0] == 4 * HOUR
    assert (outcome.ledger.fills.time // HOUR).tolist() == [6, 8]
    assert outcome.ledger.fills.bar.tolist() == [2, 4]
    assert outcome.trades.entry_time.tolist() == [6 * HOUR]


def test_a_signal_on_the_bar_before_the_start_is_not_traded():
    assert len(traded(Planned([3]), start=4).ledger.fills) == 0
    assert (traded(Planned([4]), start=4).ledger.fills.time // HOUR).tolist() == [5]


@pytest.mark.parametrize(("warmup", "entered"), [(0, 3), (2, 3), (3, 6), (5, 6), (6, None), (100, None)])
@pytest.mark.parametrize("start", [0, 2])
def test_entries_in_the_warm_up_are_ignored_wherever_the_period_starts(warmup, entered, start):
    outcome = traded(Planned([2, 5], warmup=warmup), start=start)

    assert (outcome.ledger.fills.time // HOUR).tolist() == ([] if entered is None else [entered])


def test_what_the_strategy_said_is_left_as_it_was():
    outcome = traded(Planned([2], warmup=5))

    assert outcome.evaluation.signals.enter[2]


def test_signals_after_the_warm_up_are_passed_on_without_a_copy():
    signals = Signals(np.ones(4, dtype=bool), np.zeros(4, dtype=bool))

    assert np.shares_memory(tradable(signals, 1, 1).enter, signals.enter)
    assert tradable(signals, 0, 3).enter.tolist() == [False, False, False, True]
    assert tradable(signals, 1, 3).enter.tolist() == [False, False, True]


@pytest.mark.parametrize("warmup", [-1, 2.5])
def test_a_warm_up_that_is_no_number_of_bars_is_refused(warmup):
    with pytest.raises(StrategyFailed, match="return a whole number of bars"):
        traded(Planned(warmup=warmup))


def test_doing_nothing_clever_buys_at_the_second_open_and_holds():
    outcome = buy_and_hold([Series(rising())], Broker(1_010.0, commission=0.01))

    assert outcome.ledger.fills.bar.tolist() == [1]
    assert outcome.ledger.fills.price.tolist() == [101]
    assert outcome.ledger.fills.quantity[0] == pytest.approx(1_000 / 101)
    assert outcome.ledger.equity[-1] == pytest.approx(1_000 / 101 * 109)
    assert len(outcome.trades) == 0


def test_one_bar_is_too_few_to_hold_anything():
    assert buy_and_hold([Series(rising(1))], Broker(1_000.0)).ledger.equity.tolist() == [1_000]
