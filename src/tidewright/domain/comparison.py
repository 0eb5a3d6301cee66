"""Two engines' accounts of the same signals, compared trade by trade; why they may differ is a closed list."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np

from tidewright.domain.bars import Bars, Booleans
from tidewright.domain.ledger import Ledger, Reason
from tidewright.domain.trades import trades_of

TOLERANCE = 1e-9
"""Relative difference up to which two numbers are the same."""

ROUNDING = 1e-12
"""Share of a trade's notional up to which two results are the same: sums of the same amounts in another order, where hardly anything remains."""

Value: TypeAlias = float | str | None


class Cause(StrEnum):
    """Why two engines differ; `docs/engines.md` explains each."""

    BROKEN_BAR = "BrokenBar"
    """The open of the bar lies outside its low and high, so the bar says two things about what could be traded."""
    EARLIER_DIFFERENCE = "EarlierDifference"
    """The accounts had come apart before, by another difference in the list, and did the same with what they had."""
    UNEXPLAINED = "Unexplained"
    """None of these: one of the engines is wrong."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two engines see differently.

    `time` is that of the trade's entry, or of the first bar at whose close the equity differs, in milliseconds. `field` is exitTime, entryPrice,
    exitPrice, quantity, pnl, reason or equity; or trade, where only one engine has it: its value is the quantity, and None for the other. None also
    stands for the exit of what is still open at the end.
    """

    time: int
    field: str
    ours: Value
    theirs: Value
    cause: Cause


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many trades there are in either account or both, and every difference between them."""

    trades: int
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether every difference has a cause that is known."""
        return all(difference.cause is not Cause.UNEXPLAINED for difference in self.differences)


def compare(bars: Bars, ours: Ledger, theirs: Ledger) -> Comparison:
    """Compare two ledgers over the same `bars`, of which there is at least one.

    Trades with the same entry time are one trade. Exit times and reasons must be equal; prices, quantities and results the same within `TOLERANCE`,
    results also within `ROUNDING`. A position that is open at the end is compared as well, and so is the equity at every close.
    """
    broken = (bars.open < bars.low) | (bars.open > bars.high)
    one, other = _positions(bars, ours), _positions(bars, theirs)
    differences: list[Difference] = []
    closed = 0
    apart_until = -1  # the last bar in which a position may be one engine's alone, for a cause that is known
    for time in sorted(one.keys() | other.keys()):
        sides = [side for side in (one.get(time), other.get(time)) if side]
        closed += any(side.exit_time is not None for side in sides)
        found = list(_differences(time, one.get(time), other.get(time), broken, apart_until))
        differences += found
        if any(d.field in {"trade", "exitTime"} and d.cause is not Cause.UNEXPLAINED for d in found):
            apart_until = max(apart_until, *(side.last_bar for side in sides))
    return Comparison(closed, (*differences, *_in_equity(bars, ours, theirs, broken)))


class _Position(NamedTuple):
    """A trade, or the position that is open at the end, without an exit; `account` is the equity before it."""

    entry_bar: int
    last_bar: int
    exit_time: int | None
    entry_price: float
    exit_price: float | None
    quantity: float
    pnl: float | None
    reason: str | None
    account: float

    def meets(self, broken: Booleans) -> bool:
        """Whether it was entered or left in one of these bars."""
        return bool(broken[self.entry_bar] or (self.exit_time is not None and broken[self.last_bar]))


def _positions(bars: Bars, ledger: Ledger) -> dict[int, _Position]:
    """The ledger's positions by their entry's time."""
    trades, fills, equity = trades_of(bars, ledger.fills), ledger.fills, ledger.equity
    rows = zip(
        trades.entry_time.tolist(),
        trades.entry_bar.tolist(),
        trades.exit_bar.tolist(),
        trades.exit_time.tolist(),
        trades.entry_price.tolist(),
        trades.exit_price.tolist(),
        trades.quantity.tolist(),
        trades.pnl.tolist(),
        [Reason(code).title for code in trades.reason],
        equity[trades.entry_bar - 1].tolist(),
        strict=True,
    )
    positions = {time: _Position(*row) for time, *row in rows}
    if len(fills) and fills.held[-1] != 0.0:
        first = int(np.argmax(fills.position == fills.position[-1]))
        bar, price = int(fills.bar[first]), float(fills.price[first])
        size, account = abs(float(fills.held[-1])), float(equity[bar - 1])
        positions[int(fills.time[first])] = _Position(bar, len(bars) - 1, None, price, None, size, None, None, account)
    return positions


def _differences(
    time: int, one: _Position | None, other: _Position | None, broken: Booleans, apart_until: int
) -> Iterator[Difference]:
    """What differs about the position that was entered at `time`."""
    known = any(side.meets(broken) for side in (one, other) if side)
    root = Cause.BROKEN_BAR if known else Cause.UNEXPLAINED
    if one is None or other is None:
        follows = any(side.entry_bar <= apart_until for side in (one, other) if side)
        cause = Cause.EARLIER_DIFFERENCE if follows and not known else root
        yield Difference(time, "trade", one and one.quantity, other and other.quantity, cause)
        return
    for field, mine, its in (
        ("exitTime", one.exit_time, other.exit_time),
        ("reason", one.reason, other.reason),
        ("entryPrice", one.entry_price, other.entry_price),
        ("exitPrice", one.exit_price, other.exit_price),
    ):
        if not _same(mine, its):
            yield Difference(time, field, mine, its, root)
    scale = one.account / other.account
    for field, mine, its, rounding in (
        ("quantity", one.quantity, other.quantity, 0.0),
        ("pnl", one.pnl, other.pnl, ROUNDING * one.quantity * one.entry_price),
    ):
        if not _same(mine, its, rounding):
            follows = not known and its is not None and _same(mine, its * scale, rounding)
            yield Difference(time, field, mine, its, Cause.EARLIER_DIFFERENCE if follows else root)


def _in_equity(bars: Bars, ours: Ledger, theirs: Ledger, broken: Booleans) -> Iterator[Difference]:
    """The first close at which the accounts are not worth the same; what comes after follows from it."""
    apart = np.abs(ours.equity - theirs.equity) > TOLERANCE * np.abs(ours.equity)
    if apart.any():
        bar = int(np.argmax(apart))
        cause = Cause.BROKEN_BAR if broken[bar] else Cause.UNEXPLAINED
        yield Difference(int(bars.time[bar]), "equity", float(ours.equity[bar]), float(theirs.equity[bar]), cause)


def _same(one: Value, other: Value, rounding: float = 0.0) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= max(TOLERANCE * max(abs(one), abs(other)), rounding)
    return one == other
