"""An exchange's filters as compiled code takes them: prices on ticks, quantities in lots, and what a bracket of leverage allows.

A tick or a lot is a fraction of two whole numbers, ``numerator / denominator``, so that the multiples of 0.001 are ``k / 1000``: the float nearest to
each, and exactly the number that an exchange writes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Integers
from tidewright.domain.compiled import inlined
from tidewright.domain.costs import Broker, Filters
from tidewright.domain.memory import record
from tidewright.domain.position import ruin_of

BRACKET = np.dtype([(name, np.float64) for name in ("notional", "leverage", "maintenance", "allowance")])
"""A bracket as compiled code takes it; `allowance` makes the maintenance margin a continuous function of the notional (Binance: "maintenance amount")."""


def brackets_of(filters: Sequence[Filters], broker: Broker) -> tuple[NDArray[np.void], Integers]:
    """The brackets of all symbols in one array, and where those of each begin, shape (m + 1,); a symbol without any has one, of the broker's own terms."""
    rows = [_brackets(one, broker) for one in filters]
    first = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return np.array([row for some in rows for row in some], dtype=BRACKET), first


def _brackets(filters: Filters, broker: Broker) -> list[tuple[float, float, float, float]]:
    if not filters.brackets:
        return [(np.inf, np.inf, float(broker.maintenance_margin), 0.0)]
    rows = []
    below, share, allowance = 0.0, filters.brackets[0].maintenance_margin, 0.0
    for bracket in filters.brackets:
        allowance += below * (bracket.maintenance_margin - share)
        rows.append((bracket.notional, bracket.leverage, bracket.maintenance_margin, allowance))
        below, share = bracket.notional, bracket.maintenance_margin
    return rows


@inlined
def rounded_down(value: float, numerator: float, denominator: float) -> float:
    """The largest multiple of the fraction that is not above `value`, which is positive; `value` itself where there is no fraction."""
    if numerator == 0.0:
        return value
    count: float = np.floor(value * denominator / numerator)
    if (count + 1.0) * numerator / denominator <= value:
        count += 1.0
    if count * numerator / denominator > value:
        count -= 1.0
    return count * numerator / denominator


@inlined
def rounded_up(value: float, numerator: float, denominator: float) -> float:
    """The smallest multiple of the fraction that is not below `value`, which is positive; `value` itself where there is no fraction."""
    if numerator == 0.0:
        return value
    below = rounded_down(value, numerator, denominator)
    if below == value:
        return value
    count: float = np.floor(below * denominator / numerator + 0.5) + 1.0
    return count * numerator / denominator


@inlined
def on_lot(value: float, numerator: float, denominator: float) -> float:
    """The multiple of the fraction that a sum or a difference of multiples stands for, whatever it was rounded to."""
    if numerator == 0.0:
        return value
    count: float = np.floor(value * denominator / numerator + 0.5)
    return count * numerator / denominator


@inlined
def signed_down(side: float, level: float, numerator: float, denominator: float) -> float:
    """A signed price on the tick below: to the disadvantage of who leaves there, and within the limit of who enters. Levels that no price reaches stay as they are."""
    if numerator == 0.0 or not np.isfinite(level) or side * level <= 0.0:
        return level
    if side > 0.0:
        return rounded_down(level, numerator, denominator)
    return -rounded_up(-level, numerator, denominator)


@inlined
def signed_up(side: float, level: float, numerator: float, denominator: float) -> float:
    """A signed price on the tick above: to the disadvantage of who enters there, and further off as a target."""
    if numerator == 0.0 or not np.isfinite(level) or side * level <= 0.0:
        return level
    if side > 0.0:
        return rounded_up(level, numerator, denominator)
    return -rounded_down(-level, numerator, denominator)


@inlined
def bracket_at_ruin(brackets: int, count: int, side: float, held: float, bankrupt: float) -> Any:  # noqa: ANN401 - a record of `BRACKET`
    """The bracket that a position falls in where it has no more than its maintenance margin left.

    Larger positions need larger shares, so the margin at any value is the largest of what the brackets ask, each carried on beyond its bounds; the first that the price comes to is the one.
    """
    highest, first = -np.inf, 0
    for row in range(count):
        bracket = record(brackets, row, BRACKET)
        ruin = ruin_of(side, held, bankrupt, bracket.maintenance, bracket.allowance)
        if ruin > highest:
            highest, first = ruin, row
    return record(brackets, first, BRACKET)


@inlined
def most_notional(brackets: int, count: int, leverage: float) -> float:
    """The most that a position may be worth at this leverage: 0 where no bracket allows it."""
    most = 0.0
    for row in range(count):
        bracket = record(brackets, row, BRACKET)
        if bracket.leverage >= leverage:
            most = bracket.notional
    return most
