"""Bars that arrive in parts, merged into a store in batches."""

import asyncio
import hashlib
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tidewright.domain.bars import Bars
from tidewright.domain.resampling import joined
from tidewright.ports import BarStore, Merged, Source


class Part(NamedTuple):
    """Bars, what they came from, the SHA-256 of that in hexadecimal, and the file that is not needed once they are merged."""

    bars: Bars
    name: str
    digest: str
    file: Path | None = None


class Batches:
    """Merges the parts that it is given, in order of time, once they are as many bars as are stored already.

    A store writes a market as a whole: batches that grow with it cost no more than a few writes of everything in all.
    """

    def __init__(self, store: BarStore, stored: int, *, replace: bool) -> None:
        self._store = store
        self._stored = stored
        self._replace = replace
        self._held: list[Part] = []
        self.added = 0
        self.replaced = 0

    async def add(self, part: Part) -> None:
        """Raises what the store raises."""
        self._held.append(part)
        if sum(len(part.bars) for part in self._held) >= self._stored:
            await self.flush()

    async def flush(self) -> None:
        """Merges what is held. A part that the store refuses is not held any longer."""
        held, self._held = self._held, []
        if any(len(part.bars) for part in held):
            bars = joined([part.bars for part in held])
            merge = partial(self._store.merge, bars, _source(held), replace=self._replace)
            self._count(await asyncio.to_thread(merge))
        for part in held:
            if part.file:
                part.file.unlink(missing_ok=True)

    def _count(self, merged: Merged) -> None:
        self._stored = merged.stored.count
        self.added += merged.added
        self.replaced += merged.replaced


def _source(parts: list[Part]) -> Source:
    """Names the first and the last part; the digest is that of a list of all, as sha256sum writes it."""
    if len(parts) == 1:
        return Source(parts[0].name, f"sha256:{parts[0].digest}")
    sums = "".join(f"{part.digest}  {part.name}\n" for part in parts)
    name = f"{parts[0].name} to {parts[-1].name} ({len(parts)})"
    return Source(name, f"sha256:{hashlib.sha256(sums.encode()).hexdigest()}")
