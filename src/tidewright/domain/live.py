"""What a strategy says live, and what it was made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tidewright.domain.bars import Market


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a live history starts, stored once, so that an indicator that remembers all bars since its start survives a restart unchanged.

    `strategy` is the digest of the strategy, `first` the open time of the first bar, and `digest` that of the first `warmup` bars.
    """

    market: Market
    strategy: str
    first: int
    warmup: int
    digest: str


@dataclass(frozen=True, slots=True)
class Parity:
    """What was said live, held against the evaluation at the newest bar.

    `bars` have arrived since the process started, and at each of them all that had been said was compared; `differences` counts the bars of which
    anything differed, in any bit. More than none: the strategy sees the future, or answers at random.
    """

    bars: int = 0
    differences: int = 0


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a signal was made of. `bars` from the anchor on have the digest `data`, which is that of a backtest over them."""

    anchor: Anchor
    bars: int
    data: str
    revision: int
    parity: Parity


@dataclass(frozen=True, slots=True)
class LiveSignal:
    """What a strategy says at the close of one bar. `bar` has the values of `COLUMNS`; `events` is None where only columns are told."""

    market: Market
    time: int
    step: int
    bar: tuple[float, ...]
    events: Mapping[str, bool] | None
    columns: Mapping[str, float | bool]

    @property
    def close_time(self) -> int:
        """When it is known."""
        return self.time + self.step

    def without_events(self) -> "LiveSignal":
        return replace(self, events=None)
