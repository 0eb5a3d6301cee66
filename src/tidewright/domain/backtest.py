"""One backtest, from bars to metrics, without a file, a clock or a schema in sight."""

from dataclasses import dataclass, replace

import numpy as np

from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.kernel import simulate
from tidewright.domain.ledger import Ledger, Trades
from tidewright.domain.metrics.measure import Metrics, measure
from tidewright.domain.strategies.evaluation import Evaluation, declared_warmup, evaluate
from tidewright.domain.strategies.strategy import Parameters, Signals, Strategy
from tidewright.domain.trades import trades_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a backtest found.

    `evaluation` covers all bars, the warm-up before the period included; `bars`, `ledger` and `trades` cover the period alone.
    """

    bars: Bars
    evaluation: Evaluation
    ledger: Ledger
    trades: Trades
    metrics: Metrics


def backtest(
    bars: Bars, strategy: Strategy, parameters: Parameters, broker: Broker, risk: Risk, start: int = 0
) -> Outcome:
    """Evaluate `strategy` over all `bars` and trade its signals from bar `start` on.

    Bars before `start` serve the indicators alone. Signals on the strategy's first ``warmup(parameters)`` bars are ignored, wherever the period starts.
    """
    evaluation = evaluate(strategy, bars, parameters)
    period = bars.part(start, len(bars))
    ledger = simulate(period, tradable(evaluation.signals, start, declared_warmup(strategy, parameters)), broker, risk)
    return outcome_of(period, evaluation, ledger)


def buy_and_hold(bars: Bars, broker: Broker) -> Outcome:
    """All cash into the market at the second bar's open, with the broker's costs: what doing nothing clever would have brought."""
    outright = replace(broker, leverage=1.0)
    enter = np.zeros(len(bars), dtype=np.bool_)
    enter[:1] = True
    signals = Signals(enter, np.zeros(len(bars), dtype=np.bool_))
    return outcome_of(bars, Evaluation({}, signals), simulate(bars, signals, outright, Risk()))


def outcome_of(bars: Bars, evaluation: Evaluation, ledger: Ledger) -> Outcome:
    """What the account's history over the period's `bars` amounts to, whoever filled the orders."""
    trades = trades_of(bars, ledger.fills)
    return Outcome(bars, evaluation, ledger, trades, measure(bars, ledger, trades))


def tradable(signals: Signals, start: int, warmup: int) -> Signals:
    """The signals of the period, without those that come before the end of the warm-up."""
    untrusted = max(warmup - start, 0)
    arrays = {name: array[start:] for name, array in signals.by_name().items()}
    for name in ("enter", "enter_short"):
        if untrusted and name in arrays:
            arrays[name] = arrays[name].copy()
            arrays[name][:untrusted] = False
    return Signals(**arrays)
