"""Trying one set of values: on every window in sample, on every window out of sample, and over the whole period.

Each part trades on an account of its own, which begins with the broker's cash and holds nothing. The strategy is evaluated once over all bars, so that every part has its warm-up bars before it: as signals are
causal, it asks at each bar for what it would have asked for had the history ended there. What is open at a part's last bar is closed at that bar's close, with the costs of a market order.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tidewright.domain.backtest import Outcome, Series, trade_evaluated
from tidewright.domain.bars import Floats
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.metrics.measure import Metrics
from tidewright.domain.metrics.periods import daily_returns
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.rules.memo import Memo
from tidewright.domain.strategies.evaluation import Evaluation, declared_warmup
from tidewright.domain.strategies.strategy import Parameters, Signals, Strategy, Value
from tidewright.domain.sweep import evaluated
from tidewright.domain.trials import FIGURE, MOST_PERIODS, Trial
from tidewright.domain.walk_forward import Span, Window

_FIELDS = tuple(metric.field for metric in METRICS)

Report = Callable[[int, float], bool]
"""Told the mean of the first objective over the in-sample parts up to a window's; answers whether to give the trial up."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a trial must show in sample: so many trades over all windows, and no deeper drawdown than this ratio."""

    min_trades: int = 0
    max_drawdown: float = math.inf

    def violations(self, in_sample: Floats) -> tuple[float, ...]:
        """By how much each requirement is missed, positive where it is."""
        trades = float(np.nansum(in_sample[:, FIGURE["trades"]]))
        deepest = float(np.nanmax(in_sample[:, FIGURE["maxDrawdown"]], initial=0.0))
        missed = []
        if self.min_trades:
            missed.append((self.min_trades - trades) / self.min_trades)
        if self.max_drawdown < math.inf:
            missed.append(deepest - self.max_drawdown)
        return tuple(missed)


@dataclass(frozen=True)
class Setting:
    """What all trials of a search are tried on: `series` with the bars before the period, and `objectives` by their names in the table of metrics.

    What trials have in common is kept, up to 64 MB a symbol.
    """

    series: Sequence[Series]
    strategy: Strategy
    unasked: Callable[[], Strategy]
    broker: Broker
    period: Span
    windows: Sequence[Window]
    objectives: Sequence[str]
    requirements: Requirements = Requirements()
    rank_by: str = ""

    @cached_property
    def memos(self) -> list[Memo]:
        """What trials have in common, one of each symbol."""
        return [Memo() for _ in self.series]

    def within(self, span: Span) -> list[tuple[int, Series]]:
        """The symbols that have bars in `span`, by their index, each ending with it."""
        parts = []
        for index, one in enumerate(self.series):
            first, last = (int(at) for at in np.searchsorted(one.bars.time, span))
            if first < last:
                parts.append((index, Series(one.bars.part(0, last), first, one.funding, one.filters, delisted=True)))
        return parts


class Attempt:
    """One set of values at work on a setting. Raises StrategyFailed when the strategy does, and StrategyUnreachable."""

    def __init__(self, setting: Setting, parameters: Parameters, risk: Risk) -> None:
        self._setting, self._parameters, self._risk = setting, parameters, risk
        self._warmup = declared_warmup(setting.strategy, parameters)
        self._strategies = [setting.strategy, *(setting.unasked() for _ in setting.series[1:])]
        self._evaluations = [
            evaluated(strategy, one.bars, parameters, memo)
            for strategy, one, memo in zip(self._strategies, setting.series, setting.memos, strict=True)
        ]
        self.sells_short = any(
            isinstance(evaluation.signals, Signals) and evaluation.signals.enter_short is not None
            for evaluation in self._evaluations
        )

    def on(self, span: Span) -> Outcome | None:
        """What an account that trades `span` comes to; None where no symbol has a bar in it."""
        parts = self._setting.within(span)
        if not parts:
            return None
        return trade_evaluated(
            [part for _, part in parts],
            [self._strategies[index] for index, _ in parts],
            [_until(self._evaluations[index], len(part.bars)) for index, part in parts],
            self._parameters,
            self._warmup,
            self._setting.broker,
            self._risk,
            self._setting.rank_by,
        )

    def figures(self, span: Span) -> Floats:
        """Every figure of the table of metrics on `span`, shape (figures,); NaN where there are no bars."""
        outcome = self.on(span)
        return np.full(len(METRICS), math.nan) if outcome is None else figures_of(outcome.metrics)


def try_out(setting: Setting, number: int, named: Mapping[str, Value], attempt: Attempt, report: Report) -> Trial:
    """Trial `number`, of the values `named`: in sample first, and out of sample once it has been seen to the end.

    A trial that `report` gives up is Pruned for the reason GivenUp; one with an objective that is undefined in more than half of the windows, for the reason Undefined.
    """
    rows = []
    first = FIGURE[setting.objectives[0]]
    for step, window in enumerate(setting.windows):
        rows.append(attempt.figures(window.in_sample))
        so_far = [row[first] for row in rows if math.isfinite(row[first])]
        if so_far and report(step, math.fsum(so_far) / len(so_far)):
            message = f"given up after window {step + 1} of {len(setting.windows)}"
            return Trial(number, named, "Pruned", in_sample=np.array(rows), reason="GivenUp", message=message)
    in_sample = np.array(rows)
    values = tuple(mean_of_windows(in_sample[:, FIGURE[name]]) for name in setting.objectives)
    undefined = [name for name, value in zip(setting.objectives, values, strict=True) if math.isnan(value)]
    if undefined:
        message = f"{', '.join(undefined)} is undefined in more than half of the windows; {_trades(in_sample)}"
        return Trial(number, named, "Pruned", in_sample=in_sample, reason="Undefined", message=message)
    return Trial(
        number,
        named,
        "Complete",
        values,
        in_sample,
        np.array([attempt.figures(window.out_of_sample) for window in setting.windows]),
        whole_returns(attempt.on(setting.period), setting.broker.cash),
        setting.requirements.violations(in_sample),
    )


def mean_of_windows(values: Floats) -> float:
    """The mean of the values that are defined; NaN where more than half of them are not."""
    known = values[np.isfinite(values)]
    return float(math.fsum(known) / len(known)) if len(known) and 2 * len(known) >= len(values) else math.nan


def whole_returns(outcome: Outcome | None, cash: float) -> Floats:
    """An account's returns in at most `MOST_PERIODS` equal periods of whole days (of bars, where they are longer), the oldest days left out where they do not make a whole one."""
    if outcome is None:
        return np.empty(0)
    returns, _ = daily_returns(outcome.clock.time, outcome.ledger.equity, cash, outcome.clock.step)
    days = days_of_a_period(len(returns))
    whole = returns[len(returns) % days :].reshape(-1, days)
    compounded: Floats = np.prod(1.0 + whole, axis=1) - 1.0 if days > 1 else returns
    return compounded


def days_of_a_period(days: int) -> int:
    """How many days make a period, so that there are at most `MOST_PERIODS`."""
    return max(1, math.ceil(days / MOST_PERIODS))


def figures_of(metrics: Metrics) -> Floats:
    """The figures in the order of the table of metrics, shape (figures,); NaN for what is undefined."""
    return np.array([getattr(metrics, name) for name in _FIELDS], dtype=np.float64)


def _until(evaluation: Evaluation, last: int) -> Evaluation:
    """What was known and asked for before bar `last`."""
    columns = {name: column[:last] for name, column in evaluation.columns.items()}
    signals = evaluation.signals
    if isinstance(signals, Signals):
        signals = Signals(**{name: array[:last] for name, array in signals.by_name().items()})
    return Evaluation(columns, signals)


def _trades(in_sample: Floats) -> str:
    trades = [int(count) if math.isfinite(count) else 0 for count in in_sample[:, FIGURE["trades"]]]
    return f"trades by window: {', '.join(map(str, trades))}"
