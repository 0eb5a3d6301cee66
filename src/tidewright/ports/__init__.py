"""Every seam to the outside, as a Protocol. Implementations are in `tidewright.adapters`; callers know only what stands here.

Belongs here: protocols, what they exchange, and what they raise. Does not belong here: anything that does something.
"""

from tidewright.ports.archive import Archive, ArchiveUnavailable, Reject, StoredReport, Written
from tidewright.ports.engines import Engine, EngineResult, FindEngine
from tidewright.ports.live import AnchorDamaged, Anchors, BarFeed, Clock
from tidewright.ports.stores import (
    BarStore,
    FundingNotFound,
    FundingStore,
    MarketNotFound,
    Merged,
    MergedFunding,
    Source,
    StoreDamaged,
    StoredFunding,
    StoredMarket,
    StoreRefused,
    Stretch,
)
from tidewright.ports.streams import (
    Backlog,
    Delivery,
    Message,
    ProgressBoard,
    StreamFull,
    Streams,
    StreamUnavailable,
    Subscription,
)

__all__ = [
    "AnchorDamaged",
    "Anchors",
    "Archive",
    "ArchiveUnavailable",
    "Backlog",
    "BarFeed",
    "BarStore",
    "Clock",
    "Delivery",
    "Engine",
    "EngineResult",
    "FindEngine",
    "FundingNotFound",
    "FundingStore",
    "MarketNotFound",
    "Merged",
    "MergedFunding",
    "Message",
    "ProgressBoard",
    "Reject",
    "Source",
    "StoreDamaged",
    "StoreRefused",
    "StoredFunding",
    "StoredMarket",
    "StoredReport",
    "StreamFull",
    "StreamUnavailable",
    "Streams",
    "Stretch",
    "Subscription",
    "Written",
]
