"""Many parameter sets on the same bars: the kernel, with everything that the runs share computed once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np

from tidewright.domain.backtest import backtest, needs_account, tradable
from tidewright.domain.bars import Bars, Floats, Integers
from tidewright.domain.costs import NO_FILTERS, Broker, Risk
from tidewright.domain.kernel import Workspace
from tidewright.domain.metrics.periods import period_ends, periods_per_year
from tidewright.domain.metrics.statistics import headline
from tidewright.domain.position import terms
from tidewright.domain.rules.memo import Memo
from tidewright.domain.strategies.evaluation import Evaluation, declared_warmup, evaluate
from tidewright.domain.strategies.rule_strategy import RuleStrategy
from tidewright.domain.strategies.step import is_step
from tidewright.domain.strategies.strategy import Parameters, Signals, Strategy, Value


@dataclass(frozen=True, slots=True)
class Sweep:
    """One figure of each kind for each of `m` parameter sets, in their order; every array has shape (m,).

    They are the very figures that a single backtest gives (`tidewright.domain.metrics`), bit for bit; an undefined one is NaN.
    """

    total_return: Floats
    sharpe: Floats
    max_drawdown: Floats
    trades: Integers


def grid(**values: Sequence[Value]) -> list[dict[str, Value]]:
    """Every combination of the values, the last name varying fastest."""
    return [dict(zip(values, combination, strict=True)) for combination in product(*values.values())]


def sweep(
    bars: Bars,
    strategy: Strategy,
    parameter_sets: Sequence[Parameters],
    broker: Broker,
    risk: Risk,
    start: int = 0,
    threads: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> Sweep:
    """Backtest `strategy` with each of `parameter_sets`, trading from bar `start` on.

    `threads` changes the time taken and nothing else. `progress` is told, from any thread, how many more are done. Raises StrategyFailed when
    the strategy does.
    """
    m = len(parameter_sets)
    result = Sweep(np.empty(m), np.empty(m), np.empty(m), np.empty(m, dtype=np.int64))
    period = bars.part(start, len(bars))
    ends = period_ends(period.time, period.step)
    yearly, cash, conditions = periods_per_year(period.step), float(broker.cash), terms(broker, risk)
    memo = Memo()
    plain = not is_step(strategy) and not needs_account(broker, risk, NO_FILTERS)

    def work(indices: Sequence[int]) -> None:
        space = Workspace(len(period), 0)
        for index in indices:
            parameters = parameter_sets[index]
            warmup = declared_warmup(strategy, parameters)
            if plain:
                signals = evaluated(strategy, bars, parameters, memo).signals
                assert isinstance(signals, Signals)  # noqa: S101 - a step strategy has its own way
                space.trade(period, tradable(signals, start, warmup), cash, conditions)
                equity, closed = space.equity, space.closed
            else:
                ledger = backtest(bars, strategy, parameters, broker, risk, start).ledger
                equity, closed = ledger.equity, int(np.count_nonzero(ledger.fills.held == 0.0))
            figures = headline(equity, ends, cash, yearly)
            result.total_return[index], result.sharpe[index], result.max_drawdown[index] = figures
            result.trades[index] = closed
        progress(len(indices))

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, _shares(m)):
            pass
    return result


def evaluated(strategy: Strategy, bars: Bars, parameters: Parameters, memo: Memo) -> Evaluation:
    """`evaluate`, with what other parameters have computed on the same bars taken from `memo`, where the strategy can."""
    if isinstance(strategy, RuleStrategy):
        return strategy.evaluate(bars, parameters, memo)
    return evaluate(strategy, bars, parameters)


def _shares(count: int, size: int = 16) -> Iterator[range]:
    """Runs of neighbours, which have most in common."""
    return (range(first, min(first + size, count)) for first in range(0, count, size))
