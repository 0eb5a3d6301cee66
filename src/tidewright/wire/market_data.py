"""What the streams of market data carry, as messages of their topics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from google.protobuf.message import DecodeError

from tidewright.domain.bars import Bars, Market
from tidewright.ports import Message
from tidewright.v1 import market_data_pb2 as pb
from tidewright.wire.market import Malformed, bar_message, bar_of, bars_messages, bars_of, market_message, market_of
from tidewright.wire.topology import market_lane

HISTORY_CHUNK = 1_000
"""The most bars in one HistoryEvent."""


class StreamedTrade(NamedTuple):
    """A trade and where it happened; times in milliseconds, `received` by the exchange's clock, as whoever received it knows it."""

    exchange: str
    symbol: str
    id: int
    time: int
    price: float
    quantity: float
    buyer_is_maker: bool
    received: int


class StreamedBar(NamedTuple):
    """A closed bar; `values` are those of `COLUMNS`."""

    market: Market
    time: int
    values: tuple[float, ...]
    received: int


@dataclass(frozen=True, slots=True)
class StreamedHistory:
    """A part of a backfill."""

    bars: Bars
    backfill: str


def trade_event(trade: StreamedTrade) -> Message:
    """The trade in the lane of its symbol, in the order of its id."""
    told = pb.Trade(
        id=trade.id,
        time_ms=trade.time,
        price=trade.price,
        quantity=trade.quantity,
        buyer_is_maker=trade.buyer_is_maker,
    )
    event = pb.TradeEvent(exchange=trade.exchange, symbol=trade.symbol, trade=told, received_ms=trade.received)
    return Message(market_lane(trade.exchange, trade.symbol), trade.id, event.SerializeToString())


def trade_of(data: bytes) -> StreamedTrade:
    """Raises Malformed for what is no TradeEvent, or has no exchange or symbol; the numbers are as they were sent."""
    event = _parsed(pb.TradeEvent(), data)
    for field in ("exchange", "symbol"):
        if not getattr(event, field):
            raise Malformed(f"{field}: empty; give the one of the trade")
    told = event.trade
    return StreamedTrade(
        event.exchange, event.symbol, told.id, told.time_ms, told.price, told.quantity, told.buyer_is_maker, event.received_ms
    )  # fmt: skip


def bar_event(bar: StreamedBar) -> Message:
    """The bar in the lane of its market, in the order of its time."""
    event = pb.BarEvent(
        market=market_message(bar.market), bar=bar_message(bar.time, bar.values), received_ms=bar.received
    )
    return Message(market_lane(*bar.market), bar.time, event.SerializeToString())


def streamed_bar_of(data: bytes) -> StreamedBar:
    """Raises Malformed for what is no BarEvent, or has no market; the numbers are as they were sent."""
    event = _parsed(pb.BarEvent(), data)
    time, values = bar_of(event.bar)
    return StreamedBar(market_of(event.market), time, values, event.received_ms)


def history_events(bars: Bars, backfill: str) -> Iterator[Message]:
    """The bars in parts, in a lane of this backfill's own, each in the order of its last bar's time: whoever is interrupted goes on after that."""
    for first in range(0, len(bars), HISTORY_CHUNK):
        part = bars.part(first, first + HISTORY_CHUNK)
        (columns,) = bars_messages(part)
        event = pb.HistoryEvent(market=market_message(bars.market), bars=columns, backfill_id=backfill)
        lane = f"{market_lane(*bars.market)}#{backfill}"
        yield Message(lane, int(part.time[-1]), event.SerializeToString())


def history_of(data: bytes) -> StreamedHistory:
    """Raises Malformed for what is no HistoryEvent, has no market, or columns that are not equally long and in ascending time."""
    event = _parsed(pb.HistoryEvent(), data)
    return StreamedHistory(bars_of([event.bars], market_of(event.market)), event.backfill_id)


Parsed = TypeVar("Parsed", pb.TradeEvent, pb.BarEvent, pb.HistoryEvent)


def _parsed(event: Parsed, data: bytes) -> Parsed:
    try:
        event.ParseFromString(data)
    except DecodeError as error:
        raise Malformed(f"{len(data):,} bytes that are no {event.DESCRIPTOR.name}: {error}") from None
    return event
