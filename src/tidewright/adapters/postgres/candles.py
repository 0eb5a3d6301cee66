"""Bars as rows of `candles`, by binary COPY: into a table of the transaction's own, and from there what is not there yet."""

import numpy as np

from tidewright.adapters.archive_input import EARLIEST, LATEST
from tidewright.adapters.postgres.database import Transaction
from tidewright.adapters.postgres.instants import moment, stamps, time_of, times, truncated
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Written

_KINDS = {"open_time": np.int64, **dict.fromkeys(COLUMNS, np.float64)}
_VALUES = ", ".join(COLUMNS)
_SAME_BITS = " AND ".join(f"float8send(c.{name}) = float8send(i.{name})" for name in COLUMNS)
"""For a float that equals itself, or is equal to another, may not be the same: NaN, -0.0."""

_INCOMING = """
    CREATE TEMP TABLE IF NOT EXISTS incoming_candles (
        open_time timestamptz, open float8, high float8, low float8, close float8, volume float8
    ) ON COMMIT DELETE ROWS"""
_CHANGE = f"""
    UPDATE candles c SET ({_VALUES}) = ROW ({", ".join(f"i.{name}" for name in COLUMNS)}) FROM incoming_candles i
    WHERE c.series_id = :series AND c.open_time = i.open_time AND c.open_time BETWEEN :first AND :last AND NOT ({_SAME_BITS})"""  # noqa: S608 - columns of ours
_ADD = f"""
    INSERT INTO candles (series_id, open_time, {_VALUES}) SELECT :series, open_time, {_VALUES} FROM incoming_candles
    ON CONFLICT DO NOTHING"""  # noqa: S608
_DIFFERING = f"""
    SELECT i.open_time FROM incoming_candles i JOIN candles c ON c.open_time = i.open_time
    WHERE c.series_id = :series AND c.open_time BETWEEN :first AND :last AND NOT ({_SAME_BITS}) ORDER BY 1"""  # noqa: S608
_READ = f"""
    SELECT open_time, {_VALUES} FROM candles
    WHERE series_id = $1 AND open_time >= $2 AND open_time < $3 ORDER BY open_time"""  # noqa: S608


async def write_candles(transaction: Transaction, series: int, bars: Bars, *, replace: bool = False) -> Written:
    """As `Archive.write_bars`, at least one, into a series that is locked; of several bars with one open time the first is taken, with `replace` the last."""
    if replace:
        bars = _last_of_each(bars)
    first, last = moment(int(bars.time.min())), moment(int(bars.time.max()))
    where = {"series": series, "first": first, "last": last}
    years = [moment(int(time)) for time in np.unique(truncated(bars.time, "Y"))]
    await transaction.value("SELECT ensure_partitions('candles', :years)", years=years)
    await transaction.execute(_INCOMING)
    columns = {"open_time": stamps(bars.time), **{name: getattr(bars, name) for name in COLUMNS}}
    await transaction.copy_in("incoming_candles", columns)
    changed = await transaction.execute(_CHANGE, **where) if replace else 0
    added = await transaction.execute(_ADD, series=series)
    differing = [] if added == len(bars) or replace else await transaction.rows(_DIFFERING, **where)
    if added or changed:
        await transaction.execute("UPDATE series SET revision = revision + 1 WHERE id = :series", series=series)
    keys = sorted({time_of(row["open_time"]) for row in differing})
    return Written(added + changed, len(bars) - added - changed - len(differing), tuple(keys))


async def read_candles(
    transaction: Transaction, series: int, market: Market, start: int | None = None, end: int | None = None
) -> Bars:
    """As `Archive.read_bars`."""
    period = moment(EARLIEST if start is None else start), moment(LATEST if end is None else end)
    columns = await transaction.copy_out(_READ, _KINDS, series, *period)
    time = times(columns.pop("open_time"))
    return Bars(time=time, **columns, step=milliseconds(market.timeframe), market=market)


async def newest_candle(transaction: Transaction, series: int) -> int | None:
    """The latest open time in a series."""
    found = await transaction.value("SELECT max(open_time) FROM candles WHERE series_id = :series", series=series)
    return None if found is None else time_of(found)


def no_bars(market: Market) -> Bars:
    """A series without any."""
    columns = {name: np.empty(0) for name in COLUMNS}
    return Bars(time=np.empty(0, np.int64), **columns, step=milliseconds(market.timeframe), market=market)


def _last_of_each(bars: Bars) -> Bars:
    """In ascending time."""
    _, backwards = np.unique(bars.time[::-1], return_index=True)
    kept = len(bars) - 1 - backwards
    columns = {name: getattr(bars, name)[kept] for name in ("time", *COLUMNS)}
    return Bars(**columns, step=bars.step, market=bars.market)
