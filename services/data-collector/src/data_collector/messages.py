"""What Binance says, pushed or asked for, as checked types; the one module that imports msgspec.

Raw data is not judged here, for that is what data-validation is for; but what *cannot have been meant* is not taken: another type, a number that is none, a price that is not above zero,
or one beyond the limits of `tidewright.domain.quality`. It counts as not received, so the exchange is asked for it again: whatever is passed on can enter the store, for nobody can ask
for it later.
"""

from math import inf
from typing import Annotated, Any, NamedTuple

import msgspec

from tidewright.domain.quality.rules import AMOUNT_LIMIT, ID_LIMIT, LATEST, price_limit
from tidewright.domain.timeframe import DAY, TIMEFRAMES, milliseconds

_EARLIEST = 10**12
"""In 2001: what is before is no time in milliseconds."""

STEPS = {timeframe: step for timeframe in TIMEFRAMES if (step := milliseconds(timeframe)) <= DAY}
"""Lengths of the bars that can be collected, in milliseconds: those whose grid starts at the epoch."""


class Garbled(ValueError):
    """A message that cannot have been meant; says where."""


_EventTime = Annotated[int, msgspec.Meta(gt=_EARLIEST, lt=LATEST)]


class PushedTrade(msgspec.Struct, tag_field="e", tag="trade"):
    """A ``trade`` event: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#trade-streams."""

    E: _EventTime
    s: str
    t: int
    p: float
    q: float
    T: int
    m: bool


class _Kline(msgspec.Struct):
    t: int
    T: int
    i: str
    o: float
    h: float
    l: float  # noqa: E741 - as Binance calls it
    c: float
    v: float
    x: bool


class PushedKline(msgspec.Struct, tag_field="e", tag="kline"):
    """A ``kline`` event; only one that is `closed` is a bar."""

    E: _EventTime
    s: str
    k: _Kline

    @property
    def closed(self) -> bool:
        """That it says so is not enough: its time must be over."""
        return self.k.x and self.E >= self.k.T


class Farewell(msgspec.Struct, tag_field="e", tag="serverShutdown"):
    """The server is about to shut down, and asks for another connection to be made."""


class Pushed(msgspec.Struct):
    """An event of a combined stream; or the answer to a control message, which has an `id` and an `error` where it was refused."""

    data: PushedTrade | PushedKline | Farewell | None = None
    id: int | None = None
    error: Any = None


class Trade(NamedTuple):
    """One trade; times in milliseconds."""

    id: int
    time: int
    price: float
    quantity: float
    buyer_is_maker: bool


class Bar(NamedTuple):
    """A bar by its open time; `values` are open, high, low, close and volume."""

    time: int
    values: tuple[float, float, float, float, float]


class _TradeRow(msgspec.Struct):
    id: int
    price: float
    qty: float
    time: int
    isBuyerMaker: bool  # noqa: N815 - as Binance calls it


class _AggregateRow(msgspec.Struct):
    f: int


class _ServerTime(msgspec.Struct):
    serverTime: int  # noqa: N815


_KlineRow = tuple[int, float, float, float, float, float, int, Any, Any, Any, Any, Any]
_DECODER = msgspec.json.Decoder(Pushed, strict=False)


def pushed(message: bytes | str) -> Pushed:
    """Raises Garbled for what is no message of a combined stream, or holds another event than those that are subscribed to."""
    try:
        return _DECODER.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Garbled(str(error)) from None


def pushed_trade(event: PushedTrade, symbol: str) -> Trade:
    """Of a symbol as in ``BTC/USDT``, which the limits depend on. Raises Garbled."""
    return _checked(Trade(event.t, event.T, event.p, event.q, event.m), symbol)


def pushed_bar(event: PushedKline, symbol: str) -> Bar:
    """Likewise."""
    kline = event.k
    return _checked_bar(Bar(kline.t, (kline.o, kline.h, kline.l, kline.c, kline.v)), symbol, kline.i, kline.T)


def trades_of(rows: Any, symbol: str) -> list[Trade]:  # noqa: ANN401 - whatever JSON can hold
    """The answer of ``historicalTrades`` or ``trades``. Raises Garbled, also where ids do not rise."""
    trades = [
        _checked(Trade(row.id, row.time, row.price, row.qty, row.isBuyerMaker), symbol)
        for row in _converted(rows, list[_TradeRow])
    ]
    _check_order([trade.id for trade in trades])
    return trades


def bars_of(rows: Any, symbol: str, timeframe: str) -> list[Bar]:  # noqa: ANN401
    """The answer of ``klines``; the last bar may not be over yet. Raises Garbled, also where times do not rise."""
    bars = [
        _checked_bar(Bar(row[0], (row[1], row[2], row[3], row[4], row[5])), symbol, timeframe, row[6])
        for row in _converted(rows, list[_KlineRow])
    ]
    _check_order([bar.time for bar in bars])
    return bars


def first_id_of(rows: Any) -> int | None:  # noqa: ANN401
    """The id of the first trade in an answer of ``aggTrades``; None where it has none. Raises Garbled."""
    aggregates: list[_AggregateRow] = _converted(rows, list[_AggregateRow])
    if aggregates and not 0 <= aggregates[0].f < ID_LIMIT:
        raise Garbled(f"trade {aggregates[0].f}: no id")
    return aggregates[0].f if aggregates else None


def time_of(answer: Any) -> int:  # noqa: ANN401
    """The answer of ``time``. Raises Garbled."""
    time = _converted(answer, _ServerTime).serverTime
    if not _EARLIEST < time < LATEST:
        raise Garbled(f"serverTime: {time} is no time in milliseconds")
    return int(time)


def _converted(told: Any, kind: Any) -> Any:  # noqa: ANN401
    try:
        return msgspec.convert(told, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Garbled(str(error)) from None


def _checked(trade: Trade, symbol: str) -> Trade:
    if not 0 <= trade.id < ID_LIMIT or not _EARLIEST < trade.time < LATEST:
        raise Garbled(f"trade {trade.id} at {trade.time}: no id, or no time in milliseconds")
    if not (0.0 < trade.price < price_limit(symbol) and 0.0 < trade.quantity < AMOUNT_LIMIT):
        raise Garbled(f"trade {trade.id}: {trade.quantity} at {trade.price}")
    return trade


def _checked_bar(bar: Bar, symbol: str, timeframe: str, close_time: int) -> Bar:
    open_, high, low, close, volume = bar.values
    step = STEPS.get(timeframe)
    if step is None or not _EARLIEST < bar.time < LATEST or bar.time % step or close_time != bar.time + step - 1:
        raise Garbled(f"bar at {bar.time}: no {timeframe} bar opens then and closes at {close_time}")
    if not (0.0 < low <= open_ <= high < price_limit(symbol) and low <= close <= high and 0.0 <= volume < AMOUNT_LIMIT):
        raise Garbled(f"bar at {bar.time}: {bar.values}")
    return bar


def _check_order(positions: list[int]) -> None:
    last: float = -inf
    for position in positions:
        if position <= last:
            raise Garbled(f"{position} comes after {last}")
        last = position
