"""Asking a strategy for its columns and signals, and holding the answer to the contract."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Bars
from tidewright.domain.strategies.strategy import Columns, Parameters, Signals, Strategy, StrategyError


class StrategyFailed(StrategyError):
    """The strategy raised, or answered with something that is no signal; the message names what."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A strategy's columns and signals over some bars; every array has the bars' length."""

    columns: Columns
    signals: Signals


def evaluate(strategy: Strategy, bars: Bars, parameters: Parameters) -> Evaluation:
    """The strategy's columns and signals over `bars`.

    Raises StrategyFailed, with the strategy's own exception as its cause, when it raises, and when an array has the wrong length or
    a signal is not of truth values.
    """
    try:
        columns = strategy.columns(bars, parameters)
        signals = strategy.signals(bars, columns, parameters)
    except Exception as error:
        raise StrategyFailed(f"{strategy.name} raised {type(error).__name__}: {error}") from error
    arrays = {f"column {name!r}": column for name, column in columns.items()}
    arrays |= {"signals.enter": signals.enter, "signals.exit": signals.exit}
    for name, array in arrays.items():
        shape = np.shape(array)
        if shape != (len(bars),):
            raise StrategyFailed(
                f"{strategy.name}: {name} has shape {shape} over {len(bars)} bars; return one value for every bar"
            )
    for name in ("enter", "exit"):
        kind = np.asarray(getattr(signals, name)).dtype
        if kind != np.bool_:
            raise StrategyFailed(f"{strategy.name}: signals.{name} is of {kind}; return an array of True and False")
    return Evaluation(
        columns={name: _numbers_or_booleans(np.asarray(column)) for name, column in columns.items()},
        signals=Signals(np.asarray(signals.enter), np.asarray(signals.exit)),
    )


def _numbers_or_booleans(column: NDArray[Any]) -> NDArray[np.float64] | NDArray[np.bool_]:
    return column if column.dtype == np.bool_ else column.astype(np.float64, copy=False)
