"""Which servers an order goes to: Binance's archive and API, or another exchange through ccxt."""

import time
from collections.abc import Callable
from pathlib import Path

from tidewright.adapters.atomic import locked
from tidewright.adapters.exchange.archive import Archive
from tidewright.adapters.exchange.binance import ARCHIVE_URL, EXCHANGE, USDM, Kind, venue_of
from tidewright.adapters.exchange.download import download
from tidewright.adapters.exchange.funding import FundingOutcome, download_funding
from tidewright.adapters.exchange.http import Http, Pace, Patience
from tidewright.adapters.exchange.order import Order, Outcome
from tidewright.adapters.exchange.rest import BinanceRest
from tidewright.adapters.market_names import file_path
from tidewright.domain.timeframe import DAY, milliseconds
from tidewright.ports import BarStore, FundingStore


def _now() -> int:
    return time.time_ns() // 1_000_000


async def fulfil(
    order: Order,
    store: BarStore,
    folder: Path,
    progress: Callable[[str, float], None] = lambda name, done: None,
    clock: Callable[[], int] = _now,
    patience: Patience | None = None,
    pace: Pace | None = None,
) -> Outcome:
    """Downloads what the store lacks of an order; `folder` keeps what is not merged yet, for this and for later runs.

    Two runs for one market do not get in each other's way: the second one ends at once with TimeoutError. Raises what
    `tidewright.adapters.exchange.download.download` raises, and ValueError for what the exchange does not offer.
    """
    market, patience, pace = order.market, patience or Patience(), pace or Pace()
    _check(order)
    folder = folder / file_path(market)
    with locked(folder / ".lock", timeout=0):
        if market.exchange != EXCHANGE:
            from tidewright.adapters.exchange.ccxt_source import CcxtSource  # noqa: PLC0415 - seconds, and an extra

            source = CcxtSource(market, order.rest_url, patience, pace)
            return await download(order, store, source, None, clock, progress)
        async with Http(order.connections, patience, pace) as http:
            rest = BinanceRest(http, order.rest_url or venue_of(market.symbol).rest_url, market, order.kind)
            archive = Archive(http, order.archive_url or ARCHIVE_URL, folder)
            return await download(order, store, rest, archive, clock, progress)


async def fulfil_funding(
    order: Order,
    store: FundingStore,
    folder: Path,
    progress: Callable[[str, float], None] = lambda name, done: None,
    clock: Callable[[], int] = _now,
    patience: Patience | None = None,
    pace: Pace | None = None,
) -> FundingOutcome:
    """Downloads the funding rates that the store lacks of an order; its market's timeframe does not count. The rest as in `fulfil`."""
    market = order.market
    if market.exchange != EXCHANGE or venue_of(market.symbol) is not USDM:
        raise ValueError(
            f"funding is downloaded of the perpetuals on {EXCHANGE} alone, such as BTC/USDT:USDT; "
            f"that of {market.symbol} on {market.exchange} can be imported: `tidewright data import FILE --funding`"
        )
    folder = folder / file_path(market._replace(timeframe="funding"))
    with locked(folder / ".lock", timeout=0):
        async with Http(order.connections, patience or Patience(), pace or Pace()) as http:
            rest = BinanceRest(http, order.rest_url or USDM.rest_url, market._replace(timeframe="8h"), order.kind)
            archive = Archive(http, order.archive_url or ARCHIVE_URL, folder)
            return await download_funding(order, store, rest, archive, clock, progress)


def _check(order: Order) -> None:
    if order.kind is Kind.KLINES:
        return
    if order.market.exchange != EXCHANGE:
        raise ValueError(
            f"bars are made of trades for {EXCHANGE} only; {order.market.exchange} is asked for its own bars"
        )
    if milliseconds(order.market.timeframe) > DAY:
        raise ValueError(
            f"bars of {order.market.timeframe} are not made of trades; make those of 1d, and longer ones with `tidewright data resample`"
        )
