"""Asking a strategy for its columns and signals, and holding the answer to the contract."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidewright.domain.bars import COLUMNS, Bars
from tidewright.domain.strategies.step import Decisions, is_step
from tidewright.domain.strategies.strategy import Columns, Parameters, Signals, Strategy, StrategyError

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class StrategyFailed(StrategyError):
    """The strategy raised, or answered with something that is no signal; the message names what."""


class StrategyUnreachable(ConnectionError):
    """The strategy's code is in another process, and that cannot be asked now: nothing is known of the strategy, and another time it may answer."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A strategy's columns and signals over some bars; every array has the bars' length.

    A step strategy has no signals; what it asks for is known once it has traded (`tidewright.domain.asking.asked_of_step`).
    """

    columns: Columns
    signals: Signals | Decisions | None


def declared_warmup(strategy: Strategy, parameters: Parameters) -> int:
    """The strategy's warm-up, in bars. Raises StrategyFailed when it raises or gives no number of bars."""
    bars = _asked(strategy, strategy.warmup, parameters)
    if isinstance(bars, bool) or not isinstance(bars, int | np.integer) or bars < 0:
        raise StrategyFailed(f"{strategy.name}: warmup is {bars!r}; return a whole number of bars, 0 or more")
    return int(bars)


def evaluate(strategy: Strategy, bars: Bars, parameters: Parameters) -> Evaluation:
    """The strategy's columns and signals over `bars`, of which it is given views that it cannot write to.

    Raises StrategyFailed, with the strategy's own exception as its cause, when it raises, and when it answers with anything but
    a mapping of columns and Signals, with an array of the wrong length, a column that is not of numbers, or a signal that is
    not of truth values. A StrategyError of its own comes through as it is, and so does StrategyUnreachable.
    """
    given, answer = _unwritable(bars), _Answer(strategy.name, len(bars))
    columns = _asked(strategy, strategy.columns, given, parameters)
    if not hasattr(columns, "items"):
        raise StrategyFailed(f"{strategy.name}: columns returned {_kind(columns)}; return a dict of arrays by name")
    taken = sorted({"enter", "exit", "enter_short", "exit_short"} & set(columns))
    if taken:
        raise StrategyFailed(f"{strategy.name}: a column is named {taken[0]!r}, as a signal is; choose another name")
    checked = {name: answer.column(f"column {name!r}", column) for name, column in columns.items()}
    if is_step(strategy):
        return Evaluation(checked, None)
    signals = _asked(strategy, strategy.signals, given, columns, parameters)
    if not (hasattr(signals, "enter") and hasattr(signals, "exit")):
        raise StrategyFailed(f"{strategy.name}: signals returned {_kind(signals)}; return Signals(enter, exit)")
    given_signals = {name: getattr(signals, name, None) for name in ("enter", "exit", "enter_short", "exit_short")}
    if (given_signals["enter_short"] is None) != (given_signals["exit_short"] is None):
        raise StrategyFailed(f"{strategy.name}: signals has one of enter_short and exit_short; return both, or neither")
    arrays = {
        name: answer.signal(f"signals.{name}", array) for name, array in given_signals.items() if array is not None
    }
    return Evaluation(checked, Signals(**arrays))


def _asked(
    strategy: Strategy, method: Callable[_Given, _Result], *arguments: _Given.args, **options: _Given.kwargs
) -> _Result:
    try:
        return method(*arguments, **options)
    except (StrategyError, StrategyUnreachable):
        raise
    except Exception as error:
        raise StrategyFailed(f"{strategy.name} raised {type(error).__name__}: {error}") from error


def _unwritable(bars: Bars) -> Bars:
    """A strategy that changed the bars would trade on prices of its own making."""
    views = {name: getattr(bars, name).view() for name in ("time", *COLUMNS)}
    for view in views.values():
        view.flags.writeable = False
    return replace(bars, **views)


def _kind(answer: object) -> str:
    return "nothing" if answer is None else type(answer).__name__


class _Answer(NamedTuple):
    """What a strategy's arrays are held to; `length` is the number of bars."""

    strategy: str
    length: int

    def column(self, name: str, given: ArrayLike) -> NDArray[np.float64] | NDArray[np.bool_]:
        values = self._array(name, given)
        if values.dtype.kind not in "biuf":
            raise StrategyFailed(f"{self.strategy}: {name} is of {values.dtype}; return an array of numbers")
        return values if values.dtype == np.bool_ else values.astype(np.float64, copy=False)

    def signal(self, name: str, given: ArrayLike) -> NDArray[np.bool_]:
        values = self._array(name, given)
        if values.dtype != np.bool_:
            raise StrategyFailed(f"{self.strategy}: {name} is of {values.dtype}; return an array of True and False")
        return np.require(values, requirements=["C", "W"])  # the one layout that the kernel is compiled for

    def _array(self, name: str, given: ArrayLike) -> NDArray[Any]:
        try:
            values = np.asarray(given)
        except ValueError as error:
            raise StrategyFailed(f"{self.strategy}: {name} is no array: {error}") from error
        if values.shape != (self.length,):
            raise StrategyFailed(
                f"{self.strategy}: {name} has shape {values.shape} over {self.length} bars; return one value for every bar"
            )
        return values
