"""What is made of raw messages: judged, archived, passed on. Every step may be repeated, so whoever is cut off anywhere begins again and nothing is lost or doubled."""

import hashlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_validation.kinds import Kind, Lane, Series, Watch, taken
from tidewright.domain.bars import Integers
from tidewright.domain.quality import broken
from tidewright.domain.quality.rows import Masks
from tidewright.ports import Archive, Delivery, Message, Reject, Streams
from tidewright.wire.market import Malformed
from tidewright.wire.topology import market_lane

DIFFERS = "DiffersFromArchive"
"""Why a sound row is refused: the archive has another one in its place."""

_LANES = 10_000
"""The most lanes whose last rows are remembered; beyond, the one that was quiet longest begins anew."""


@dataclass(slots=True)
class Outcome:
    """What became of messages. `rejects` are held, `malformed` can only be buried; `broken` counts rows by rule. `valid`: rows, by lane."""

    rows: int = 0
    accepted: int = 0
    rejects: list[Reject] = field(default_factory=list)
    malformed: list[tuple[Delivery, str]] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    valid: list[tuple[Lane, Series]] = field(default_factory=list)
    newest_received: int = 0


class Judge:
    """Judges one kind of message."""

    def __init__(self, kind: Kind, streams: Streams, archive: Archive, now: Callable[[], int]) -> None:
        self.kind = kind
        self._streams = streams
        self._archive = archive
        self._now = now
        self._watches: OrderedDict[Lane, Watch] = OrderedDict()

    def afresh(self) -> "Judge":
        """Another of the same kind, that remembers nothing."""
        return Judge(self.kind, self._streams, self._archive, self._now)

    async def process(self, deliveries: Sequence[Delivery], *, overwrite: bool = False) -> Outcome:
        """Archive what is sound, then pass it on. Raises ArchiveUnavailable, ArchiveRefused, StreamUnavailable and StreamFull; then the whole of it may be done again."""
        outcome = Outcome()
        lanes: defaultdict[Lane, list[tuple[Delivery, Any]]] = defaultdict(list)
        for delivery in deliveries:
            try:
                lane, event = self.kind.event(delivery.data)
            except Malformed as error:
                outcome.malformed.append((delivery, str(error)))
            else:
                lanes[lane].append((delivery, event))
        messages: list[Message] = []
        for lane, members in lanes.items():
            messages += await self._archived(lane, members, outcome, overwrite=overwrite)
        if self.kind.valid is not None and messages:
            await self._streams.publish(self.kind.valid.name, messages)
        return outcome

    async def _archived(
        self, lane: Lane, members: list[tuple[Delivery, Any]], outcome: Outcome, *, overwrite: bool
    ) -> list[Message]:
        """What is to be passed on of one lane."""
        series, owner, received = self.kind.series(lane, [event for _, event in members])
        masks = self.kind.judge(await self._watch(lane, series), series, received)
        reasons: dict[int, set[str]] = {
            int(row): _names(self.kind, int(masks[row])) for row in np.flatnonzero(masks & self.kind.refused)
        }
        sound = np.flatnonzero(masks & self.kind.refused == 0)
        for row in await self._differing(lane, series, sound, overwrite=overwrite):
            reasons[row] = {DIFFERS}
        self._account(lane, series, masks, received, reasons, outcome)
        refused = np.array(sorted(reasons), np.int64)
        for index in np.unique(owner[refused]):
            delivery, event = members[index]
            rows = refused[owner[refused] == index]
            why = sorted(set().union(*(reasons[int(row)] for row in rows)))
            first = int(np.searchsorted(owner, index))
            data = self.kind.refusal(delivery.data, event, rows - first)
            outcome.rejects.append(reject(self.kind.topic.name, data, why, self._now()))
        if self.kind.valid is None:
            return []
        name, keys = market_lane(*lane.market), self.kind.keys(series)
        return [Message(name, int(keys[row]), members[owner[row]][0].data) for row in sound if int(row) not in reasons]

    async def _differing(self, lane: Lane, series: Any, sound: Integers, *, overwrite: bool) -> list[int]:  # noqa: ANN401
        """Write the rows, and those in whose place the archive has others."""
        keys, differing = self.kind.keys(series), []
        for rows in _rounds(keys, sound):
            written = await self._archive_rows(lane, taken(series, rows), overwrite=overwrite)
            if written:
                differing += [int(row) for row in rows if int(keys[row]) in written]
        return differing

    async def _archive_rows(self, lane: Lane, series: Series, *, overwrite: bool) -> set[int]:
        written = await self.kind.write(self._archive, lane, series, overwrite=overwrite)
        return set(written.differing)

    async def _watch(self, lane: Lane, series: Series) -> Watch:
        watch = self._watches.get(lane)
        if watch is None:
            watch = self._watches[lane] = await self.kind.watch(lane, self._archive)
        else:
            await self.kind.remind(watch, lane, series, self._archive)
        self._watches.move_to_end(lane)
        if len(self._watches) > _LANES:
            self._watches.popitem(last=False)
        return watch

    def _account(
        self, lane: Lane, series: Any, masks: Masks, received: Integers, reasons: dict[int, set[str]], outcome: Outcome  # noqa: ANN401
    ) -> None:  # fmt: skip
        kept = np.array([row for row in range(len(masks)) if row not in reasons], np.int64)
        outcome.rows += len(masks)
        outcome.accepted += len(kept)
        outcome.newest_received = max(outcome.newest_received, int(received.max(initial=0)))
        outcome.valid.append((lane, taken(series, kept)))
        for mask, count in zip(*np.unique(masks, return_counts=True), strict=True):
            for rule in broken(int(mask), self.kind.rules):
                outcome.broken[rule.name] += int(count)
        outcome.broken[DIFFERS] += sum(DIFFERS in why for why in reasons.values())


def reject(topic: str, data: bytes, reasons: Sequence[str], now: int) -> Reject:
    """A message as it is held: once, however often it comes."""
    digest = hashlib.sha256(topic.encode() + b"\0" + data).hexdigest()[:32]
    return Reject(digest, topic, data, tuple(reasons), now)


def _names(kind: Kind, mask: int) -> set[str]:
    return {rule.name for rule in broken(mask & kind.refused, kind.rules)}


def _rounds(keys: Integers, rows: Integers) -> Iterator[Integers]:
    """The rows in as many parts as the most frequent key among them has rows, so that no part has a key twice."""
    while len(rows):
        _, first = np.unique(keys[rows], return_index=True)
        yield rows[np.sort(first)]
        rows = np.delete(rows, first)
