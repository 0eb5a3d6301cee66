"""Instruments and series by their names, locked where somebody writes to them: writers of one take turns, so what a write says of its rows is exact."""

from tidewright.adapters.postgres.database import Transaction
from tidewright.domain.bars import Market
from tidewright.domain.timeframe import milliseconds

_INSTRUMENT = "SELECT id FROM instruments WHERE exchange = :exchange AND symbol = :symbol"
_SERIES = """
    SELECT s.id FROM series s JOIN instruments i ON i.id = s.instrument_id
    WHERE i.exchange = :exchange AND i.symbol = :symbol AND s.timeframe = :timeframe"""
_NEW_INSTRUMENT = "INSERT INTO instruments (exchange, symbol) VALUES (:exchange, :symbol) ON CONFLICT DO NOTHING"
_NEW_SERIES = """
    INSERT INTO series (instrument_id, timeframe, step) VALUES (:instrument, :timeframe, make_interval(secs => :seconds))
    ON CONFLICT DO NOTHING"""
_LOCKED = "FOR NO KEY UPDATE"


async def instrument_id(transaction: Transaction, exchange: str, symbol: str) -> int | None:
    """None where there is none."""
    found: int | None = await transaction.value(_INSTRUMENT, exchange=exchange, symbol=symbol)
    return found


async def series_id(transaction: Transaction, market: Market) -> int | None:
    """None where there is none."""
    found: int | None = await transaction.value(_SERIES, **market._asdict())
    return found


async def locked_instrument(transaction: Transaction, exchange: str, symbol: str) -> int:
    """Made where there is none; nobody else has its lock until the transaction ends."""
    name = {"exchange": exchange, "symbol": symbol}
    if (found := await transaction.value(f"{_INSTRUMENT} {_LOCKED}", **name)) is None:
        await transaction.execute(_NEW_INSTRUMENT, **name)
        found = await transaction.value(f"{_INSTRUMENT} {_LOCKED}", **name)
    return int(found)


async def locked_series(transaction: Transaction, market: Market) -> int:
    """Made where there is none; nobody else has its lock until the transaction ends."""
    if (found := await transaction.value(f"{_SERIES} {_LOCKED} OF s", **market._asdict())) is None:
        instrument = await locked_instrument(transaction, market.exchange, market.symbol)
        seconds = milliseconds(market.timeframe) / 1_000
        await transaction.execute(_NEW_SERIES, instrument=instrument, timeframe=market.timeframe, seconds=seconds)
        found = await transaction.value(f"{_SERIES} {_LOCKED} OF s", **market._asdict())
    return int(found)
