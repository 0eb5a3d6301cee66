"""The book of runs in PostgreSQL; the leaderboard is the view `run_leaderboard`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tidewright.adapters.postgres.connection import Address
from tidewright.adapters.postgres.database import Database, Row, Transaction
from tidewright.adapters.postgres.instants import moment, time_of
from tidewright.adapters.run_books import ascending
from tidewright.ports import RANKED_BY, FinishedRun, RunEntry

_TRADE = {
    "symbol": np.str_,
    "entryTime": np.int64,
    "exitTime": np.int64,
    "direction": np.int64,
    "quantity": np.float64,
    "entryPrice": np.float64,
    "exitPrice": np.float64,
    "fees": np.float64,
    "pnl": np.float64,
    "netReturn": np.float64,
    "adverse": np.float64,
    "favourable": np.float64,
    "reason": np.str_,
    "barsHeld": np.int64,
}
"""The columns of a run's trades, as its own table names them."""


def _column(name: str) -> str:
    """``entry_time`` for ``entryTime``."""
    return re.sub(r"(?=[A-Z])", "_", name).lower()


_SAVE = "INSERT INTO backtest_runs (id, digest, saved, record) VALUES (:id, :digest, :saved, :record) ON CONFLICT DO NOTHING"
_SAVE_TRADE = f"""
    INSERT INTO backtest_trades (run_id, digest, number, {", ".join(map(_column, _TRADE))})
    VALUES (:id, :digest, :number, {", ".join(f":{_column(name)}" for name in _TRADE)})"""  # noqa: S608 - columns of ours
_RUN = """
    SELECT id, digest, saved, record FROM backtest_runs WHERE id = :id AND (CAST(:digest AS text) IS NULL OR digest = :digest)
    ORDER BY saved DESC, digest DESC LIMIT 1"""
_TRADES = f"""
    SELECT {", ".join(map(_column, _TRADE))} FROM backtest_trades WHERE run_id = :id AND digest = :digest ORDER BY number"""  # noqa: S608
_ENTRIES = "SELECT * FROM run_leaderboard"


class PostgresRunBook:
    """A `RunBook` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def at(cls, url: str, most: int = 4) -> Self:
        """With up to `most` connections to the database of a URL, the first when it is needed. Raises UrlRefused."""
        return cls(Database(Address(url), most))

    async def save(self, run: FinishedRun) -> bool:
        key = {"id": run.id, "digest": run.digest}
        record = json.dumps(run.record, allow_nan=False)
        async with self._database.transaction() as transaction:
            new = await transaction.execute(_SAVE, **key, saved=moment(run.saved_ms), record=record) == 1
            if new:
                symbol = str(run.record["provenance"]["data"]["symbol"])
                await transaction.execute_each(_SAVE_TRADE, [key | row for row in _rows(run.trades, symbol)])
            return new

    async def run(self, run_id: str, digest: str | None = None) -> FinishedRun | None:
        async with self._database.transaction() as transaction:
            row = await transaction.row(_RUN, id=run_id, digest=digest)
            if row is None:
                return None
            trades = await transaction.rows(_TRADES, id=run_id, digest=row["digest"])
            names = [name for name in _TRADE if name != "symbol" or "symbols" in row["record"]]
            return FinishedRun(row["id"], row["record"], _table(trades, names), time_of(row["saved"]))

    async def runs(self, most: int) -> list[RunEntry]:
        async with self._database.transaction() as transaction:
            return await _entries(transaction, "saved DESC, id DESC, digest DESC", most)

    async def leaderboard(self, figure: str, most: int) -> list[RunEntry]:
        order = "ASC" if ascending(figure) else "DESC"
        async with self._database.transaction() as transaction:
            return await _entries(transaction, f"{_column(figure)} {order} NULLS LAST, id, digest", most)

    async def close(self) -> None:
        await self._database.close()


async def _entries(transaction: Transaction, order: str, most: int) -> list[RunEntry]:
    return [_entry(row) for row in await transaction.rows(f"{_ENTRIES} ORDER BY {order} LIMIT :most", most=most)]


def _entry(row: Row) -> RunEntry:
    return RunEntry(
        id=row["id"],
        digest=row["digest"],
        saved_ms=time_of(row["saved"]),
        name=row["name"],
        strategy=row["strategy"],
        exchange=row["exchange"],
        symbol=row["symbol"],
        timeframe=row["timeframe"],
        start=row["period_start"],
        end=row["period_end"],
        simulated=row["simulated"],
        figures={name: row[_column(name)] for name in RANKED_BY},
    )


def _rows(trades: Mapping[str, NDArray[Any]], symbol: str) -> Iterator[dict[str, object]]:
    """A run of one symbol does not name it in every trade."""
    count = len(trades["entryTime"])
    given = {"symbol": np.full(count, symbol)} | dict(trades)
    columns = [given[name].tolist() for name in _TRADE]
    for number, values in enumerate(zip(*columns, strict=True)):
        row = dict(zip(map(_column, _TRADE), values, strict=True))
        yield row | {"number": number, "entry_time": moment(row["entry_time"]), "exit_time": moment(row["exit_time"])}


def _table(rows: Sequence[Row], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    def values(name: str) -> list[object]:
        told = [row[_column(name)] for row in rows]
        return [time_of(value) for value in told] if name.endswith("Time") else told

    return {name: np.array(values(name), _TRADE[name]) for name in names}
