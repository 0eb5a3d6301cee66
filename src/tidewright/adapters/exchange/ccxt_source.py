"""Exchanges other than Binance, through ccxt. The one module that imports it; import it where such an exchange is asked for."""

import asyncio
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ccxt

from tidewright.adapters.exchange.http import Pace, Patience, Rejected, Unavailable
from tidewright.adapters.exchange.source import UnknownSymbol, bars_of_rows
from tidewright.domain.bars import Bars, Market
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Stretch

_T = TypeVar("_T")
_PAGE = 500


class CcxtSource:
    """A `BarSource` of any exchange that ccxt knows; `url`, if given, stands for every host of the exchange.

    How many bars an answer has, and how far back an exchange goes, differs and is not told: so what is missing in an answer proves nothing.
    """

    longest: int
    proves_absence = False

    def __init__(self, market: Market, url: str | None, patience: Patience, pace: Pace) -> None:
        if market.exchange not in ccxt.exchanges:
            near = get_close_matches(market.exchange, ("binance", *ccxt.exchanges), n=3)
            hint = f"; the nearest are {', '.join(near)}" if near else ""
            raise ValueError(f"{market.exchange!r} is no exchange that bars can be downloaded from{hint}")
        self._exchange: Any = getattr(ccxt, market.exchange)({"timeout": int(patience.timeout * 1000)})
        if market.timeframe not in (self._exchange.timeframes or {}):
            offered = ", ".join(self._exchange.timeframes or {}) or "none"
            raise ValueError(f"{market.exchange} has no {market.timeframe} bars; it has {offered}")
        if url:
            self._exchange.urls["api"] = _moved(self._exchange.urls["api"], url.rstrip("/"))
        self._market = market
        self._patience = patience
        self._pace = pace
        self._turn = asyncio.Lock()
        self.longest = _PAGE * milliseconds(market.timeframe)
        self.name = f"{market.symbol} from {market.exchange} through ccxt"

    async def now(self) -> int:
        if not self._exchange.has.get("fetchTime"):
            raise Rejected(f"{self._market.exchange} does not tell the time")
        return int(await self._tried(self._exchange.fetch_time))

    async def first(self, start: int) -> int | None:
        """Not known: exchanges answer this in too many ways."""
        return start

    async def bars(self, window: Stretch) -> Bars:
        step = milliseconds(self._market.timeframe)
        rows: list[Any] = []
        since = window.start
        while since < window.end:
            limit = (window.end - since) // step
            page = await self._tried(lambda since=since, limit=limit: self._fetched(since, limit))  # type: ignore[misc]
            fresh = [row for row in page if row[0] >= since]
            if not fresh:
                break
            rows += fresh
            since = fresh[-1][0] + step
        return bars_of_rows(rows, self._market, window, self.name)

    def _fetched(self, since: int, limit: int) -> list[Any]:
        return list(self._exchange.fetch_ohlcv(self._market.symbol, self._market.timeframe, since, limit))

    async def _tried(self, call: Callable[[], _T]) -> _T:
        reason = ""
        for attempt in range(self._patience.attempts):
            try:
                async with self._turn:
                    return await asyncio.to_thread(call)
            except ccxt.BadSymbol as error:
                raise UnknownSymbol(f"{self._market.exchange} knows no {self._market.symbol} ({error})") from error
            except ccxt.NetworkError as error:
                reason = str(error)
            except ccxt.BaseError as error:
                raise Rejected(f"{self.name}: {error}") from error
            if attempt + 1 < self._patience.attempts:
                await self._pace.sleep(self._patience.pause(attempt, self._pace.draw()))
        raise Unavailable(f"{self.name}: {reason}, at attempt {self._patience.attempts}")


def _moved(urls: Any, to: str) -> Any:  # noqa: ANN401 - as nested as each exchange has it
    """The same addresses on another host."""
    if isinstance(urls, dict):
        return {name: _moved(url, to) for name, url in urls.items()}
    return to + urlsplit(urls).path if isinstance(urls, str) else urls
