"""What `tidewright.domain.watching` compiles, in plain Python: with its own numbers, which are much faster there than single elements of arrays."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import COLUMNS, Bars, Floats
from tidewright.domain.orders import Order, asks, hold, wrong
from tidewright.domain.rules.errors import suggestion


class WrongOrder(ValueError):
    """What ``on_bar`` returned cannot be understood."""


class View(SimpleNamespace):
    """What ``on_bar`` is told of the bar."""


class Position(SimpleNamespace):
    """What ``on_bar`` is told of the position."""


class PlainScan:
    """One step strategy at work on one symbol; called with an address, which it does not need, as the compiled function is.

    `state`, `columns` and `parameters` are what ``on_bar`` remembers and is told, by name; `block`, `holding` and `order` the records that the loop of
    the account shares with it. `decisions` has room for every answer, or for none. `error` is what went wrong, if anything did.
    """

    def __init__(
        self,
        on_bar: Callable[[Any, Any, Any], Order],
        state: Mapping[str, float],
        columns: Mapping[str, Floats],
        parameters: Mapping[str, float],
        bars: Bars,
        rates: Floats | None,
        records: tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]],
        decisions: Floats,
    ) -> None:
        self.error: BaseException | None = None
        self._on_bar, self._decisions = on_bar, decisions
        self._block, self._holding, self._order = records
        told = {name: getattr(bars, name) for name in ("time", *COLUMNS)} | dict(columns)
        self._rows = {name: column.tolist() for name, column in told.items()}
        self._rates = [0.0] * len(bars) if rates is None else rates.tolist()
        self._view = View(bar=0.0, **dict.fromkeys(told, 0.0), **parameters)
        self._memory = _memory(state)

    def __call__(self, _address: int) -> int:
        block, order, names, rows = self._block[0], self._order, self._rows.keys(), self._rows.values()
        time, high, low, close = (self._rows[name] for name in ("time", "high", "low", "close"))
        rates, decisions, logged = self._rates, self._decisions, len(self._decisions) > 0
        first, n, warm, due = (int(block[name]) for name in ("first", "length", "warm", "due"))
        floor, ceiling = float(block["floor"]), float(block["ceiling"])
        memory, view, on_bar = self._memory, self._view, self._on_bar
        position = Position(**dict(zip(self._holding.dtype.names or (), self._holding[0].item(), strict=True)))
        order[0] = tuple(hold())
        i = first
        try:
            for i in range(first, n):
                quiet = low[i] > floor and high[i] < ceiling and time[i] < due and not rates[i]
                if position.side and i > first and not quiet:
                    return i
                if i < warm:
                    continue
                view.bar = float(i)
                vars(view).update(zip(names, [column[i] for column in rows], strict=True))
                if position.side:
                    position.bars = i - position.since
                    position.profit = position.side * (close[i] / position.entry - 1.0)
                asked = on_bar(memory, position, view)
                if not isinstance(asked, Order):
                    raise WrongOrder(
                        f"on_bar returned {asked!r}; return hold(), buy(), sell(), leave(), protect() or turn()"
                    )
                if logged:
                    decisions[i] = asked
                if asks(asked):
                    order[0] = tuple(_understood(asked))
                    return i + 1
        except BaseException as error:  # an interrupt as well: nothing may pass through the compiled code that asks
            self.error = self._in_words(error)
            return -1 - i
        return n

    def _in_words(self, error: BaseException) -> BaseException:
        """The error; where it is about a field that there is not, with the names of those there are."""
        if isinstance(error, AttributeError) and (match := _NO_ATTRIBUTE.fullmatch(str(error))):
            told, name = match[1].lower(), match[2]
            names: Sequence[str] = {
                "state": tuple(self._memory.__slots__),
                "position": self._holding.dtype.names or (),
                "view": tuple(vars(self._view)),
            }[told]
            error.args = (
                f"{told} has no field {name!r}{suggestion(name, names)}; it has {', '.join(names) or 'none'}",
            )
        return error


_NO_ATTRIBUTE = re.compile(r"'(State|Position|View)' object has no attribute '(\w+)'")


def _memory(state: Mapping[str, float]) -> Any:  # noqa: ANN401 - a class of its own
    """What ``on_bar`` remembers: these fields and no others, as when compiled."""
    memory = type("State", (), {"__slots__": tuple(state)})()
    for name, value in state.items():
        setattr(memory, name, float(value))
    return memory


def _understood(order: Order) -> Order:
    if wrong(order):
        raise WrongOrder(
            f"on_bar returned {order}; sizes and prices are positive numbers, and an entry has a limit or a trigger, not both"
        )
    return order
