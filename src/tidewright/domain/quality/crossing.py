"""Checks of one series against another: longer bars against the shorter ones that they are made of, and bars against their trades.

Bars that are not what they should be made of are a Warning: which of the two is wrong is not known, and an exchange's own bar is what everybody trades on.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.quality.rules import QualityRule, Severity
from tidewright.domain.resampling import Ticks, bar_opens, bars_of, resample
from tidewright.domain.tape import Tape
from tidewright.domain.timeframe import milliseconds

_CLOSE = 1e-9
"""Relative difference within which volumes count as equal: exchanges round the sums of theirs."""

DIFFERS_FROM_SHORTER = QualityRule(
    "DiffersFromShorter",
    Severity.WARNING,
    "it is not made of the shorter bars in it",
    "download both again and compare",
)
DIFFERS_FROM_TRADES = QualityRule(
    "DiffersFromTrades", Severity.WARNING, "it is not made of the trades in it", "ask the exchange for the bar and the trades again"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """A bar that opens at `time` has `value` in `column` where what it is made of gives `expected`."""

    time: int
    column: str
    value: float
    expected: float


def shorter_differences(bars: Bars, shorter: Bars) -> list[Difference]:
    """Where bars differ from those made of shorter ones, which must be in ascending time; only where all the parts are there.

    Raises ValueError where the shorter timeframe does not divide the longer one.
    """
    return _differences(bars, resample(shorter, bars.market.timeframe).bars)


def tape_differences(bars: Bars, tape: Tape) -> list[Difference]:
    """Where bars differ from those made of trades that are in ascending order; only where the tape is complete.

    Complete is a bar with a trade before it and one after it on the tape, and no id missing between the two.
    """
    known = TapeBars(bars.market, kept=len(tape) + 1)
    known.add(tape)
    return [difference for row in range(len(bars)) for difference in known.check(bars.part(row, row + 1)) or ()]


def _differences(bars: Bars, expected: Bars) -> list[Difference]:
    _, ours, theirs = np.intersect1d(bars.time, expected.time, return_indices=True)
    found = []
    for name in COLUMNS:
        values, wanted = getattr(bars, name)[ours], getattr(expected, name)[theirs]
        same = np.isclose(values, wanted, rtol=_CLOSE, atol=0) if name == "volume" else values == wanted
        found += [
            Difference(int(bars.time[ours[i]]), name, float(values[i]), float(wanted[i])) for i in np.flatnonzero(~same)
        ]
    return sorted(found, key=lambda one: one.time)


class TapeBars:
    """The bars of one market that its trades make as they come, of the last `kept` stretches whose trades are all known."""

    def __init__(self, market: Market, kept: int = 10) -> None:
        self._market = market
        self._step = milliseconds(market.timeframe)
        self._kept = kept
        self._made: OrderedDict[int, Bars] = OrderedDict()
        self._part: list[Tape] = []
        self._opens: int | None = None
        self._last_id: int | None = None
        self._whole = False

    def add(self, tape: Tape) -> None:
        """More trades, in ascending order of ids and times; one that is out of order makes its stretch unknown."""
        if not len(tape):
            return
        opens = bar_opens(tape.time, self._step)
        starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
        for first, last in zip(starts, [*starts[1:], len(tape)], strict=True):
            self._add_within(int(opens[first]), tape.part(int(first), int(last)))

    def check(self, bar: Bars) -> list[Difference] | None:
        """How one bar differs from its trades; None where these are not, or not yet, all known."""
        made = self._made.get(int(bar.time[0]))
        return None if made is None else _differences(bar, made)

    def passed(self, time: int) -> bool:
        """Whether trades after the stretch that opens at `time` are known, so that waiting for more is of no use."""
        return self._opens is not None and self._opens > time

    def _add_within(self, opens: int, tape: Tape) -> None:
        ascending = bool(np.all(np.diff(tape.id) == 1) and np.all(np.diff(tape.time) >= 0))
        follows = self._last_id is not None and int(tape.id[0]) == self._last_id + 1
        if self._opens is None or opens > self._opens:
            self._finish(following=follows)
            self._opens, self._whole = opens, follows
        elif opens < self._opens or not follows:
            self._whole = False
        self._whole = self._whole and ascending
        self._last_id = int(tape.id[-1])
        self._part = [*self._part, tape] if self._whole else []

    def _finish(self, *, following: bool) -> None:
        if self._whole and following and self._part:
            columns = (
                np.concatenate([getattr(part, name) for part in self._part]) for name in ("time", "price", "quantity")
            )
            time, price, quantity = columns
            if np.all(np.diff(time) >= 0):
                made = bars_of(Ticks(time, price, quantity), self._market)
                self._made[int(made.time[0])] = made
        while len(self._made) > self._kept:
            self._made.popitem(last=False)
        self._part = []
