"""Which servers an order goes to: Binance's archive and API, or another exchange through ccxt."""

import time
from collections.abc import Callable
from pathlib import Path

from tidewright.adapters.atomic import locked
from tidewright.adapters.exchange.archive import Archive
from tidewright.adapters.exchange.binance import ARCHIVE_URL, EXCHANGE, Kind, venue_of
from tidewright.adapters.exchange.download import download
from tidewright.adapters.exchange.http import Http, Pace, Patience
from tidewright.adapters.exchange.order import Order, Outcome
from tidewright.adapters.exchange.rest import BinanceRest
from tidewright.adapters.market_names import file_path
from tidewright.domain.timeframe import DAY, milliseconds
from tidewright.ports import BarStore


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
