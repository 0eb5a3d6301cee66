"""One market's bars of a period into a store: from the archive first, and over the exchange's API what the archive lacks.

What the store holds decides what is asked for, so running it again asks for nothing twice, and going on after an interruption is
nothing special. A gap that the exchange has no bars for is recorded in the store and not asked for again.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import numpy as np

from tidewright.adapters.exchange.archive import Archive
from tidewright.adapters.exchange.batches import Batches, Part
from tidewright.adapters.exchange.binance import ArchiveFile, Kind, archive_file
from tidewright.adapters.exchange.coverage import closed, common, days, length, missing, months, windows, within
from tidewright.adapters.exchange.http import Rejected, Unavailable
from tidewright.adapters.exchange.order import Order, Outcome
from tidewright.adapters.exchange.ordered import in_order
from tidewright.adapters.exchange.source import BarSource, UnknownSymbol
from tidewright.adapters.exchange.unpack import ArchiveRefused, unpacked
from tidewright.domain.bars import COLUMNS, Bars, Integers
from tidewright.domain.instant import utc
from tidewright.domain.provenance import bars_digest
from tidewright.domain.timeframe import DAY, duration, milliseconds
from tidewright.ports import BarStore, MarketNotFound, StoredMarket, Stretch

_Item = TypeVar("_Item")

_SETTLED = DAY
"""What an exchange does not have this long after its time, it will never have."""

_LATE = 62 * DAY
"""A month that is not in the archive this long after its end is not looked for by day."""

_MOST_TRADES = 3 * DAY
"""More than this is not asked for trade by trade; a busy market has thousands of pages a day."""

_SKEW = 5_000


async def download(
    order: Order,
    store: BarStore,
    source: BarSource,
    archive: Archive | None,
    clock: Callable[[], int],
    progress: Callable[[str, float], None],
) -> Outcome:
    """Brings what `store` lacks of an order from `archive`, if there is one, and the rest from `source`.

    `clock` is this machine's, in milliseconds, and serves where the exchange's cannot be asked. `progress` is told what has just come and
    the share of the missing bars that has, in 0..1. Raises ValueError for a period in which no bar is over, LookupError for a market
    without bars, and what the store raises. A server that does not answer is no error: the outcome says what is missing for it.
    """
    return await _Run(order, store, source, archive, clock, progress).finished()


class _Run:
    def __init__(
        self,
        order: Order,
        store: BarStore,
        source: BarSource,
        archive: Archive | None,
        clock: Callable[[], int],
        progress: Callable[[str, float], None],
    ) -> None:
        self._order = order
        self._store = store
        self._source = source
        self._archive = archive
        self._clock = clock
        self._progress = progress
        self._step = milliseconds(order.market.timeframe)
        self._now = clock()
        self._outcome = Outcome(Stretch(order.start, order.start))
        self._in_archive: list[Stretch] = []
        self._asked: list[Stretch] = []
        self._silent: set[object] = set()
        self._unknown: UnknownSymbol | None = None
        self._wanted = self._got = 0
        self._read = ""
        self._times = np.empty(0, np.int64)

    async def finished(self) -> Outcome:
        self._now = await self._exchange_time()
        self._outcome.period = self._period()
        await self._find_beginning()
        self._wanted = max(1, length(self._missing()) // self._step)
        if self._archive:
            await self._from_archive(self._archive, months(self._missing(), self._now))
            lacking = days(self._missing(), self._now)
            await self._from_archive(self._archive, [day for day in lacking if self._by_day(day)])
        await self._from_source(self._missing())
        self._conclude()
        return self._outcome

    def _period(self) -> Stretch:
        order = self._order
        asked = Stretch(order.start, self._now if order.end is None else order.end)
        period = closed(asked, self._step, self._now)
        if period.start == period.end:
            raise ValueError(
                f"no {order.market.timeframe} bar opens from {utc(asked.start)} on, before {utc(asked.end)}, and is closed at {utc(self._now)}; "
                "choose an earlier start or a later end"
            )
        return period

    async def _exchange_time(self) -> int:
        local = self._clock()
        try:
            time = await self._source.now()
        except (Unavailable, Rejected) as error:
            self._outcome.notes.append(
                f"the exchange's clock could not be asked, so this machine's was trusted: {error}"
            )
            return local
        if abs(time - local) > _SKEW:
            side = "behind" if local < time else "ahead of"
            skew = timedelta(seconds=abs(time - local) // 1000)
            self._outcome.notes.append(f"this machine's clock is {skew} {side} the exchange's, which was trusted")
        return time

    async def _find_beginning(self) -> None:
        """So that years before a listing are not looked for file by file."""
        lacking = self._missing()
        if not lacking or lacking[0].start > self._outcome.period.start:
            return
        start, end = lacking[0]
        try:
            first = await self._source.first(start)
        except (Unavailable, Rejected, UnknownSymbol):
            return  # it is asked for bars later on, and what it says then is told
        self._found_absent([Stretch(start, end if first is None else min(max(first, start), end))])

    def _by_day(self, day: Stretch) -> bool:
        """Whether a day may be in the archive that its month's file lacks."""
        recent = self._now - day.end < _LATE
        return self._step <= DAY and (recent or any(start <= day.start < end for start, end in self._in_archive))

    async def _from_archive(self, archive: Archive, periods: list[Stretch]) -> None:
        files = [archive_file(self._order.market, self._order.kind, period) for period in periods]
        await self._merged(files, partial(self._of_file, archive))

    async def _of_file(self, archive: Archive, file: ArchiveFile) -> Part | None:
        try:
            if archive in self._silent or (found := await archive.fetch(file)) is None:
                return None
            path, digest = found
            bars = await asyncio.to_thread(unpacked, path, file, self._order.market)
        except (ArchiveRefused, Rejected, Unavailable) as error:
            self._fail(archive, error)
            return None
        self._in_archive.append(file.period)
        self._outcome.files += 1
        return Part(_taken(bars, within(bars.time, [self._outcome.period])), file.path, digest, path)

    async def _from_source(self, lacking: list[Stretch]) -> None:
        if self._order.kind is Kind.TRADES and length(lacking) > _MOST_TRADES:
            self._outcome.notes.append(
                f"more than {duration(_MOST_TRADES)} are missing, too much to ask for trade by trade"
            )
            return
        await self._merged(windows(lacking, self._source.longest), partial(self._of_window, lacking))

    async def _of_window(self, lacking: list[Stretch], window: Stretch) -> Part | None:
        source = self._source
        try:
            if source in self._silent:
                return None
            bars = await source.bars(window) if self._unknown is None else None
        except (Rejected, Unavailable) as error:
            self._fail(source, error)
            return None
        except UnknownSymbol as error:
            self._unknown, bars = error, None
        self._asked.append(window)
        if bars is None:
            return None
        self._outcome.requests += 1
        kept = _taken(bars, within(bars.time, common(lacking, [window])))
        return Part(kept, f"{source.name}, {utc(window.start)}", bars_digest(kept).removeprefix("sha256:"))

    async def _merged(self, items: Iterable[_Item], work: Callable[[_Item], Coroutine[Any, Any, Part | None]]) -> None:
        stored = self._stored()
        batches = Batches(self._store, stored.count if stored else 0, replace=self._order.replace)

        async def take(part: Part | None) -> None:
            if part is not None:
                await batches.add(part)
                self._got += len(part.bars)
                self._progress(part.name.rpartition("/")[2], min(1.0, self._got / self._wanted))

        try:
            await in_order(items, work, take, 2 * self._order.connections)
        finally:
            await batches.flush()
            self._outcome.added += batches.added
            self._outcome.replaced += batches.replaced

    def _stored(self) -> StoredMarket | None:
        try:
            return self._store.describe(self._order.market)
        except MarketNotFound:
            return None

    def _missing(self) -> list[Stretch]:
        stored, period = self._stored(), self._outcome.period
        if stored and stored.digest != self._read:
            self._times = self._store.read(self._order.market, period.start, period.end).time
            self._read = stored.digest
        absent = stored.absent if stored else ()
        return missing(self._times, self._step, period, (*absent, *self._outcome.absent))

    def _fail(self, server: object, error: Exception) -> None:
        if server not in self._silent:
            self._outcome.notes.append(str(error))
        if isinstance(error, Unavailable | Rejected):
            self._silent.add(server)
        self._outcome.failed = True

    def _found_absent(self, stretches: Iterable[Stretch]) -> None:
        if self._source.proves_absence:
            settled = (stretch for stretch in stretches if stretch.end <= self._now - _SETTLED)
            self._outcome.absent += [stretch for stretch in settled if stretch.start < stretch.end]

    def _conclude(self) -> None:
        outcome, market = self._outcome, self._order.market
        self._found_absent(common(self._missing(), self._asked))
        outcome.stored = self._stored()
        if outcome.stored and outcome.absent:
            outcome.stored = self._store.record_absent(market, outcome.absent)
        if outcome.stored is None and not outcome.failed:
            raise self._unknown or LookupError(
                f"{market.exchange} has no {market.timeframe} bars of {market.symbol} "
                f"from {utc(outcome.period.start)} to {utc(outcome.period.end)}; choose another --start or --end"
            )
        outcome.unrepaired = self._missing()
        if self._archive and not (outcome.failed and outcome.unrepaired):
            self._archive.forget()


def _taken(bars: Bars, rows: Integers) -> Bars:
    open_, high, low, close, volume = (getattr(bars, name)[rows] for name in COLUMNS)
    return Bars(bars.time[rows], open_, high, low, close, volume, bars.step, bars.market)
