"""The funding of a perpetual on Binance: what a store lacks of a period, in months from the archive, and the rest over REST."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tidewright.adapters.exchange.archive import Archive
from tidewright.adapters.exchange.binance import ArchiveFile, archive_file
from tidewright.adapters.exchange.coverage import months
from tidewright.adapters.exchange.http import Rejected, Unavailable
from tidewright.adapters.exchange.order import Order
from tidewright.adapters.exchange.ordered import in_order
from tidewright.adapters.exchange.rest import BinanceRest
from tidewright.adapters.exchange.source import UnknownSymbol
from tidewright.adapters.exchange.unpack import ArchiveRefused, unpacked_funding
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import between, due_times, unfunded
from tidewright.domain.instant import utc
from tidewright.domain.provenance import funding_digest
from tidewright.ports import FundingNotFound, FundingStore, Source, StoredFunding, Stretch

_SECOND = 1_000
_LATE = 499
"""How many milliseconds after it is due a rate may be published and still be of that second."""


@dataclass(slots=True)
class FundingOutcome:
    """What came of an order: its `period`, what is `stored` now, how many files and requests brought rates, and how many they added or replaced.

    `unrepaired` is where rates are missing still. `failed` says that a server did not answer, or answered what could not be taken; `notes` say
    what, and what else a reader should know.
    """

    period: Stretch
    stored: StoredFunding | None = None
    files: int = 0
    requests: int = 0
    added: int = 0
    replaced: int = 0
    unrepaired: list[Stretch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: bool = False


async def download_funding(
    order: Order,
    store: FundingStore,
    rest: BinanceRest,
    archive: Archive,
    clock: Callable[[], int],
    progress: Callable[[str, float], None],
) -> FundingOutcome:
    """Merges the rates of the order's symbol that fall due in its period into `store`.

    `clock` is this machine's, in milliseconds, for when the exchange's does not answer; `progress` is told each file's name and the share of the files
    that are done, in 0..1. Raises ValueError for a period that has not begun, LookupError for a symbol without funding in it, and what the store raises. A
    server that does not answer is no error: the outcome says what is missing for it.
    """
    return await _Run(order, store, rest, archive, progress).finished(clock)


class _File(NamedTuple):
    funding: Funding
    path: Path
    name: str
    digest: str


class _Run:
    def __init__(
        self,
        order: Order,
        store: FundingStore,
        rest: BinanceRest,
        archive: Archive,
        progress: Callable[[str, float], None],
    ) -> None:
        self._order = order
        self._store = store
        self._rest = rest
        self._archive = archive
        self._progress = progress
        self._contract = order.market.exchange, order.market.symbol
        self._outcome = FundingOutcome(Stretch(order.start, order.start))
        self._unknown: UnknownSymbol | None = None

    async def finished(self, clock: Callable[[], int]) -> FundingOutcome:
        now = await self._exchange_time(clock)
        start, end = self._order.start, now if self._order.end is None else min(self._order.end, now)
        if end <= start:
            raise ValueError(f"the period from {utc(start)} on has not begun at {utc(now)}; choose an earlier start")
        self._outcome.period = Stretch(start, end)
        await self._find_beginning()
        await self._from_archive(months(self._missing(), now))
        await self._from_rest()
        self._conclude()
        return self._outcome

    async def _exchange_time(self, clock: Callable[[], int]) -> int:
        try:
            return await self._rest.now()
        except (Unavailable, Rejected) as error:
            self._outcome.notes.append(
                f"the exchange's clock could not be asked, so this machine's was trusted: {error}"
            )
            return clock()

    async def _find_beginning(self) -> None:
        """So that years before a listing are not looked for file by file."""
        period, lacking = self._outcome.period, self._missing()
        if not lacking or lacking[0].start > period.start:
            return
        try:
            first = await self._rest.funding(period, most=1)
        except (Unavailable, Rejected, UnknownSymbol):
            return  # it is asked again later on, and what it says then is told
        if len(first.time):
            self._outcome.period = Stretch(max(period.start, int(due_times(first)[0])), period.end)

    async def _from_archive(self, lacking: list[Stretch]) -> None:
        files = [archive_file(self._order.market, self._order.kind, month) for month in lacking]

        async def take(file: _File | None) -> None:
            if file is None:
                return
            await self._merge(file.funding, Source(file.name, f"sha256:{file.digest}"))
            file.path.unlink(missing_ok=True)
            self._outcome.files += 1
            self._progress(file.name.rpartition("/")[2], self._outcome.files / len(files))

        await in_order(files, self._of_file, take, 2 * self._order.connections)

    async def _of_file(self, file: ArchiveFile) -> _File | None:
        try:
            found = await self._archive.fetch(file)
            if found is None:
                return None
            path, digest = found
            return _File(await asyncio.to_thread(unpacked_funding, path, file), path, file.path, digest)
        except (ArchiveRefused, Rejected, Unavailable) as error:
            self._fail(error)
            return None

    async def _from_rest(self) -> None:
        try:
            for start, end in self._missing():
                last = end + _LATE
                page = await self._rest.funding(Stretch(start, last))
                while len(page.time):
                    self._outcome.requests += 1
                    digest = funding_digest(*self._contract, page)
                    await self._merge(page, Source(f"{self._rest.name}, {utc(int(page.time[0]))}", digest))
                    page = await self._rest.funding(Stretch(int(page.time[-1]) + 1, last))
        except (Rejected, Unavailable) as error:
            self._fail(error)
        except UnknownSymbol as error:
            self._unknown = error

    async def _merge(self, funding: Funding, source: Source) -> None:
        period = self._outcome.period
        wanted = between(funding, period.start - 1, period.end)
        if len(wanted.time):
            merge = partial(self._store.merge_funding, *self._contract, wanted, source, replace=self._order.replace)
            merged = await asyncio.to_thread(merge)
            self._outcome.added += merged.added
            self._outcome.replaced += merged.replaced

    def _missing(self) -> list[Stretch]:
        """Holes, and what has come after the last stored rate."""
        period, stored = self._outcome.period, self._read()
        holes = [Stretch(*hole) for hole in unfunded(stored, *period)]
        if holes and holes[-1].end == period.end:
            return holes
        after = max(int(due_times(stored)[-1]) + _SECOND, period.start)
        return [*holes, Stretch(after, period.end)] if after < period.end else holes

    def _read(self) -> Funding:
        try:
            return self._store.read_funding(*self._contract)
        except FundingNotFound:
            return Funding(np.empty(0, np.int64), np.empty(0))

    def _fail(self, error: Exception) -> None:
        if str(error) not in self._outcome.notes:
            self._outcome.notes.append(str(error))
        self._outcome.failed = True

    def _conclude(self) -> None:
        outcome = self._outcome
        try:
            outcome.stored = self._store.describe_funding(*self._contract)
        except FundingNotFound:
            if not outcome.failed:
                exchange, symbol = self._contract
                raise self._unknown or LookupError(
                    f"{exchange} has no funding of {symbol} from {utc(outcome.period.start)} to {utc(outcome.period.end)}; "
                    "choose another --start or --end"
                ) from None
        outcome.unrepaired = [Stretch(*hole) for hole in unfunded(self._read(), *outcome.period)]
        if not (outcome.failed and outcome.unrepaired):
            self._archive.forget()
