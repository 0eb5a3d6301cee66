"""The look-ahead proof: a strategy must say the same of a bar whether or not the future is in its hands.

Signals and columns are computed again on prefixes of the bars and compared bit for bit with those on the whole. A value that changes when later
bars are taken away was made with them. Columns are compared as well as signals, so that a strategy that never trades can be caught too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Bars, Booleans, Integers
from tidewright.domain.strategies.evaluation import Evaluation, declared_warmup, evaluate
from tidewright.domain.strategies.step import Decisions
from tidewright.domain.strategies.strategy import Parameters, Strategy

Ask = Callable[[Strategy, Bars, Parameters], Evaluation]
"""From a strategy, bars and parameters to what the strategy says."""

_DENSE = 64
_EACH = 32


@dataclass(frozen=True, slots=True)
class Violation:
    """The first bar found whose value depends on what came after it.

    `with_future` and `without` are the column's value at `bar` over all bars, and over the first `prefix` bars alone. Where
    `repeatable` is false the strategy gave two answers to the same bars, and look-ahead cannot be told from chance.
    """

    bar: int
    time: int
    column: str
    prefix: int
    with_future: float
    without: float
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class LookAheadProof:
    """How many prefixes were compared, and the first difference found."""

    prefixes: int
    violation: Violation | None = None

    @property
    def passed(self) -> bool:
        return self.violation is None


def prove_causal(
    strategy: Strategy,
    bars: Bars,
    parameters: Parameters,
    whole: Evaluation,
    seed: int = 0,
    unasked: Callable[[], Strategy] | None = None,
    ask: Ask = evaluate,
    each: int = _EACH,
    progress: Callable[[float], None] = lambda done: None,
) -> LookAheadProof:
    """Compare `whole`, the evaluation over all of `bars`, with evaluations over prefixes, shortest first.

    The prefixes are each of the first 64 that are longer than the warm-up, 32 drawn at random from equal parts of
    the rest, up to 32 that end with a signal's bar and up to 32 that end just before one of the largest moves of the close (a rare
    look into the future shows where it pays), and the whole series once more. `unasked` gives an object of the strategy that has not been asked yet, so
    that nothing remembered from longer bars can answer for shorter ones. `ask` is how it is asked; where that takes long, `each` is less than 32, and with 0 there are
    the first 64 alone. `progress` is told the share that is done before each prefix.
    """
    lengths = prefix_lengths(bars, declared_warmup(strategy, parameters), whole, seed, each)
    for tried, length in enumerate(lengths, start=1):
        progress((tried - 1) / len(lengths))
        part = ask(strategy if unasked is None else unasked(), bars.part(0, int(length)), parameters)
        difference = first_difference(whole, part)
        if difference is not None:
            bar, column = difference
            return LookAheadProof(
                tried,
                Violation(
                    bar=bar,
                    time=int(bars.time[bar]),
                    column=column,
                    prefix=int(length),
                    with_future=_value(whole, column, bar),
                    without=_value(part, column, bar),
                    repeatable=int(length) < len(bars) and _repeats(strategy, bars, parameters, whole, ask),
                ),
            )
    return LookAheadProof(len(lengths))


def _repeats(strategy: Strategy, bars: Bars, parameters: Parameters, whole: Evaluation, ask: Ask) -> bool:
    return first_difference(whole, ask(strategy, bars, parameters)) is None


def prefix_lengths(bars: Bars, warmup: int, whole: Evaluation, seed: int, each: int = _EACH) -> Integers:
    """The lengths to compare, increasing; the last is the whole, unless `each` is 0."""
    n = len(bars)
    if n == 0:
        return np.empty(0, dtype=np.int64)
    first = min(warmup + 1, n)
    dense = np.arange(first, min(first + _DENSE, n + 1))
    if each == 0:
        return dense
    edges = np.linspace(first, n, each + 1)
    spread = (edges[:-1] + np.random.default_rng(seed).random(each) * np.diff(edges)).astype(np.int64)
    signalled = np.flatnonzero(_asked_for(whole)) + 1
    signalled = signalled[signalled >= first]
    chosen = signalled[np.linspace(0, len(signalled) - 1, min(len(signalled), each)).astype(np.int64)]
    moves = np.abs(bars.close[first:] / bars.close[first - 1 : -1] - 1.0)
    before_moves = first + np.argsort(moves, kind="stable")[-each:]
    return np.unique(np.concatenate((dense, spread, chosen, before_moves, (n,))))


def _asked_for(whole: Evaluation) -> Booleans:
    """The bars at which anything was asked for."""
    match whole.signals:
        case None:
            return np.empty(0, dtype=np.bool_)
        case Decisions():
            return whole.signals.asked
        case signals:
            asked: Booleans = np.any(list(signals.by_name().values()), axis=0)
            return asked


def first_difference(whole: Evaluation, part: Evaluation) -> tuple[int, str] | None:
    """The first bar of `part`, and the column in it, whose value is not the bits that `whole` has there; NaN equals NaN."""
    found: tuple[int, str] | None = None
    parts = _arrays(part)
    for column, values in _arrays(whole).items():
        if column not in parts:
            return 0, column
        other = parts[column]
        differs = np.flatnonzero(_bits(values[: len(other)]) != _bits(other))
        if len(differs) and (found is None or differs[0] < found[0]):
            found = int(differs[0]), column
    return found


def differing_bars(whole: Evaluation, part: Evaluation) -> Booleans:
    """The bars of `part` at which any column or signal is not the bits that `whole` has there, shape (len(part),); NaN equals NaN."""
    parts = _arrays(part)
    length = max(map(len, parts.values()), default=0)
    differs = np.full(length, set(parts) != set(_arrays(whole)))
    for column, values in _arrays(whole).items():
        if column in parts:
            differs |= _bits(values[:length]) != _bits(parts[column])
    return differs


def _arrays(evaluation: Evaluation) -> dict[str, NDArray[np.generic]]:
    return {**evaluation.columns, **({} if evaluation.signals is None else evaluation.signals.by_name())}


def _value(evaluation: Evaluation, column: str, bar: int) -> float:
    values = _arrays(evaluation).get(column)
    return float("nan") if values is None else float(values[bar])


def _bits(values: NDArray[np.generic]) -> NDArray[np.int64]:
    numbers = values.astype(np.float64)
    numbers[np.isnan(numbers)] = np.nan  # all NaNs alike
    return numbers.view(np.int64)
