"""Trades as rows of `trades`, by binary COPY. An id is one trade's whatever its time, so the rows that are there are looked up by id in every partition."""

import numpy as np

from tidewright.adapters.postgres.database import Transaction
from tidewright.adapters.postgres.instants import moment, stamps, times, truncated
from tidewright.domain.tape import TAPE_COLUMNS, Tape
from tidewright.ports import Written

_KINDS = {"id": np.int64, "time": np.int64, "price": np.float64, "quantity": np.float64, "buyer_is_maker": np.bool_}
_NAMES = ", ".join(TAPE_COLUMNS)
_SAME_BITS = """
    t.time = i.time AND t.buyer_is_maker = i.buyer_is_maker
    AND float8send(t.price) = float8send(i.price) AND float8send(t.quantity) = float8send(i.quantity)"""

_INCOMING = """
    CREATE TEMP TABLE IF NOT EXISTS incoming_trades (
        id bigint, time timestamptz, price float8, quantity float8, buyer_is_maker boolean
    ) ON COMMIT DELETE ROWS"""
_ADD = f"""
    INSERT INTO trades (instrument_id, {_NAMES}) SELECT DISTINCT ON (id) :instrument, {_NAMES} FROM incoming_trades
    WHERE id NOT IN (SELECT id FROM trades WHERE instrument_id = :instrument AND id BETWEEN :first AND :last)
    ORDER BY id, ctid"""  # noqa: S608 - columns of ours
_DIFFERING = f"""
    SELECT i.id FROM incoming_trades i JOIN trades t ON t.id = i.id
    WHERE t.instrument_id = :instrument AND t.id BETWEEN :first AND :last AND NOT ({_SAME_BITS}) ORDER BY 1"""  # noqa: S608
_READ = f"""
    SELECT {_NAMES} FROM trades WHERE instrument_id = $1 AND id >= $2 AND id <= $3 ORDER BY id"""  # noqa: S608
_IDS = np.iinfo(np.int64)


async def write_trades(transaction: Transaction, instrument: int, tape: Tape) -> Written:
    """As `Archive.write_tape`, at least one, of an instrument that is locked; of several trades with one id the first is taken."""
    months = [moment(int(time)) for time in np.unique(truncated(tape.time, "M"))]
    where = {"instrument": instrument, "first": int(tape.id.min()), "last": int(tape.id.max())}
    await transaction.value("SELECT ensure_partitions('trades', :months)", months=months)
    await transaction.execute(_INCOMING)
    columns = {name: getattr(tape, name) for name in TAPE_COLUMNS} | {"time": stamps(tape.time)}
    await transaction.copy_in("incoming_trades", columns)
    added = await transaction.execute(_ADD, **where)
    differing = [] if added == len(tape) else await transaction.rows(_DIFFERING, **where)
    return Written(added, len(tape) - added - len(differing), tuple(sorted({int(row["id"]) for row in differing})))


async def read_trades(
    transaction: Transaction, instrument: int, first: int | None = None, last: int | None = None
) -> Tape:
    """As `Archive.read_tape`."""
    ids = _IDS.min if first is None else first, _IDS.max if last is None else last
    columns = await transaction.copy_out(_READ, _KINDS, instrument, *map(int, ids))
    columns["time"] = times(columns["time"])
    return Tape(**columns)


async def newest_trade(transaction: Transaction, instrument: int) -> int | None:
    """The highest id."""
    found: int | None = await transaction.value(
        "SELECT max(id) FROM trades WHERE instrument_id = :instrument", instrument=instrument
    )
    return found


def no_trades() -> Tape:
    """A tape without any."""
    return Tape(**{name: np.empty(0, kind) for name, kind in _KINDS.items()})
