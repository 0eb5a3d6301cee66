"""One backtest, from bars to metrics, without a file, a clock or a schema in sight."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tidewright.domain.bars import Bars
from tidewright.domain.costs import NO_FILTERS, Broker, Filters, Funding, Risk, Sizing
from tidewright.domain.grid import Clock, holdings, times_of
from tidewright.domain.kernel import simulate
from tidewright.domain.ledger import Ledger, Trades
from tidewright.domain.metrics.measure import Metrics, measure
from tidewright.domain.strategies.evaluation import Evaluation, declared_warmup, evaluate
from tidewright.domain.strategies.step import is_step
from tidewright.domain.strategies.strategy import Parameters, Signals, Strategy
from tidewright.domain.trades import trades_of

if TYPE_CHECKING:
    from tidewright.domain.account import Book


class NoSuchColumn(KeyError):
    """The strategy has no column of the name that entries are ranked by; `columns` are those it has."""

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        super().__init__(name)
        self.columns = tuple(columns)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One symbol to trade, from bar `start` of its `bars` on: those before it serve the indicators alone.

    A symbol that is `delisted` ends before the account does: what is held of it then is closed.
    """

    bars: Bars
    start: int = 0
    funding: Funding | None = None
    filters: Filters = NO_FILTERS
    delisted: bool = False

    @property
    def period(self) -> Bars:
        """The bars that are traded on."""
        return self.bars.part(self.start, len(self.bars))


@dataclass(frozen=True, slots=True)
class Leg:
    """What an account found in one symbol: `evaluation` covers all bars of the series, `trades` count those of its period."""

    series: Series
    evaluation: Evaluation
    trades: Trades


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a backtest found: of the account at the times of `clock`, and of each symbol by itself.

    `trades` are those of all symbols in order of entry; where there are several symbols, they count the times of the clock.
    """

    legs: tuple[Leg, ...]
    clock: Clock
    ledger: Ledger
    trades: Trades
    metrics: Metrics

    @property
    def bars(self) -> Bars:
        """The period of the first symbol, which most accounts have alone."""
        return self.legs[0].series.period

    @property
    def evaluation(self) -> Evaluation:
        """That of the first symbol."""
        return self.legs[0].evaluation


def backtest(
    bars: Bars,
    strategy: Strategy,
    parameters: Parameters,
    broker: Broker,
    risk: Risk,
    start: int = 0,
    funding: Funding | None = None,
) -> Outcome:
    """`backtest_account` of one symbol."""
    return backtest_account([Series(bars, start, funding)], strategy, parameters, broker, risk)


def backtest_account(
    series: Sequence[Series],
    strategy: Strategy,
    parameters: Parameters,
    broker: Broker,
    risk: Risk,
    rank_by: str = "",
    unasked: Callable[[], Strategy] | None = None,
) -> Outcome:
    """Evaluate `strategy` over all bars of each of `series` and trade what it asks for on one account.

    What is asked for on the strategy's first ``warmup(parameters)`` bars is ignored, wherever the period starts. Where entries of several symbols are decided at once, that with the highest value
    of the column `rank_by` goes first. `unasked` gives an object of the strategy for each further symbol, so that what it keeps of one is not taken for another's.
    Raises StrategyFailed when the strategy does, and NoSuchColumn.
    """
    strategies = [strategy, *(strategy if unasked is None else unasked() for _ in series[1:])]
    evaluations = [evaluate(own, one.bars, parameters) for own, one in zip(strategies, series, strict=True)]
    if rank_by and rank_by not in evaluations[0].columns:
        raise NoSuchColumn(rank_by, list(evaluations[0].columns))
    warmup = declared_warmup(strategy, parameters)
    return trade_evaluated(series, strategies, evaluations, parameters, warmup, broker, risk, rank_by)


def trade_evaluated(
    series: Sequence[Series],
    strategies: Sequence[Strategy],
    evaluations: Sequence[Evaluation],
    parameters: Parameters,
    warmup: int,
    broker: Broker,
    risk: Risk,
    rank_by: str = "",
) -> Outcome:
    """Trade on one account what each of `strategies` asks for on its series after `warmup` bars, as is known from `evaluations`."""
    if len(series) == 1 and not is_step(strategies[0]) and not needs_account(broker, risk, series[0].filters):
        one, signals = series[0], evaluations[0].signals
        assert isinstance(signals, Signals)  # noqa: S101 - a step strategy has its own way
        period, asked = one.period, tradable(signals, one.start, warmup)
        ledger = simulate(period, asked, broker, risk, one.funding, close_out=one.delisted)
        return outcome_of(period, evaluations[0], ledger, one)
    from tidewright.domain.asking import trade_books  # noqa: PLC0415 - most backtests do without the account

    books = [
        _book(one, own, evaluation, parameters, warmup, rank_by)
        for one, own, evaluation in zip(series, strategies, evaluations, strict=True)
    ]
    return _outcome(series, evaluations, trade_books(strategies[0], books, broker, risk))


def needs_account(broker: Broker, risk: Risk, filters: Filters) -> bool:
    """Whether one symbol's terms are beyond the kernel, which knows no limits but the cash."""
    return (
        risk.max_entries > 1
        or risk.cooldown > 0
        or min(risk.max_symbol_exposure, risk.max_total_exposure, broker.volume_share) < inf
        or filters != NO_FILTERS
    )


def buy_and_hold(series: Sequence[Series], broker: Broker) -> Outcome:
    """Equal parts of the account into each market at its second bar's open, with the broker's costs: what doing nothing clever would have brought."""
    outright = replace(broker, leverage=1.0, volume_share=inf)
    share = Risk(sizing=Sizing(1.0 / len(series)), max_open_positions=len(series))
    evaluations = [Evaluation({}, _one_entry(one)) for one in series]
    if len(series) == 1:
        one, signals = series[0], evaluations[0].signals
        assert isinstance(signals, Signals)  # noqa: S101 - it was made right here
        ledger = simulate(one.period, signals, outright, share, one.funding)
        return outcome_of(one.period, evaluations[0], ledger, one)
    from tidewright.domain.account import Book, trade_account  # noqa: PLC0415 - as above

    books = [
        Book(one.period, evaluation.signals, funding=one.funding, delisted=one.delisted)
        for one, evaluation in zip(series, evaluations, strict=True)
        if isinstance(evaluation.signals, Signals)
    ]
    return _outcome(series, evaluations, trade_account(books, outright, share))


def outcome_of(bars: Bars, evaluation: Evaluation, ledger: Ledger, series: Series | None = None) -> Outcome:
    """What the account's history over the period's `bars` amounts to, whoever filled the orders; for one symbol."""
    trades = trades_of(bars, ledger.fills)
    leg = Leg(series or Series(bars), evaluation, trades)
    return Outcome((leg,), Clock(bars.time, bars.step), ledger, trades, measure(bars, ledger, trades))


def tradable(signals: Signals, start: int, warmup: int) -> Signals:
    """The signals of the period, without those that come before the end of the warm-up."""
    untrusted = max(warmup - start, 0)
    arrays = {name: array[start:] for name, array in signals.by_name().items()}
    for name in ("enter", "enter_short"):
        if untrusted and name in arrays:
            arrays[name] = arrays[name].copy()
            arrays[name][:untrusted] = False
    return Signals(**arrays)


def _one_entry(series: Series) -> Signals:
    count = len(series.bars) - series.start
    enter = np.zeros(count, dtype=np.bool_)
    enter[:1] = True
    return Signals(enter, np.zeros(count, dtype=np.bool_))


def _book(
    one: Series, strategy: Strategy, evaluation: Evaluation, parameters: Parameters, warmup: int, rank_by: str
) -> "Book":
    from tidewright.domain.account import Book  # noqa: PLC0415 - as above
    from tidewright.domain.asking import watch  # noqa: PLC0415

    signals, watched = None, None
    if isinstance(evaluation.signals, Signals):
        signals = tradable(evaluation.signals, one.start, warmup)
    else:
        watched = watch(strategy, evaluation.columns, parameters, one.start, warmup)
    rank = None
    if rank_by:
        rank = np.ascontiguousarray(evaluation.columns[rank_by][one.start :], dtype=np.float64)
    return Book(one.period, signals, watched, one.funding, one.filters, rank, one.delisted)


def _outcome(series: Sequence[Series], evaluations: Sequence[Evaluation], ledger: Ledger) -> Outcome:
    periods = [one.period for one in series]
    legs = tuple(
        Leg(one, evaluation, trades_of(period, ledger.fills.of(symbol)))
        for symbol, (one, evaluation, period) in enumerate(zip(series, evaluations, periods, strict=True))
    )
    clock = Clock(times_of(periods), periods[0].step)
    trades = _together(clock, [leg.trades for leg in legs])
    exposed = int(np.count_nonzero(np.any(holdings(clock.time, periods, ledger.fills) != 0.0, axis=0)))
    return Outcome(legs, clock, ledger, trades, measure(clock, ledger, trades, exposed))


def _together(clock: Clock, by_symbol: Sequence[Trades]) -> Trades:
    """The trades of all symbols in order of entry; those of one bar in the order of the symbols."""
    names = [field.name for field in fields(Trades)]
    columns = {name: np.concatenate([getattr(trades, name) for trades in by_symbol]) for name in names}
    columns["symbol"] = np.repeat(np.arange(len(by_symbol)), [len(trades) for trades in by_symbol])
    order = np.argsort(columns["entry_time"], kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    columns["entry_bar"] = np.searchsorted(clock.time, columns["entry_time"])
    columns["exit_bar"] = np.searchsorted(clock.time, columns["exit_time"])
    return Trades(**columns)
