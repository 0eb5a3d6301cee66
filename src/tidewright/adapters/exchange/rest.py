"""Binance's REST interface: its clock, its bars, its trades as bars, and its funding rates."""

from typing import Any, NamedTuple

import numpy as np

from tidewright.adapters.exchange.binance import SPOT, Kind, binance_symbol, milliseconds_of, venue_of
from tidewright.adapters.exchange.http import Http, Rejected
from tidewright.adapters.exchange.source import UnknownSymbol, bars_of_rows
from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import unusable
from tidewright.domain.resampling import Ticks, bars_of
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Stretch

_PAGE = 1_000
_LONGEST_OF_TRADES = 3_600_000
"""A request for trades may name an hour at most."""

_UNKNOWN_SYMBOL = '"code":-1121'


class _Trade(NamedTuple):
    number: int
    time: int
    price: float
    quantity: float


class BinanceRest:
    """A `BarSource`: one market on Binance, over REST."""

    def __init__(self, http: Http, url: str, market: Market, kind: Kind) -> None:
        self._http = http
        self._market = market
        self._kind = kind
        self._url = url.rstrip("/") + venue_of(market.symbol).rest_path
        self._symbol = binance_symbol(market.symbol)
        step = milliseconds(market.timeframe)
        self.longest = _PAGE * step if kind is Kind.KLINES else max(step, _LONGEST_OF_TRADES)
        # Trades of the futures are given out for a year only.
        self.proves_absence = kind is Kind.KLINES or venue_of(market.symbol) is SPOT
        self.name = f"{kind} of {self._symbol} from {url.partition('://')[2]}"

    async def now(self) -> int:
        answer = await self._http.json(f"{self._url}/time", {})
        if not isinstance(answer, dict) or not isinstance(answer.get("serverTime"), int):
            raise Rejected(f"{self._url}/time answers with no time: {answer!r:.100}")
        return int(answer["serverTime"])

    async def first(self, start: int) -> int | None:
        rows = await self._rows(Kind.KLINES, {"interval": self._market.timeframe, "startTime": start, "limit": 1})
        return int(rows[0][0]) if rows else None

    async def bars(self, window: Stretch) -> Bars:
        if self._kind is Kind.TRADES:
            return await self._bars_of_trades(window)
        span = {"startTime": window.start, "endTime": window.end - 1, "limit": _PAGE}
        rows = await self._rows(Kind.KLINES, {"interval": self._market.timeframe, **span})
        return bars_of_rows(rows, self._market, window, self.name)

    async def _bars_of_trades(self, window: Stretch) -> Bars:
        trades: list[_Trade] = []
        for start in range(window.start, window.end, _LONGEST_OF_TRADES):
            trades += await self._trades_within(Stretch(start, min(start + _LONGEST_OF_TRADES, window.end)))
        ticks = Ticks(
            milliseconds_of(np.array([trade.time for trade in trades], np.int64)),
            np.array([trade.price for trade in trades], np.float64),
            np.array([trade.quantity for trade in trades], np.float64),
        )
        try:
            return bars_of(ticks, self._market)
        except ValueError as error:
            raise Rejected(f"{self.name}: {error}") from error

    async def _trades_within(self, hour: Stretch) -> list[_Trade]:
        """By time to find the first ones, and by number from there on, because many can be of one millisecond."""
        trades = page = await self._trades({"startTime": hour.start, "endTime": hour.end - 1})
        while len(page) == _PAGE and page[-1].time < hour.end:
            page = await self._trades({"fromId": page[-1].number + 1})
            if page and page[0].number <= trades[-1].number:
                raise Rejected(f"{self.name}: trade {page[0].number} comes after trade {trades[-1].number}")
            trades = trades + page
        return [trade for trade in trades if hour.start <= trade.time < hour.end]

    async def _trades(self, parameters: dict[str, str | int]) -> list[_Trade]:
        rows = await self._rows(Kind.TRADES, {**parameters, "limit": _PAGE})
        try:
            return [_Trade(int(row["a"]), int(row["T"]), float(row["p"]), float(row["q"])) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise Rejected(f"{self.name}: the answer holds no trades ({error!r})") from error

    async def funding(self, window: Stretch, most: int = _PAGE) -> Funding:
        """The first `most` funding rates, of a page at most, that were published within a stretch, its end included."""
        rows = await self._rows(Kind.FUNDING, {"startTime": window.start, "endTime": window.end, "limit": most})
        try:
            time = np.array([int(row["fundingTime"]) for row in rows], np.int64)
            rate = np.array([float(row["fundingRate"]) for row in rows], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise Rejected(f"{self.name}: the answer holds no funding rates ({error!r})") from error
        if len(unusable(rate)) or np.any(np.diff(time, prepend=window.start - 1) <= 0):
            raise Rejected(f"{self.name}: the answer is broken: its rates are none, or their times do not ascend")
        return Funding(time, rate)

    async def _rows(self, kind: Kind, parameters: dict[str, str | int]) -> list[Any]:
        try:
            rows = await self._http.json(f"{self._url}/{kind}", {"symbol": self._symbol, **parameters})
        except Rejected as error:
            if _UNKNOWN_SYMBOL in error.body.replace(" ", ""):
                raise UnknownSymbol(
                    f"Binance knows no {self._symbol} on this market; write the symbol as base/quote, as in BTC/USDT"
                ) from error
            raise
        if not isinstance(rows, list):
            raise Rejected(f"{self._url}/{kind} answers with something else than a list: {rows!r:.100}")
        return rows
