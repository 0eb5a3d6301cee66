"""Backtrader judges the kernel on real bars: every built-in strategy, with and without stops and targets, trade by trade.

Nothing may differ, whatever the parameters: the causes that `tidewright.domain.comparison` knows are of broken bars, and these bars are whole.
"""

from collections import Counter

import numpy as np
import pytest

from backtest_engine.engine import BacktraderEngine
from tidewright.domain.comparison import compare
from tidewright.domain.costs import Broker, Risk, Sizing
from tidewright.domain.kernel import simulate
from tidewright.domain.ledger import Reason

BROKER = Broker(10_000.0, commission=0.001, slippage=0.0005)
EXITS = (Reason.SIGNAL, Reason.STOP_LOSS, Reason.TRAILING_STOP, Reason.TAKE_PROFIT, Reason.ROI)


def judge(bars, case, risk):
    """Both engines' ledgers, which must not differ, and how many trades there were."""
    signals = case.signals(bars)
    ours, theirs = simulate(bars, signals, BROKER, risk), BacktraderEngine().trade(bars, signals, BROKER, risk)
    comparison = compare(bars, ours, theirs.ledger)
    assert comparison.differences == ()
    assert theirs.ledger.unfilled == ours.unfilled
    assert theirs.ledger.cash == pytest.approx(ours.cash, rel=1e-9, abs=1e-9)
    for column in ("bar", "side", "reason", "position"):
        assert np.array_equal(getattr(theirs.ledger.fills, column), getattr(ours.fills, column))
    return comparison.trades


def test_without_stops_and_targets(sample, case):
    judge(sample, case, Risk(sizing=Sizing(0.95)))


def test_with_stops_and_targets(sample, case):
    judge(sample, case, case.risk)


def test_the_sample_has_something_to_judge(sample, cases):
    ledgers = [simulate(sample, case.signals(sample), BROKER, case.risk) for case in cases]
    exits = Counter(Reason(code) for ledger in ledgers for code in ledger.fills.reason[ledger.fills.side < 0])

    assert min(exits[reason] for reason in EXITS) > 100
    assert sum(len(ledger.fills) > 0 for ledger in ledgers) > 50


@pytest.mark.soak
def test_all_the_years_without_stops_and_targets(hourly, case):
    assert judge(hourly, case, Risk(sizing=Sizing(0.95))) > 1


@pytest.mark.soak
def test_all_the_years_with_stops_and_targets(hourly, case):
    assert judge(hourly, case, case.risk) > 1
