"""Funding rates in PostgreSQL."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from tidewright.adapters.archive_input import check_name
from tidewright.adapters.funding_merging import (
    check_rates,
    compared,
    conflict,
    description,
    no_funding,
    series_of,
    union,
)
from tidewright.adapters.postgres.blocking import Blocking
from tidewright.adapters.postgres.connection import Address
from tidewright.adapters.postgres.database import Database, Transaction
from tidewright.adapters.postgres.instants import moment, stamps, times
from tidewright.adapters.postgres.instruments import instrument_id, locked_instrument
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import due_times
from tidewright.ports import MergedFunding, Source, StoredFunding, StoreRefused

_READ = "SELECT time, rate FROM funding_rates WHERE instrument_id = $1 ORDER BY due"
_LIST = "SELECT i.exchange, i.symbol, f.description FROM funding_series f JOIN instruments i ON i.id = f.instrument_id"
_DESCRIBE = "SELECT description FROM funding_series WHERE instrument_id = :instrument"
_SAVE = """
    INSERT INTO funding_series (instrument_id, description) VALUES (:instrument, :description)
    ON CONFLICT (instrument_id) DO UPDATE SET description = excluded.description"""
_REMOVE = "DELETE FROM funding_rates WHERE instrument_id = :instrument AND due = ANY(:due)"


class PostgresFunding:
    """A `FundingStore` in a database. Writers of one symbol take turns. Beside what the port says, everything raises ArchiveUnavailable."""

    def __init__(self, url: str) -> None:
        """Raises UrlRefused."""
        self._blocking = Blocking(Database(Address(url), 0))

    def read_funding(self, exchange: str, symbol: str) -> Funding:
        async def work(transaction: Transaction) -> Funding:
            instrument, _ = await self._stored(transaction, exchange, symbol)
            return await _read(transaction, instrument)

        return self._blocking.do(work)

    def merge_funding(
        self, exchange: str, symbol: str, funding: Funding, source: Source, *, replace: bool = False
    ) -> MergedFunding:
        series = series_of(exchange, symbol)
        check_name(series)
        check_rates(series, funding)

        async def work(transaction: Transaction) -> MergedFunding:
            instrument = await locked_instrument(transaction, exchange, symbol)
            before = await _described(transaction, instrument)
            old = await _read(transaction, instrument)
            same, differing = compared(old, funding)
            if differing.any() and not replace:
                raise StoreRefused(conflict(series, old, funding, np.flatnonzero(differing)))
            replaced, unchanged = int(differing.sum()), int(same.sum())
            if before is not None and unchanged == len(same):
                return MergedFunding(0, 0, unchanged, before)
            new = Funding(funding.time[~same], funding.rate[~same])
            after = description(series, union(old, new), before, source)
            await _write(transaction, instrument, new, after)
            return MergedFunding(len(same) - unchanged - replaced, replaced, unchanged, after)

        return self._blocking.do(work)

    def stored_funding(self) -> list[StoredFunding]:
        async def work(transaction: Transaction) -> list[StoredFunding]:
            found = [_stored(row["description"]) for row in await transaction.rows(_LIST)]
            return sorted(found, key=lambda stored: (stored.exchange, stored.symbol))

        return self._blocking.do(work)

    def describe_funding(self, exchange: str, symbol: str) -> StoredFunding:
        async def work(transaction: Transaction) -> StoredFunding:
            return (await self._stored(transaction, exchange, symbol))[1]

        return self._blocking.do(work)

    async def _stored(self, transaction: Transaction, exchange: str, symbol: str) -> tuple[int, StoredFunding]:
        instrument = await instrument_id(transaction, exchange, symbol)
        found = None if instrument is None else await _described(transaction, instrument)
        if instrument is None or found is None:
            known = [series_of(row["exchange"], row["symbol"]) for row in await transaction.rows(_LIST)]
            raise no_funding(series_of(exchange, symbol), self._blocking.place, known)
        return instrument, found


async def _read(transaction: Transaction, instrument: int) -> Funding:
    columns = await transaction.copy_out(_READ, {"time": np.int64, "rate": np.float64}, instrument)
    return Funding(times(columns["time"]), columns["rate"])


async def _described(transaction: Transaction, instrument: int) -> StoredFunding | None:
    found = await transaction.value(_DESCRIBE, instrument=instrument)
    return None if found is None else _stored(found)


async def _write(transaction: Transaction, instrument: int, new: Funding, after: StoredFunding) -> None:
    due = due_times(new)
    await transaction.execute(_SAVE, instrument=instrument, description=json.dumps(asdict(after)))
    await transaction.execute(_REMOVE, instrument=instrument, due=[moment(int(time)) for time in due])
    columns = {"due": stamps(due), "time": stamps(new.time), "rate": new.rate}
    owner = np.full(len(due), instrument, np.int32)
    await transaction.copy_in("funding_rates", {"instrument_id": owner, **columns})


def _stored(told: dict[str, Any]) -> StoredFunding:
    return StoredFunding(**{**told, "sources": tuple(Source(**source) for source in told["sources"])})
