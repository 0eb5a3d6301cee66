"""Time, the bars that it brings, and where live histories start."""

from typing import Protocol

from tidewright.domain.bars import Bars, Market
from tidewright.domain.live import Anchor


class AnchorDamaged(RuntimeError):
    """What is stored as an anchor cannot be read; the message names the file and the remedy."""


class Anchors(Protocol):
    """The starts of live histories, by market; each is stored once."""

    def read(self, market: Market) -> Anchor | None:
        """The stored anchor, or None. Raises AnchorDamaged."""
        ...

    def create(self, anchor: Anchor) -> Anchor:
        """Store the anchor, unless one is stored by then; and the stored one. Raises AnchorDamaged and OSError."""
        ...

    def place(self, market: Market) -> str:
        """Where the anchor is or would be, for people."""
        ...


class Clock(Protocol):
    """What time it is, and waiting for another."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        ...

    async def sleep(self, milliseconds: int) -> None: ...


class BarFeed(Protocol):
    """The bars of markets as they become known."""

    async def read(self, market: Market, first: int | None) -> Bars:
        """All bars that have closed by now and open at `first` or later, in ascending time, each once, as they are after any correction.

        Raises MarketNotFound and StoreDamaged.
        """
        ...

    async def wait(self, market: Market, newest: int | None) -> None:
        """Return when there may be a bar after the one that opens at `newest` (None: any bar); at the latest after a while, for corrections."""
        ...
