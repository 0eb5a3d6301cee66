"""Having a step strategy trade: its function at work on each symbol, and what it raises told as its own."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from keyword import iskeyword

import numpy as np

from tidewright.domain.account import Book, trade_account
from tidewright.domain.bars import Bars
from tidewright.domain.costs import NO_FILTERS, Broker, Filters, Risk
from tidewright.domain.instant import utc
from tidewright.domain.ledger import Ledger
from tidewright.domain.plain_scan import WrongOrder
from tidewright.domain.strategies.evaluation import Evaluation, StrategyFailed, declared_warmup, evaluate
from tidewright.domain.strategies.step import AnyStep, Decisions
from tidewright.domain.strategies.strategy import Columns, Parameters, StrategyError
from tidewright.domain.watching import VIEW_FIELDS, OnBar, StepFailed, Watch, WatchFunction


def watch(
    strategy: AnyStep, columns: Columns, parameters: Parameters, start: int, warmup: int, *, log: bool = False
) -> Watch:
    """The strategy at work on a period that begins at bar `start` of its `columns`; it is first asked once `warmup` bars have passed.

    Raises StrategyError for names that stand for two things.
    """
    function, numbers = watch_function(strategy, columns, parameters), _numbers(parameters)
    given = [np.asarray(column, dtype=np.float64)[start:] for column in columns.values()]
    return Watch(function, given, [*numbers.values()], [*strategy.state.values()], max(warmup - start, 0), log=log)


def watch_function(strategy: AnyStep, columns: Columns, parameters: Parameters) -> WatchFunction:
    """The strategy's function: compiled, once in a process for each form that it takes, where ``on_bar`` is a static method and the compiler can do it."""
    names = (tuple(strategy.state), tuple(columns), tuple(_numbers(parameters)))
    _check_names(strategy, *names)
    if isinstance(inspect.getattr_static(strategy, "on_bar"), staticmethod):
        return _compiled(strategy.on_bar, *names)
    return WatchFunction(strategy.on_bar, *names, compile_it=False)


@lru_cache(maxsize=32)
def _compiled(
    on_bar: OnBar, state: tuple[str, ...], columns: tuple[str, ...], parameters: tuple[str, ...]
) -> WatchFunction:
    return WatchFunction(on_bar, state, columns, parameters)


def trade_books(strategy: AnyStep, books: Sequence[Book], broker: Broker, risk: Risk) -> Ledger:
    """`trade_account`, with the strategy's name. Raises StrategyFailed, with what a step strategy has raised as its cause."""
    try:
        return trade_account(books, broker, risk)
    except StepFailed as failure:
        cause = failure.__cause__ or _cause(books, broker, risk)
        if not isinstance(cause, Exception):
            raise cause from None  # an interrupt
        what = str(cause) if isinstance(cause, WrongOrder) else f"on_bar raised {type(cause).__name__}: {cause}"
        where = f"bar {failure.bar} of {failure.symbol}, {utc(failure.time)}"
        raise StrategyFailed(f"{strategy.name}: {what} ({where})") from cause


def _cause(books: Sequence[Book], broker: Broker, risk: Risk) -> BaseException:
    """What a compiled ``on_bar`` has raised: only the plain one can tell, so it is asked again."""
    again = [book if book.watch is None else replace(book, watch=book.watch.plain()) for book in books]
    try:
        trade_account(again, broker, risk)
    except StepFailed as failure:
        return failure.__cause__ or failure
    return RuntimeError(
        "it fails when compiled, but not as plain Python; let it not be static, to have it run as it is"
    )


def asked_of_step(
    strategy: AnyStep,
    bars: Bars,
    parameters: Parameters,
    *,
    broker: Broker,
    risk: Risk,
    filters: Filters = NO_FILTERS,
    plain: bool = False,
) -> Evaluation:
    """A step strategy's columns over `bars`, and what it asks for when it trades them alone, from the first one on; `plain`: without the compiler."""
    evaluation = evaluate(strategy, bars, parameters)
    at_work = watch(strategy, evaluation.columns, parameters, 0, declared_warmup(strategy, parameters), log=True)
    at_work = at_work.plain() if plain else at_work
    trade_books(strategy, [Book(bars, watch=at_work, filters=filters)], broker, risk)
    return Evaluation(evaluation.columns, Decisions(at_work.decisions))


def _numbers(parameters: Parameters) -> dict[str, float]:
    """The parameters that are numbers; a Choice is for `columns` to act on."""
    return {name: float(value) for name, value in parameters.items() if not isinstance(value, str)}


def _check_names(
    strategy: AnyStep, state: tuple[str, ...], columns: tuple[str, ...], parameters: tuple[str, ...]
) -> None:
    told = [*VIEW_FIELDS, *columns, *parameters]
    twice = sorted({name for name in told if told.count(name) > 1})
    if twice:
        raise StrategyError(
            f"{strategy.name}: on_bar would be told two things by the name {twice[0]!r}; choose another name for the column or the parameter"
        )
    wrong = [name for name in (*state, *told) if not name.isidentifier() or iskeyword(name)]
    if wrong:
        raise StrategyError(
            f"{strategy.name}: on_bar cannot read a field by the name {wrong[0]!r}; write letters, digits and underscores, such as upper_band"
        )
