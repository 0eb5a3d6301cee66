"""Bars in PostgreSQL, as a store that runs read from: the same rows that the archive writes."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from tidewright.adapters.archive_input import check_bars, check_name
from tidewright.adapters.bar_merging import (
    check_absent,
    check_series,
    compared,
    conflict,
    description,
    known_of,
    no_market,
    union,
    united,
)
from tidewright.adapters.market_names import by_name
from tidewright.adapters.postgres.candles import read_candles, write_candles
from tidewright.adapters.postgres.database import Row, Transaction
from tidewright.adapters.postgres.funding import PostgresFunding
from tidewright.adapters.postgres.instruments import locked_series
from tidewright.domain.bars import Bars, Market
from tidewright.ports import Merged, Source, StoredMarket, StoreRefused, Stretch

_LIST = """
    SELECT s.id, i.exchange, i.symbol, s.timeframe, s.revision, s.described, s.description
    FROM series s JOIN instruments i ON i.id = s.instrument_id"""
_ONE = f"{_LIST} WHERE i.exchange = :exchange AND i.symbol = :symbol AND s.timeframe = :timeframe"
_SAVE = "UPDATE series SET described = revision, description = :description WHERE id = :series"


class PostgresBars(PostgresFunding):
    """A `BarStore` in a database. Writers of one market take turns. Beside what the port says, everything raises ArchiveUnavailable.

    What is known of a market (its digest above all) is stored with it. Where the archive has written since, it is worked out anew from all the bars, once
    in a process.
    """

    def __init__(self, url: str) -> None:
        """Raises UrlRefused."""
        super().__init__(url)
        self._known: dict[Market, tuple[int, StoredMarket]] = {}

    def read(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        async def work(transaction: Transaction) -> Bars:
            row = await self._row(transaction, market)
            return await read_candles(transaction, row["id"], market, start, end)

        return self._blocking.do(work)

    def merge(self, bars: Bars, source: Source, *, replace: bool = False) -> Merged:
        check_name(bars.market)
        check_series(bars)
        check_bars(bars)

        async def work(transaction: Transaction) -> Merged:
            series = await locked_series(transaction, bars.market)
            row = await self._row(transaction, bars.market)
            old = await read_candles(transaction, series, bars.market)
            same, differing = compared(old, bars)
            if len(differing) and not replace:
                raise StoreRefused(conflict(old, bars, differing))
            before = self._described(row, old) if len(old) else None
            added = len(bars) - same - len(differing)
            if before is not None and not added and not len(differing):
                return Merged(0, 0, same, before)
            await write_candles(transaction, series, bars, replace=replace)
            after = description(union(old, bars), before, source)
            await _save(transaction, series, after)
            return Merged(added, len(differing), same, after)

        return self._blocking.do(work)

    def record_absent(self, market: Market, absent: Sequence[Stretch]) -> StoredMarket:
        async def work(transaction: Transaction) -> StoredMarket:
            await self._row(transaction, market)
            series = await locked_series(transaction, market)
            row = await self._row(transaction, market)
            bars = await read_candles(transaction, series, market)
            check_absent(bars, absent)
            before = self._described(row, bars)
            after = replace(before, absent=united((*before.absent, *absent)))
            await _save(transaction, series, after)
            return after

        return self._blocking.do(work)

    def markets(self) -> list[StoredMarket]:
        async def work(transaction: Transaction) -> list[StoredMarket]:
            rows = sorted(await transaction.rows(_LIST), key=lambda row: by_name(_market(row)))
            return [await self._description(transaction, row) for row in rows]

        return self._blocking.do(work)

    def describe(self, market: Market) -> StoredMarket:
        async def work(transaction: Transaction) -> StoredMarket:
            return await self._description(transaction, await self._row(transaction, market))

        return self._blocking.do(work)

    async def _row(self, transaction: Transaction, market: Market) -> Row:
        check_name(market)
        row = await transaction.row(_ONE, **market._asdict())
        if row is None:
            known = [_market(other) for other in await transaction.rows(_LIST)]
            raise no_market(market, self._blocking.place, known)
        return row

    async def _description(self, transaction: Transaction, row: Row) -> StoredMarket:
        """Without reading the bars, where that can be."""
        market = _market(row)
        if row["described"] == row["revision"]:
            return _stored(market, row["description"])
        revision, known = self._known.get(market, (None, StoredMarket(market)))
        if revision == row["revision"]:
            return known
        return self._described(row, await read_candles(transaction, row["id"], market))

    def _described(self, row: Row, bars: Bars) -> StoredMarket:
        market = _market(row)
        before = _stored(market, row["description"]) if row["description"] else None
        if before is not None and row["described"] == row["revision"]:
            return before
        found = known_of(bars, before)
        self._known[market] = row["revision"], found
        return found


async def _save(transaction: Transaction, series: int, known: StoredMarket) -> None:
    told = asdict(known)
    del told["market"]
    await transaction.execute(_SAVE, series=series, description=json.dumps(told))


def _market(row: Row) -> Market:
    return Market(row["exchange"], row["symbol"], row["timeframe"])


def _stored(market: Market, told: dict[str, Any]) -> StoredMarket:
    sources = tuple(Source(**source) for source in told["sources"])
    absent = tuple(Stretch(*stretch) for stretch in told["absent"])
    return StoredMarket(market, **{**told, "sources": sources, "absent": absent})
