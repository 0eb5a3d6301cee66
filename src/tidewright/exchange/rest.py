"""Binance's public REST interface: what it answers at a moment of virtual time. It knows no network."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from tidewright.domain.timeframe import DAY
from tidewright.exchange.candles import INTERVALS
from tidewright.exchange.clock import ExchangeClock
from tidewright.exchange.decimals import written
from tidewright.exchange.exchange_info import exchange_info
from tidewright.exchange.limits import WEIGHT_PER_MINUTE
from tidewright.exchange.markets import ExchangeMarket

Query = Mapping[str, str]
_PATH = "/api/v3/"
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))


class ApiError(Exception):
    """A refusal in Binance's own words; https://developers.binance.com/docs/binance-spot-api-docs/errors lists the codes."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "msg": message}


class Rest:
    """Answers for some markets at the time of `clock`."""

    def __init__(
        self, markets: Mapping[str, ExchangeMarket], clock: ExchangeClock, weight_limit: int = WEIGHT_PER_MINUTE
    ) -> None:
        self._markets, self._clock, self._weight_limit = markets, clock, weight_limit
        self._endpoints: dict[str, tuple[Callable[[Query], Any], Callable[[Query], int]]] = {
            "ping": (lambda query: {}, _costs(1)),
            "time": (lambda query: {"serverTime": clock.milliseconds()}, _costs(1)),
            "exchangeInfo": (self._info, _costs(20)),
            "klines": (self._klines, _costs(2)),
            "uiKlines": (self._klines, _costs(2)),
            "aggTrades": (self._aggregates, _costs(4)),
            "trades": (self._recent_trades, _costs(25)),
            "historicalTrades": (self._trades, _costs(25)),
            "depth": (self._depth, _depth_weight),
            "ticker/24hr": (self._day, self._per_symbol(2, 80)),
            "ticker/price": (self._price, self._per_symbol(2, 4)),
            "ticker/bookTicker": (self._top, self._per_symbol(2, 4)),
        }

    def weight(self, path: str, query: Query) -> int:
        """What a request costs; 1 for one that is refused anyway."""
        endpoint = self._endpoints.get(path.removeprefix(_PATH))
        return endpoint[1](query) if endpoint and path.startswith(_PATH) else 1

    def answer(self, path: str, query: Query) -> Any:  # noqa: ANN401 - as JSON has it
        """Raises ApiError; LookupError for a path that there is not."""
        if not path.startswith(_PATH) or path.removeprefix(_PATH) not in self._endpoints:
            raise LookupError(path)
        return self._endpoints[path.removeprefix(_PATH)][0](query)

    def _info(self, query: Query) -> dict[str, Any]:
        return exchange_info(self._asked(query), self._clock.milliseconds(), self._weight_limit)

    def _klines(self, query: Query) -> list[Any]:
        market, limit = self._market(query), _limit(query, 500, 1_000)
        interval = query.get("interval") or _lacking("interval")
        if interval not in INTERVALS:
            raise ApiError(400, -1120, "Invalid interval.")
        candles, now = market.candles(interval), self._clock.milliseconds()
        start, end = _whole(query, "startTime"), _whole(query, "endTime")
        last = candles.begun(now)
        if end is not None:
            last = min(last, candles.since(end + 1))
        first = max(last - limit, 0) if start is None else candles.since(start)
        return [candles.row(candles.at(row, now)) for row in range(first, min(last, first + limit))]

    def _aggregates(self, query: Query) -> list[Any]:
        market, limit = self._market(query), _limit(query, 500, 1_000)
        aggregates = market.aggregates
        known = aggregates.happened(market.log.happened(self._clock.milliseconds()))
        start, end, number = (_whole(query, name) for name in ("startTime", "endTime", "fromId"))
        if number is not None and (start is not None or end is not None):
            raise ApiError(400, -1128, "Combination of optional parameters invalid.")
        if end is not None:
            known = min(known, aggregates.since(end + 1))
        if number is not None:
            first = max(number - aggregates.first_id, 0)
        else:
            first = max(known - limit, 0) if start is None else aggregates.since(start)
        return [aggregates.fields(row) for row in range(first, min(known, first + limit))]

    def _recent_trades(self, query: Query) -> list[Any]:
        return self._trades({name: value for name, value in query.items() if name != "fromId"})

    def _trades(self, query: Query) -> list[Any]:
        market, limit, number = self._market(query), _limit(query, 500, 1_000), _whole(query, "fromId")
        log, known = market.log, market.log.happened(self._clock.milliseconds())
        first = max(known - limit, 0) if number is None else int(np.searchsorted(log.id, number))
        return [
            {
                "id": int(log.id[row]),
                "price": log.priced(log.price[row]),
                "qty": log.sized(log.quantity[row]),
                "quoteQty": log.valued(log.quote[row]),
                "time": int(log.time[row]),
                "isBuyerMaker": bool(log.buyer_is_maker[row]),
                "isBestMatch": True,
            }
            for row in range(first, min(known, first + limit))
        ]

    def _depth(self, query: Query) -> dict[str, Any]:
        market, limit = self._market(query), _limit(query, 100, 5_000)
        depth = market.book.depth(self._clock.now(), limit)
        return {"lastUpdateId": depth.update, "bids": depth.bids, "asks": depth.asks}

    def _day(self, query: Query) -> Any:  # noqa: ANN401 - an object for a symbol, a list for several
        return self._each(query, self._day_of)

    def _day_of(self, market: ExchangeMarket) -> dict[str, Any]:
        log, now = market.log, self._clock.milliseconds()
        last, first = log.happened(now), log.happened(now - DAY)
        part, places = slice(first, last), log.price_places
        price = log.price[part]
        open_, close = (int(price[0]), int(price[-1])) if len(price) else (0, 0)
        volume, quote = int(log.volume[part].sum()), int(log.quote[part].sum())
        top = market.book.top(self._clock.now())
        before = int(log.price[first - 1]) if first else open_
        mean = quote * 10**8 // (volume * 10**places) if volume else 0
        change = (close - open_) * 100_000 // open_ if open_ else 0
        bid, ask = (top.bid, top.ask) if top else (("0.00000000",) * 2,) * 2
        return {
            "symbol": market.name,
            "priceChange": written(close - open_, places),
            "priceChangePercent": f"{change / 1_000:.3f}",
            "weightedAvgPrice": written(mean, 8),
            "prevClosePrice": written(before, places),
            "lastPrice": written(close, places),
            "lastQty": log.sized(log.quantity[last - 1]) if len(price) else "0.00000000",
            "bidPrice": bid[0],
            "bidQty": bid[1],
            "askPrice": ask[0],
            "askQty": ask[1],
            "openPrice": written(open_, places),
            "highPrice": written(int(price.max(initial=0)), places),
            "lowPrice": written(int(price.min()) if len(price) else 0, places),
            "volume": log.sized(volume),
            "quoteVolume": log.valued(quote),
            "openTime": now - DAY,
            "closeTime": now,
            "firstId": int(log.id[first]) if len(price) else -1,
            "lastId": int(log.id[last - 1]) if len(price) else -1,
            "count": last - first,
        }

    def _price(self, query: Query) -> Any:  # noqa: ANN401
        def price(market: ExchangeMarket) -> dict[str, Any]:
            last = market.log.happened(self._clock.milliseconds()) - 1
            return {
                "symbol": market.name,
                "price": market.log.priced(market.log.price[last]) if last >= 0 else "0.00000000",
            }

        return self._each(query, price)

    def _top(self, query: Query) -> Any:  # noqa: ANN401
        def top(market: ExchangeMarket) -> dict[str, Any]:
            best = market.book.top(self._clock.now())
            bid, ask = (best.bid, best.ask) if best else (("0.00000000",) * 2,) * 2
            return {"symbol": market.name, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}

        return self._each(query, top)

    def _each(self, query: Query, of: Callable[[ExchangeMarket], Any]) -> Any:  # noqa: ANN401
        markets = [of(market) for market in self._asked(query)]
        return markets[0] if "symbol" in query else markets

    def _asked(self, query: Query) -> Sequence[ExchangeMarket]:
        """The markets of `symbol` or of `symbols`, else all."""
        if "symbol" in query and "symbols" in query:
            raise ApiError(400, -1128, "Combination of optional parameters invalid.")
        if "symbol" in query:
            return [self._market(query)]
        if "symbols" not in query:
            return list(self._markets.values())
        if not re.fullmatch(r'\[("[A-Z0-9]{1,20}"(, ?"[A-Z0-9]{1,20}")*)?\]', query["symbols"]):
            _illegal("symbols", r'^\["[A-Z0-9]{1,20}"(,"[A-Z0-9]{1,20}"){0,}\]$')
        return [self._market({"symbol": name}) for name in re.findall(r"\w+", query["symbols"])]

    def _market(self, query: Query) -> ExchangeMarket:
        name = query.get("symbol") or _lacking("symbol")
        if not re.fullmatch(r"[A-Z0-9-_.]{1,20}", name):
            _illegal("symbol", "^[A-Z0-9-_.]{1,20}$")
        if name not in self._markets:
            raise ApiError(400, -1121, "Invalid symbol.")
        return self._markets[name]

    def _per_symbol(self, one: int, every: int) -> Callable[[Query], int]:
        def weight(query: Query) -> int:
            few = "symbols" in query and query["symbols"].count(",") < 20
            return one if "symbol" in query or few else every

        return weight


def _costs(weight: int) -> Callable[[Query], int]:
    return lambda query: weight


def _depth_weight(query: Query) -> int:
    limit = query.get("limit", "100")
    asked = min(int(limit), 5_000) if limit.isdigit() else 100
    return next(weight for most, weight in _DEPTH_WEIGHTS if asked <= most)


def _limit(query: Query, default: int, most: int) -> int:
    limit = _whole(query, "limit")
    if limit is None:
        return default
    if limit < 1:
        raise ApiError(400, -1130, "Data sent for parameter 'limit' is not valid.")
    return min(limit, most)


def _whole(query: Query, name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not re.fullmatch("[0-9]{1,19}", value):
        _illegal(name, "^[0-9]{1,20}$")
    return int(value)


def _lacking(name: str) -> NoReturn:
    raise ApiError(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _illegal(name: str, pattern: str) -> NoReturn:
    raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")
