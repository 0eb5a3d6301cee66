"""Aggregate trades: what Binance makes of consecutive trades of one taker at one price."""

from typing import Any

import numpy as np

from tidewright.domain.bars import Integers
from tidewright.exchange.trade_log import TradeLog


class Aggregates:
    """Consecutive trades of one millisecond, price and side as one, because a tape does not name the taker.

    Ids rise by one, from the id of the tape's first trade on. An aggregate has happened when its last trade has.
    """

    def __init__(self, log: TradeLog) -> None:
        self._log = log
        new = np.ones(len(log), np.bool_)
        new[1:] = (
            (np.diff(log.time) != 0)
            | (np.diff(log.price) != 0)
            | (log.buyer_is_maker[1:] != log.buyer_is_maker[:-1])
            | (np.diff(log.id) != 1)
        )
        self._starts = np.flatnonzero(new)
        self._ends = np.append(self._starts[1:], len(log))
        self.first_id = int(log.id[0]) if len(log) else 0
        self._time = log.time[self._starts]
        self._quantity: Integers = np.add.reduceat(log.volume, self._starts) if len(log) else log.volume

    def happened(self, trades: int) -> int:
        """How many aggregates the first `trades` trades complete."""
        return int(np.searchsorted(self._ends, trades, side="right"))

    def ended_by(self, trade: int) -> int | None:
        """The aggregate that the trade at an index is the last of."""
        row = int(np.searchsorted(self._ends, trade + 1))
        return row if self._ends[row] == trade + 1 else None

    def since(self, time: int) -> int:
        """The first aggregate at `time` or later."""
        return int(np.searchsorted(self._time, time))

    def fields(self, row: int) -> dict[str, Any]:
        """As REST and streams write it."""
        log, first, last = self._log, int(self._starts[row]), int(self._ends[row]) - 1
        return {
            "a": self.first_id + row,
            "p": log.priced(log.price[first]),
            "q": log.sized(self._quantity[row]),
            "f": int(log.id[first]),
            "l": int(log.id[last]),
            "T": int(log.time[first]),
            "m": bool(log.buyer_is_maker[first]),
            "M": True,
        }
