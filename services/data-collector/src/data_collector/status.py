"""How the collector stands, for whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass

from data_collector.exchange_time import Skew


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One lane: `timeframe` is empty for trades; `last` is the id, or the open time, that was passed on last, and `next` the one that is awaited.

    `behind` says that something before the newest that is known of is missing. `absent` counts positions that do not exist at the exchange.
    """

    timeframe: str
    last: int
    next: int
    behind: bool
    waiting: int
    gaps_found: int
    gaps_repaired: int
    repeated: int
    dropped: int
    absent: int


@dataclass(frozen=True, slots=True)
class SymbolStatus:
    """`lag` is how many milliseconds the newest event took from the exchange to here, by the exchange's clock; `connection_age` is in seconds."""

    symbol: str
    problem: str
    lag: float | None
    connection_age: float | None
    lanes: tuple[LaneStatus, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """Everything as it stands; `problem` is why not everything is collected and published, or empty. `queued` is by topic."""

    symbols: tuple[SymbolStatus, ...]
    skew: Skew | None
    queued: Mapping[str, int]
    weight_used: int
    problem: str
