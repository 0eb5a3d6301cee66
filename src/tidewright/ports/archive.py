"""Where market data that was judged is kept for good, with what was refused and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from tidewright.domain.bars import Bars, Market
from tidewright.domain.tape import Tape


class ArchiveUnavailable(ConnectionError):
    """The server of the archive cannot be reached, or is not ready; nothing was written, or all of it: writing it again does no harm."""


class ArchiveRefused(ValueError):
    """No archive takes these rows, or rows of this name; the message names the first that stands in the way and the remedy."""


class Written(NamedTuple):
    """What a write made of its rows: `added` are new, `unchanged` were there; `differing` are the keys (open times, ids) of those
    that are there with other values, which were left as they are.
    """

    added: int
    unchanged: int
    differing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A message of a topic that broke rules. `id` is the digest of topic and message, so that one message is held once."""

    id: str
    topic: str
    data: bytes
    reasons: tuple[str, ...]
    rejected_ms: int
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report of a validation or of a drift; `content` is JSON."""

    id: str
    kind: str
    subject: str
    created_ms: int
    passed: bool
    content: Mapping[str, Any]


class Archive(Protocol):
    """Bars, trades, quarantine and reports. Every method raises ArchiveUnavailable; every write may be repeated, and raises ArchiveRefused."""

    async def write_bars(self, bars: Bars, *, replace: bool = False) -> Written:
        """Add bars of one market, in any order, by their open times; with `replace` those that differ are changed, and counted as added."""
        ...

    async def write_tape(self, exchange: str, symbol: str, tape: Tape) -> Written:
        """Add trades of one symbol, in any order, by their ids."""
        ...

    async def read_bars(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        """The bars that open in [start, end), in ascending time; none where there are none."""
        ...

    async def read_tape(self, exchange: str, symbol: str, first: int | None = None, last: int | None = None) -> Tape:
        """The trades with ids from `first` to `last`, both included, in ascending order."""
        ...

    async def newest_trade(self, exchange: str, symbol: str) -> int | None:
        """The highest id of a symbol."""
        ...

    async def newest_bar(self, market: Market) -> int | None:
        """The latest open time of a market."""
        ...

    async def hold(self, rejects: Sequence[Reject]) -> None:
        """Put messages into quarantine; one that is held already gets the new reasons, and one more attempt."""
        ...

    async def held(self, most: int, *, topic: str | None = None, after: str = "") -> list[Reject]:
        """What is in quarantine, by id, after the one of an id."""
        ...

    async def release(self, ids: Sequence[str]) -> int:
        """Let messages out of quarantine; how many were in it."""
        ...

    async def save_report(self, report: StoredReport) -> None: ...

    async def report(self, report_id: str) -> StoredReport | None: ...

    async def reports(self, most: int) -> list[StoredReport]:
        """The newest first."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...
