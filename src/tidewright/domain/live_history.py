"""A strategy's signals as they become known, from a history that starts at an anchor.

Live and in a backtest a strategy is asked the same way: over the whole history, at its newest bar. So nothing has to be carried from bar to
bar, a restart changes nothing, and what was said of earlier bars can be held against the newest answer (`Parity`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tidewright.domain.bars import COLUMNS, Bars
from tidewright.domain.instant import utc
from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.live import Anchor, LiveSignal, Parity, Provenance
from tidewright.domain.lookahead import differing_bars
from tidewright.domain.provenance import bars_digest
from tidewright.domain.strategies.evaluation import Evaluation
from tidewright.domain.strategies.strategy import Signals


class AnchorRefused(ValueError):
    """A stored anchor is not of this strategy or of this history; the message says what differs."""


@dataclass(frozen=True, eq=False)
class LiveHistory:
    """The bars from an anchor on, their digest, and what the strategy says of each."""

    anchor: Anchor
    bars: Bars
    digest: str
    evaluation: Evaluation
    parity: Parity

    def __len__(self) -> int:
        return len(self.bars)

    @property
    def newest(self) -> int:
        """Open time of the newest bar."""
        return int(self.bars.time[-1])

    @cached_property
    def newest_signal(self) -> LiveSignal:
        """What is said of the newest bar."""
        return self.signal(len(self) - 1)

    @cached_property
    def provenance(self) -> Provenance:
        return Provenance(self.anchor, len(self.bars), self.digest, ARITHMETIC_REVISION, self.parity)

    def rows(self, start: int, end: int) -> range:
        """The bars that open in [start, end) and of which something is said: not those of the warm-up."""
        first, last = (int(row) for row in np.searchsorted(self.bars.time, (start, end)))
        return range(max(first, self.anchor.warmup), last)

    def signal(self, row: int) -> LiveSignal:
        """What is said of one bar."""
        signals = self.evaluation.signals
        events = (
            {name: bool(values[row]) for name, values in signals.by_name().items()}
            if isinstance(signals, Signals)
            else None
        )
        return LiveSignal(
            market=self.anchor.market,
            time=int(self.bars.time[row]),
            step=self.bars.step,
            bar=tuple(float(getattr(self.bars, name)[row]) for name in COLUMNS),
            events=events,
            columns={name: values[row].item() for name, values in self.evaluation.columns.items()},
        )


def anchored(bars: Bars, warmup: int, strategy: str) -> Anchor:
    """The anchor of a history that starts with the first of `bars`. Raises ValueError for fewer than `warmup` of them, or none."""
    if len(bars) < max(warmup, 1):
        raise ValueError(f"{len(bars)} of {max(warmup, 1)} bars")
    return Anchor(bars.market, strategy, int(bars.time[0]), warmup, bars_digest(bars.part(0, warmup)))


def check_anchor(anchor: Anchor, bars: Bars, warmup: int, strategy: str) -> None:
    """Raises AnchorRefused unless `anchor` is that of `bars`, from its first on, and of the strategy with this digest."""
    if anchor.market != bars.market:
        raise AnchorRefused(f"the anchor is that of {anchor.market}, and these are bars of {bars.market}")
    if (anchor.strategy, anchor.warmup) != (strategy, warmup):
        made_for = f"the strategy {anchor.strategy} with {anchor.warmup} bars of warm-up"
        raise AnchorRefused(f"the anchor was made for {made_for}, and this one is {strategy} with {warmup}")
    if not len(bars) or int(bars.time[0]) != anchor.first:
        found = f"the first bar since then opens at {utc(int(bars.time[0]))}" if len(bars) else "there is no bar since"
        raise AnchorRefused(f"the history starts at {utc(anchor.first)}, and {found}")
    digest = bars_digest(bars.part(0, anchor.warmup))
    if digest != anchor.digest:
        raise AnchorRefused(
            f"the first {anchor.warmup} bars, from {utc(anchor.first)}, have the digest {digest}, recorded is {anchor.digest}"
        )


def first_correction(before: Bars, after: Bars) -> int | None:
    """Open time of the first of the bars `before` that is not there `after`, bit for bit and in its place; None where all are."""
    n = min(len(before), len(after))
    differs = np.zeros(n, dtype=np.bool_)
    for name in ("time", *COLUMNS):
        differs |= getattr(before, name)[:n].view(np.int64) != getattr(after, name)[:n].view(np.int64)
    if differs.any():
        row = int(np.argmax(differs))
        return int(min(before.time[row], after.time[row]))
    return int(before.time[n]) if len(before) > n else None


def continued(before: LiveHistory | None, anchor: Anchor, bars: Bars, evaluation: Evaluation) -> LiveHistory:
    """The history with its newest bars, and what was said `before` held against its evaluation.

    What was said of bars that were corrected since cannot be compared: the count stays.
    """
    parity = before.parity if before else Parity()
    if before and first_correction(before.bars, bars) is None:
        differs = differing_bars(evaluation, before.evaluation)[anchor.warmup :]
        arrived = len(bars) - len(before)
        parity = Parity(parity.bars + arrived, parity.differences + int(np.count_nonzero(differs)))
    return LiveHistory(anchor, bars, bars_digest(bars), evaluation, parity)
