"""How a step strategy is asked: one function a strategy, compiled or plain, that goes from bar to bar until something happens.

The loop of the account (`tidewright.domain.account_loop`) knows it by its address. It is asked at the close of a bar whose fills are known, and goes on asking
``on_bar`` at the following closes as long as no order was given and the bars leave the position as it is. It gives back the bar in which something can
happen, or the number of bars.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import COLUMNS, Bars, Floats
from tidewright.domain.compiled import CompilationRefused, as_written, compiled_c_function, compiles, inlined
from tidewright.domain.memory import address_of, addresses, c_function, real, record, whole, write_real
from tidewright.domain.orders import ORDER, Order, asks, in_floats, wrong
from tidewright.domain.plain_scan import PlainScan
from tidewright.domain.position import Position, quiet_range

OnBar = Callable[[Any, Any, Any], Order]
"""From a strategy's state, its position and the bar to what it asks for; see `HOLDING` and `VIEW_FIELDS`."""

BLOCK = np.dtype(
    [
        *(
            (name, np.int64)
            for name in (
                "state",  # addresses: of the strategy's memory, of a HOLDING, of what it is told of the bar, and of the ORDER it gives
                "holding",
                "row",
                "order",
                "columns",  # of the addresses of its columns; of the bars'
                "time",
                "open",
                "high",
                "low",
                "close",
                "volume",
                "rates",
                "log",  # of every answer, or 0
                "length",  # how many bars there are
                "first",  # the bar at whose close it is asked first
                "warm",  # the bar before whose close it is not asked
                "due",  # the time from which on a bar changes its position
            )
        ),
        ("floor", np.float64),  # the prices between which a bar does not
        ("ceiling", np.float64),
    ]
)
"""What a step strategy's function is given of one symbol."""

HOLDING = np.dtype(
    [
        (name, np.float64)
        for name in (
            "side",
            "quantity",
            "entry",
            "stop",
            "target",
            "entries",
            "closed",
            "last_profit",
            "last_bar",
            "bars",
            "profit",
            "since",
        )
    ]
)
"""What ``on_bar`` is told of the position. `bars` counts those since the entry bar, `profit` is the close over the average entry price, less 1, in the
position's direction; `closed` counts earlier positions, `last_profit` is the net return of the last of them and `last_bar` the bar it ended in. Prices are NaN where there are none.
"""

VIEW_FIELDS = ("bar", "time", "open", "high", "low", "close", "volume")
"""What ``on_bar`` is told of every market; after them come the strategy's columns and parameters by their names."""

_WIDTH = len(Order._fields)


@inlined
def show(position: Position, block: Any, due: int) -> None:  # noqa: ANN401 - a record of `BLOCK`
    """Tell a step strategy of its position, and of the range within which a bar leaves it as it is before the time `due`."""
    told = record(block.holding, 0, HOLDING)
    told.side = position.side
    told.quantity = position.held
    told.closed = position.closed
    told.last_profit = position.last_return if position.closed > 0 else np.nan
    told.last_bar = position.last_bar if position.closed > 0 else np.nan
    if position.held > 0.0:
        told.entry = position.entry
        told.stop = position.side * position.stop if position.stop > -np.inf else np.nan
        told.target = position.side * position.target if position.target < np.inf else np.nan
        told.entries = position.entries
        told.since = position.since
        block.floor, block.ceiling = quiet_range(position)
        block.due = due if position.leaving < 0 else -1
    else:
        told.entry = told.stop = told.target = told.since = told.profit = np.nan
        told.entries = told.bars = 0.0


def _scan(  # noqa: C901 - one loop
    on_bar: OnBar, state: np.dtype[Any], view: np.dtype[Any], columns: int
) -> Callable[[int], int]:
    """The function described above, for one strategy with so many columns."""

    def scan(address: int) -> int:  # noqa: C901
        block = record(address, 0, BLOCK)
        memory, holding = record(block.state, 0, state), record(block.holding, 0, HOLDING)
        row, order = record(block.row, 0, view), record(block.order, 0, ORDER)
        order.side = order.leave = 0.0
        order.stop = order.target = np.nan
        n: int = block.length
        first, warm, log, rates = block.first, block.warm, block.log, block.rates
        time, high, low, close, columns_at = block.time, block.high, block.low, block.close, block.columns
        held, floor, ceiling, due = holding.side != 0.0, block.floor, block.ceiling, block.due
        for i in range(first, n):
            if held and i > first:
                if not (real(low, i) > floor and real(high, i) < ceiling and whole(time, i) < due):
                    return i
                if rates != 0 and real(rates, i) != 0.0:
                    return i
            if i < warm:
                continue
            row.bar, row.time, row.close = i, whole(time, i), real(close, i)
            row.open, row.high, row.low = real(block.open, i), real(high, i), real(low, i)
            row.volume = real(block.volume, i)
            for c in range(columns):
                write_real(block.row, 7 + c, real(whole(columns_at, c), i))
            if held:
                holding.bars = i - holding.since
                holding.profit = holding.side * (real(close, i) / holding.entry - 1.0)
            try:
                asked = in_floats(on_bar(memory, holding, row))
            except Exception:
                return -1 - i
            if log != 0:
                for k in range(_WIDTH):
                    write_real(log, _WIDTH * i + k, asked[k])
            if asks(asked):
                if wrong(asked):
                    return -1 - i
                order.side, order.multiple, order.leave = asked.side, asked.size, asked.leave
                order.limit, order.trigger = asked.limit, asked.trigger
                order.stop, order.target = asked.stop, asked.target
                return i + 1
        return n

    return scan


class StepFailed(RuntimeError):
    """A step strategy raised, or asked for what cannot be understood; its cause is what it raised, where that is known.

    `bar` is the one it was asked at, of the traded `bars`.
    """

    def __init__(self, bar: int, bars: Bars) -> None:
        self.bar, self.time, self.symbol = bar, int(bars.time[bar]), bars.market.symbol
        super().__init__(f"on_bar failed at bar {bar}")


class WatchFunction:
    """The function of one step strategy, for any symbol and any bars; making it takes as long as the compiler does.

    `compiled` is None where the compiler was not asked for or could not do it; `refusal` is what it said if it could not.
    """

    def __init__(
        self,
        on_bar: OnBar,
        state: Sequence[str],
        columns: Sequence[str],
        parameters: Sequence[str],
        *,
        compile_it: bool = True,
    ) -> None:
        self.on_bar = on_bar
        self.state, self.columns, self.parameters = tuple(state), tuple(columns), tuple(parameters)
        self.told = (*VIEW_FIELDS, *columns, *parameters)
        self.refusal = ""
        self.compiled: Any = None
        if compile_it and compiles():
            scan = _scan(as_written(on_bar), _type(self.state or ("_",)), _type(self.told), len(columns))
            try:
                self.compiled = compiled_c_function(scan)
            except CompilationRefused as refusal:
                self.refusal = str(refusal)

    def uncompiled(self) -> "WatchFunction":
        """The same without the compiler."""
        return WatchFunction(self.on_bar, self.state, self.columns, self.parameters, compile_it=False)


def _type(names: Sequence[str]) -> np.dtype[Any]:
    return np.dtype([(name, np.float64) for name in names])


class Watch:
    """A step strategy at work on one symbol: its memory, and what it is told.

    `columns` are arrays of shape (n,) in the order of the function's names, and so are `parameters` and the initial values of its `state`. It is first asked at the close of bar
    `warm`. With `log` every answer is kept in `decisions`, shape (n, 7), NaN where it was not asked.
    """

    def __init__(
        self,
        function: WatchFunction,
        columns: Sequence[Floats],
        parameters: Sequence[float],
        state: Sequence[float],
        warm: int = 0,
        *,
        log: bool = False,
    ) -> None:
        self._function = function
        self._given = columns, parameters, state, warm
        self._columns = [np.ascontiguousarray(column, dtype=np.float64) for column in columns]
        self._column_addresses = addresses(self._columns)
        self._told = np.array([*[0.0] * (len(function.told) - len(parameters)), *parameters], dtype=np.float64)
        self._state = np.array([*state] or [0.0], dtype=np.float64)
        self._holding, self._block = np.zeros(1, dtype=HOLDING), np.zeros(1, dtype=BLOCK)
        self._warm, self._log = warm, log
        self._bars: Bars | None = None
        self._plainly: PlainScan | None = None
        self._callback = function.compiled
        self.decisions = np.empty((0, _WIDTH))

    @property
    def address(self) -> int:
        """Where its function begins; only after `block`."""
        return address_of(self._callback)

    def block(self, bars: Bars, rates: Floats | None, order: NDArray[np.void]) -> NDArray[np.void]:
        """What the function is given, its memory as at first; `order` is where it writes what it asks for. All of it must outlive the trading.

        Raises ValueError for a column that has not one value for every bar.
        """
        for column in self._columns:
            if len(column) != len(bars):
                raise ValueError(f"a column has {len(column)} values for {len(bars)} bars; give one for each")
        self._state = np.array([*self._given[2]] or [0.0], dtype=np.float64)
        self._bars = bars
        if self._log:
            self.decisions = np.full((len(bars), _WIDTH), np.nan)
        block = self._block
        arrays = (self._state, self._holding, self._told, order, self._column_addresses, rates)
        for name, address in zip(
            ("state", "holding", "row", "order", "columns", "rates"), addresses(arrays), strict=True
        ):
            block[name] = address
        for name in ("time", *COLUMNS):
            block[name] = addresses([getattr(bars, name)])
        block["log"] = addresses([self.decisions if self._log else None])
        block["length"], block["warm"] = len(bars), self._warm
        if self._function.compiled is None:
            self._plainly = self._scan_plainly(bars, rates, order)
            self._callback = c_function(self._plainly)
        return block

    def _scan_plainly(self, bars: Bars, rates: Floats | None, order: NDArray[np.void]) -> PlainScan:
        function, (columns, parameters, state, _) = self._function, self._given
        return PlainScan(
            function.on_bar,
            dict(zip(function.state, state, strict=True)),
            dict(zip(function.columns, columns, strict=True)),
            dict(zip(function.parameters, parameters, strict=True)),
            bars,
            rates,
            (self._block, self._holding, order),
            self.decisions,
        )

    def plain(self) -> "Watch":
        """The same without the compiler."""
        function = self._function
        return Watch(function.uncompiled(), *self._given, log=self._log)

    def failed(self, bar: int) -> StepFailed:
        """What to raise."""
        assert self._bars is not None  # noqa: S101 - it was traded
        failure = StepFailed(bar, self._bars)
        failure.__cause__ = self._plainly.error if self._plainly else None
        return failure
