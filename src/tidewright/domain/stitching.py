"""Accounts one after the other, as one: the out-of-sample parts of a walk-forward, and what they earned beside what was chosen on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from tidewright.domain.backtest import Outcome
from tidewright.domain.bars import Integers
from tidewright.domain.grid import Clock
from tidewright.domain.ledger import Fills, Ledger, Trades
from tidewright.domain.metrics.measure import Metrics, measure

_Columns = TypeVar("_Columns", Fills, Trades)

_MONEY_OF_FILLS = ("quantity", "fee", "held")
_MONEY_OF_TRADES = ("quantity", "fees", "pnl")


@dataclass(frozen=True, slots=True, eq=False)
class Stitched:
    """Parts as one account: its times and equity, which part each belongs to, shape (bars of all,), and its figures."""

    clock: Clock
    ledger: Ledger
    trades: Trades
    part: Integers
    metrics: Metrics


def stitch(parts: Sequence[Outcome], cash: float) -> Stitched:
    """Parts in order of time, of which there is one or more, each begun with what the one before it ended with.

    An account that trades shares of what it is worth trades so much more, or less: quantities, fees and results are scaled by what it began with. (A lot size or a cap on volume would not scale
    exactly; the part's own account has obeyed them.) Each part closes what it holds, so no position reaches from one into the next.
    """
    worth, first, position, exposed = cash, 0, 0, 0.0
    equity, fills, trades, numbers = [], [], [], []
    for number, part in enumerate(parts):
        scale = worth / part.ledger.initial
        equity.append(part.ledger.equity * scale)
        fills.append(_scaled_fills(part.ledger.fills, scale, first, position))
        trades.append(_scaled_trades(part.trades, scale, first))
        numbers.append(np.full(len(part.clock), number))
        exposed += part.metrics.exposure * len(part.clock)
        position += int(part.ledger.fills.position.max(initial=-1)) + 1
        first += len(part.clock)
        worth = float(equity[-1][-1])
    clock = Clock(np.concatenate([part.clock.time for part in parts]), parts[0].clock.step)
    ledger = Ledger(
        cash, _joined(Fills, fills), np.concatenate(equity), worth, sum(part.ledger.unfilled for part in parts)
    )
    together = _joined(Trades, trades)
    return Stitched(clock, ledger, together, np.concatenate(numbers), measure(clock, ledger, together, round(exposed)))


def growth(returns: Sequence[float], years: Sequence[float]) -> float:
    """Growth a year of total `returns`, each over so many `years`, compounded one after the other; -1 where one of them lost everything, NaN without a stretch of time."""
    length = math.fsum(years)
    if not length > 0.0:
        return math.nan
    if any(one <= -1.0 for one in returns):
        return -1.0
    return math.expm1(math.fsum(math.log1p(one) for one in returns) / length)


def walk_forward_efficiency(in_sample: float, out_of_sample: float) -> float:
    """Growth a year out of sample over growth a year in sample; NaN where the latter is not positive, as nothing was there to keep.

    Source: R. Pardo, "The Evaluation and Optimization of Trading Strategies", 2008, chapter 11.
    """
    return out_of_sample / in_sample if in_sample > 0.0 else math.nan


def _scaled_fills(fills: Fills, scale: float, first: int, position: int) -> Fills:
    money = {name: getattr(fills, name) * scale for name in _MONEY_OF_FILLS}
    return replace(fills, bar=fills.bar + first, position=fills.position + position, **money)


def _scaled_trades(trades: Trades, scale: float, first: int) -> Trades:
    money = {name: getattr(trades, name) * scale for name in _MONEY_OF_TRADES}
    return replace(trades, entry_bar=trades.entry_bar + first, exit_bar=trades.exit_bar + first, **money)


def _joined(kind: type[_Columns], parts: Sequence[_Columns]) -> _Columns:
    """Tables one below the other."""
    names = [field.name for field in fields(kind)]
    return kind(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
