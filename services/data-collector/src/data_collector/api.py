"""What Binance's REST interface is asked: its time, its symbols, and the past of a market. The weights are those of its documentation."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from data_collector.budget import Budget
from data_collector.messages import Bar, Garbled, Trade, bars_of, first_id_of, time_of, trades_of
from tidewright.adapters.exchange.binance import SPOT, binance_symbol
from tidewright.adapters.exchange.http import Http, Rejected, Unavailable
from tidewright.adapters.exchange.source import UnknownSymbol

PAGE = 1_000
"""The most trades or bars in one answer."""

REFUSALS = (Unavailable, Rejected, Garbled)
"""What asking again may change."""

_UNKNOWN = '"code":-1121'

_Told = TypeVar("_Told")
_Parameters = dict[str, str | int]


class BinanceApi:
    """One attempt a question, within the budget. Everything raises Unavailable, Rejected, Garbled and UnknownSymbol.

    `http` makes one attempt only, and keeps everybody waiting while the exchange asks to be left alone.
    """

    def __init__(self, http: Http, url: str, budget: Budget) -> None:
        self._http = http
        self._url = url.rstrip("/") + SPOT.rest_path
        self._budget = budget

    async def time(self) -> int:
        return await self._asked(time_of, "time", 1)

    async def check(self, symbol: str) -> None:
        """Raises UnknownSymbol for one that is not traded."""
        await self._asked(lambda told: told, "exchangeInfo", 20, symbol=binance_symbol(symbol))

    async def newest_trade(self, symbol: str) -> Trade | None:
        trades = await self._asked(
            partial(trades_of, symbol=symbol), "trades", 25, symbol=binance_symbol(symbol), limit=1
        )
        return trades[-1] if trades else None

    async def trades(self, symbol: str, first: int) -> list[Trade]:
        """Up to a page of them, from an id on."""
        about: _Parameters = {"symbol": binance_symbol(symbol), "fromId": first, "limit": PAGE}
        trades = await self._asked(partial(trades_of, symbol=symbol), "historicalTrades", 25, **about)
        return [trade for trade in trades if trade.id >= first]

    async def first_trade(self, symbol: str, time: int) -> int | None:
        """The id of the first trade at a time or later."""
        return await self._asked(first_id_of, "aggTrades", 4, symbol=binance_symbol(symbol), startTime=time, limit=1)

    async def bars(self, symbol: str, timeframe: str, first: int) -> list[Bar]:
        """Up to a page of those that open at a time or later; the last one may not be over."""
        about: _Parameters = {
            "symbol": binance_symbol(symbol),
            "interval": timeframe,
            "startTime": first,
            "limit": PAGE,
        }
        bars = await self._asked(partial(bars_of, symbol=symbol, timeframe=timeframe), "klines", 2, **about)
        return [bar for bar in bars if bar.time >= first]

    async def _asked(self, read: Callable[[Any], _Told], path: str, weight: int, **parameters: str | int) -> _Told:
        await self._budget.spend(weight)
        try:
            return read(await self._http.json(f"{self._url}/{path}", parameters))
        except Rejected as error:
            if _UNKNOWN in error.body.replace(" ", ""):
                symbol = parameters.get("symbol")
                raise UnknownSymbol(f"Binance's spot market trades no {symbol}; write a symbol as BTC/USDT") from error
            raise
