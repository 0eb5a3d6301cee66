"""What a strategy is: declared parameters, a warm-up, named columns, and signals that follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Bars, Booleans

Value: TypeAlias = int | float | bool | str
Parameters: TypeAlias = Mapping[str, Value]
Columns: TypeAlias = Mapping[str, NDArray[np.float64] | NDArray[np.bool_]]


class StrategyError(ValueError):
    """A strategy or its parameters cannot be used; the message names what and the remedy."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number or choice that a strategy may be tuned by.

    `low` and `high` are inclusive and are also the default search range of an optimisation; `step` is the grid of that
    search. A Choice has `choices` instead.
    """

    name: str
    kind: Literal["Int", "Float", "Bool", "Choice"]
    default: Value
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Signals:
    """What a strategy wants at the close of each bar; orders fill from the next bar on.

    Every array has shape (n,) and holds events, not states: a true value asks for one order. `enter` and `exit` are of long positions, the
    other two of short ones, None where the strategy has none. Where entry and exit of one side are true on the same bar, the exit
    acts on an open position and the entry is ignored; where both entries are true, neither acts. An exit and the other side's
    entry on the same bar turn the position around at one open.
    """

    enter: Booleans
    exit: Booleans
    enter_short: Booleans | None = None
    exit_short: Booleans | None = None

    def by_name(self) -> dict[str, Booleans]:
        """The arrays that there are, by the names of the fields."""
        names = ("enter", "exit", "enter_short", "exit_short")
        return {name: array for name in names if (array := getattr(self, name)) is not None}


@runtime_checkable
class Strategy(Protocol):
    """A causal function from bars to signals.

    `columns` computes every named series that the signals are made of (indicators, scores), each of shape (n,); `signals`
    turns them into events. Both may use, at bar i, nothing but bars up to and including i. The columns are what the
    look-ahead proof compares and what the report draws, so a strategy that never trades can still be proved causal.
    """

    name: str
    parameters: tuple[Parameter, ...]

    def warmup(self, parameters: Parameters) -> int:
        """How many bars must pass before a signal may be believed; signals on earlier bars are ignored."""
        ...

    def columns(self, bars: Bars, parameters: Parameters) -> Columns: ...

    def signals(self, bars: Bars, columns: Columns, parameters: Parameters) -> Signals: ...


class SignalStrategy:
    """A base for one's own strategies: derive from it, declare `parameters`, and write `warmup`, `columns` and `signals`.

    See `Strategy` for what the methods are given and must give back.
    """

    parameters: tuple[Parameter, ...] = ()

    @property
    def name(self) -> str:
        return type(self).__name__

    def warmup(self, parameters: Parameters) -> int:
        raise NotImplementedError("say how many bars must pass before a signal may be believed: return a whole number")

    def columns(self, bars: Bars, parameters: Parameters) -> Columns:
        return {}

    def signals(self, bars: Bars, columns: Columns, parameters: Parameters) -> Signals:
        raise NotImplementedError("return Signals(enter, exit), two arrays of True and False, one value for every bar")
