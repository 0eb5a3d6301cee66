"""Strategies that are asked bar by bar: for what needs its own position or memory (a pause after a loss, adding to a winner, a trained policy).

``on_bar(state, position, view)`` is asked at every close, and what it asks for fills from the next bar on (`tidewright.domain.orders`). It sees one bar at a
time: what it needs of earlier ones it takes from its columns, or remembers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np

from tidewright.domain.bars import Bars, Booleans, Floats
from tidewright.domain.orders import Order
from tidewright.domain.strategies.strategy import Columns, Parameter, Parameters


@runtime_checkable
class Step(Protocol):
    """What the account asks of a step strategy; derive one's own from `StepStrategy`.

    `columns` is as in `tidewright.domain.strategies.strategy.Strategy`. `on_bar` is given its memory, with the fields and initial values of `state`; its position
    (`tidewright.domain.watching.HOLDING`); and the bar (`bar`, its index; `time`, `open`, `high`, `low`, `close`, `volume`), with the strategy's columns and its numeric parameters by their
    names. Each symbol has a memory of its own. A static method that numba can compile is compiled, and runs some hundred times faster; anything else runs as it is.
    """

    name: str
    parameters: tuple[Parameter, ...]
    state: Mapping[str, float]

    def warmup(self, parameters: Parameters) -> int: ...

    def columns(self, bars: Bars, parameters: Parameters) -> Columns: ...

    on_bar: Callable[[Any, Any, Any], Order]


AnyStep: TypeAlias = Any
"""A `Step`; of which the methods may be static or not."""


class StepStrategy:
    """A base for one's own step strategies: declare `parameters` and `state`, and write `warmup`, `columns` and `on_bar`.

    See `Step` for what the methods are given and must give back.
    """

    parameters: tuple[Parameter, ...] = ()
    state: ClassVar[Mapping[str, float]] = {}

    @property
    def name(self) -> str:
        return type(self).__name__

    def warmup(self, parameters: Parameters) -> int:
        raise NotImplementedError("say how many bars must pass before an order may be believed: return a whole number")

    def columns(self, bars: Bars, parameters: Parameters) -> Columns:
        return {}

    @staticmethod
    def on_bar(state: Any, position: Any, view: Any) -> Order:  # noqa: ANN401 - records with the fields that are declared
        raise NotImplementedError("return hold(), buy(), sell(), leave(), protect() or turn()")


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a step strategy asked for at the close of each bar: the fields of `Order` as columns, shape (n, 7); NaN where it was not asked."""

    orders: Floats

    def by_name(self) -> dict[str, Floats]:
        """The fields as arrays of shape (n,)."""
        return {f"order.{name}": self.orders[:, k] for k, name in enumerate(Order._fields)}

    @property
    def asked(self) -> Booleans:
        """The bars at which anything was asked for, shape (n,)."""
        by_name = self.by_name()
        asked: Booleans = (np.nan_to_num(by_name["order.side"]) != 0.0) | (np.nan_to_num(by_name["order.leave"]) != 0.0)
        return asked | np.isfinite(by_name["order.stop"]) | np.isfinite(by_name["order.target"])


def is_step(strategy: object) -> bool:
    """Whether a strategy is asked bar by bar."""
    return hasattr(strategy, "on_bar")
