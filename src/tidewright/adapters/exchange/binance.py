"""Binance's names: of its markets, hosts, files and requests."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np

from tidewright.domain.bars import Integers, Market
from tidewright.domain.timeframe import DAY
from tidewright.ports import Stretch

EXCHANGE = "binance"
ARCHIVE_URL = "https://data.binance.vision"
"""https://github.com/binance/binance-public-data describes it."""

_MICROSECONDS_FROM = 10**14


class Kind(StrEnum):
    """What is asked for, as Binance calls it: its own bars, its trades (those of one taker at one price are one), or funding rates."""

    KLINES = "klines"
    TRADES = "aggTrades"
    FUNDING = "fundingRate"


@dataclass(frozen=True, slots=True)
class Venue:
    """A market place of Binance: its folder in the archive, and where and below which path its REST interface is."""

    name: str
    folder: str
    rest_url: str
    rest_path: str


SPOT = Venue("spot", "data/spot", "https://data-api.binance.vision", "/api/v3")
USDM = Venue("usdm", "data/futures/um", "https://fapi.binance.com", "/fapi/v1")
VENUES = {venue.name: venue for venue in (SPOT, USDM)}


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A zip file of the archive, and the times that it is about."""

    path: str
    period: Stretch
    kind: Kind

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def venue_of(symbol: str) -> Venue:
    """BTC/USDT is traded on the spot market, BTC/USDT:USDT, settled in USDT, as a perpetual."""
    return USDM if ":" in symbol else SPOT


def binance_symbol(symbol: str) -> str:
    """``BTCUSDT`` for BTC/USDT and for BTC/USDT:USDT. Raises ValueError for a contract that is settled in its base."""
    pair, _, settled = symbol.partition(":")
    base, _, quote = pair.partition("/")
    if settled and settled != quote:
        raise ValueError(
            f"{symbol} is settled in {settled}; of Binance's futures those settled in the quote are known, {pair}:{quote}"
        )
    return base + quote


def archive_file(market: Market, kind: Kind, period: Stretch) -> ArchiveFile:
    """The file of a month, or of a day."""
    venue, symbol = venue_of(market.symbol), binance_symbol(market.symbol)
    first = datetime.fromtimestamp(period.start / 1000, UTC)
    length, date = ("daily", f"{first:%Y-%m-%d}") if period.end - period.start == DAY else ("monthly", f"{first:%Y-%m}")
    folder, label = (f"{symbol}/{market.timeframe}", market.timeframe) if kind is Kind.KLINES else (symbol, kind)
    return ArchiveFile(f"{venue.folder}/{length}/{kind}/{folder}/{symbol}-{label}-{date}.zip", period, kind)


def milliseconds_of(times: Integers) -> Integers:
    """Each by its magnitude: spot archives turn to microseconds on 2025-01-01, some of their files later than others."""
    converted: Integers = np.where(times >= _MICROSECONDS_FROM, times // 1000, times)
    return converted
