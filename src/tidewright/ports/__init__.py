"""Every seam to the outside, as a Protocol. Implementations are in `tidewright.adapters`; callers know only what stands here.

Belongs here: protocols, what they exchange, and what they raise. Does not belong here: anything that does something.
"""

from tidewright.ports.archive import Archive, ArchiveRefused, ArchiveUnavailable, Reject, StoredReport, Written
from tidewright.ports.engines import Engine, EngineResult, FindEngine
from tidewright.ports.live import AnchorDamaged, Anchors, BarFeed, Clock
from tidewright.ports.runs import RANKED_BY, FinishedRun, RunBook, RunEntry
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
    DeadLetter,
    Delivery,
    LaneBehind,
    Message,
    ProgressBoard,
    Standing,
    StreamAdmin,
    StreamFull,
    Streams,
    StreamUnavailable,
    Subscription,
    ToldProgress,
)
from tidewright.ports.studies import Claim, Counts, StudyNotFound, StudyRefused, StudyStore
from tidewright.ports.tracking import TrackedData, TrackedRun, Tracker, TrackingFailed

__all__ = [
    "RANKED_BY",
    "AnchorDamaged",
    "Anchors",
    "Archive",
    "ArchiveRefused",
    "ArchiveUnavailable",
    "Backlog",
    "BarFeed",
    "BarStore",
    "Claim",
    "Clock",
    "Counts",
    "DeadLetter",
    "Delivery",
    "Engine",
    "EngineResult",
    "FindEngine",
    "FinishedRun",
    "FundingNotFound",
    "FundingStore",
    "LaneBehind",
    "MarketNotFound",
    "Merged",
    "MergedFunding",
    "Message",
    "ProgressBoard",
    "Reject",
    "RunBook",
    "RunEntry",
    "Source",
    "Standing",
    "StoreDamaged",
    "StoreRefused",
    "StoredFunding",
    "StoredMarket",
    "StoredReport",
    "StreamAdmin",
    "StreamFull",
    "StreamUnavailable",
    "Streams",
    "Stretch",
    "StudyNotFound",
    "StudyRefused",
    "StudyStore",
    "Subscription",
    "ToldProgress",
    "TrackedData",
    "TrackedRun",
    "Tracker",
    "TrackingFailed",
    "Written",
]
