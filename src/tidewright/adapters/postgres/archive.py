"""The archive in PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Self

from tidewright.adapters.archive_input import check_bars, check_tape
from tidewright.adapters.postgres.candles import newest_candle, no_bars, read_candles, write_candles
from tidewright.adapters.postgres.connection import Address
from tidewright.adapters.postgres.database import Database, Row
from tidewright.adapters.postgres.instants import moment, time_of
from tidewright.adapters.postgres.instruments import instrument_id, locked_instrument, locked_series, series_id
from tidewright.adapters.postgres.tape import newest_trade, no_trades, read_trades, write_trades
from tidewright.domain.bars import Bars, Market
from tidewright.domain.tape import Tape
from tidewright.ports import Reject, StoredReport, Written

_HOLD = """
    INSERT INTO quarantine (id, topic, data, reasons, rejected, attempts)
    VALUES (:id, :topic, :data, :reasons, :rejected, :attempts)
    ON CONFLICT (id) DO UPDATE SET reasons = excluded.reasons, attempts = quarantine.attempts + 1"""
_HELD = """
    SELECT * FROM quarantine WHERE id > :after AND (CAST(:topic AS text) IS NULL OR topic = :topic) ORDER BY id LIMIT :most"""
_SAVE = """
    INSERT INTO validation_reports (id, kind, subject, created, passed, content)
    VALUES (:id, :kind, :subject, :created, :passed, :content)
    ON CONFLICT (id) DO UPDATE SET
        kind = excluded.kind, subject = excluded.subject, created = excluded.created,
        passed = excluded.passed, content = excluded.content"""
_REPORT = "SELECT * FROM validation_reports WHERE id = :id"
_REPORTS = "SELECT * FROM validation_reports ORDER BY created DESC, id DESC LIMIT :most"


class PostgresArchive:
    """An `Archive` in a database. A write is one transaction: all of it, or nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def at(cls, url: str, most: int = 8) -> Self:
        """With up to `most` connections to the database of a URL, the first when it is needed. Raises UrlRefused."""
        return cls(Database(Address(url), most))

    async def check(self) -> None:
        """That it is there, and has this version's schema. Raises ArchiveUnavailable, and DatabaseRefused where somebody has to mend it."""
        async with self._database.transaction() as transaction:
            await transaction.value("SELECT 1")

    async def write_bars(self, bars: Bars, *, replace: bool = False) -> Written:
        check_bars(bars)
        if not len(bars):
            return Written(0, 0)
        async with self._database.transaction() as transaction:
            series = await locked_series(transaction, bars.market)
            return await write_candles(transaction, series, bars, replace=replace)

    async def write_tape(self, exchange: str, symbol: str, tape: Tape) -> Written:
        check_tape(exchange, symbol, tape)
        if not len(tape):
            return Written(0, 0)
        async with self._database.transaction() as transaction:
            instrument = await locked_instrument(transaction, exchange, symbol)
            return await write_trades(transaction, instrument, tape)

    async def read_bars(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        async with self._database.transaction() as transaction:
            series = await series_id(transaction, market)
            return no_bars(market) if series is None else await read_candles(transaction, series, market, start, end)

    async def read_tape(self, exchange: str, symbol: str, first: int | None = None, last: int | None = None) -> Tape:
        async with self._database.transaction() as transaction:
            instrument = await instrument_id(transaction, exchange, symbol)
            return no_trades() if instrument is None else await read_trades(transaction, instrument, first, last)

    async def newest_trade(self, exchange: str, symbol: str) -> int | None:
        async with self._database.transaction() as transaction:
            instrument = await instrument_id(transaction, exchange, symbol)
            return None if instrument is None else await newest_trade(transaction, instrument)

    async def newest_bar(self, market: Market) -> int | None:
        async with self._database.transaction() as transaction:
            series = await series_id(transaction, market)
            return None if series is None else await newest_candle(transaction, series)

    async def hold(self, rejects: Sequence[Reject]) -> None:
        # In the order of their ids, so that two who hold the same wait for each other and not in a ring.
        rows = [
            {
                "id": reject.id,
                "topic": reject.topic,
                "data": reject.data,
                "reasons": json.dumps(reject.reasons),
                "rejected": moment(reject.rejected_ms),
                "attempts": reject.attempts,
            }
            for reject in sorted(rejects, key=lambda reject: reject.id)
        ]
        async with self._database.transaction() as transaction:
            await transaction.execute_each(_HOLD, rows)

    async def held(self, most: int, *, topic: str | None = None, after: str = "") -> list[Reject]:
        async with self._database.transaction() as transaction:
            return [_reject(row) for row in await transaction.rows(_HELD, most=most, topic=topic, after=after)]

    async def release(self, ids: Sequence[str]) -> int:
        async with self._database.transaction() as transaction:
            return await transaction.execute("DELETE FROM quarantine WHERE id = ANY(:ids)", ids=sorted(set(ids)))

    async def save_report(self, report: StoredReport) -> None:
        row = {
            "id": report.id,
            "kind": report.kind,
            "subject": report.subject,
            "created": moment(report.created_ms),
            "passed": report.passed,
            "content": json.dumps(report.content, allow_nan=False),
        }
        async with self._database.transaction() as transaction:
            await transaction.execute(_SAVE, **row)

    async def report(self, report_id: str) -> StoredReport | None:
        async with self._database.transaction() as transaction:
            row = await transaction.row(_REPORT, id=report_id)
            return None if row is None else _report(row)

    async def reports(self, most: int) -> list[StoredReport]:
        async with self._database.transaction() as transaction:
            return [_report(row) for row in await transaction.rows(_REPORTS, most=most)]

    async def close(self) -> None:
        await self._database.close()


def _reject(row: Row) -> Reject:
    return Reject(
        row["id"], row["topic"], row["data"], tuple(row["reasons"]), time_of(row["rejected"]), row["attempts"]
    )


def _report(row: Row) -> StoredReport:
    return StoredReport(row["id"], row["kind"], row["subject"], time_of(row["created"]), row["passed"], row["content"])
