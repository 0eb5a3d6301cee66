"""The streams between services: who produces each, who consumes it, and what it carries.

    exchange -> data-collector -> raw.* -> data-validation -> valid.* -> signals -> signals

A group in `consumers` is given every message until it acknowledges it, and what it has not read is never dropped. Whoever is in `onlookers` follows along
from now on and acknowledges nothing.
"""

from dataclasses import dataclass
from typing import TypeAlias

from tidewright.v1 import market_data_pb2, signal_pb2

Event: TypeAlias = (
    type[market_data_pb2.TradeEvent]
    | type[market_data_pb2.BarEvent]
    | type[market_data_pb2.HistoryEvent]
    | type[signal_pb2.SignalEvent]
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream of one kind of message.

    `bound` is the most messages that are kept for the slowest consumer, after which publishing is refused; `kept` is how many of those
    that everyone has acknowledged stay for onlookers. `lanes` is how many lanes have their last order remembered; beyond, the one
    that was silent longest is forgotten.
    """

    name: str
    event: Event
    producer: str
    consumers: tuple[str, ...] = ()
    onlookers: tuple[str, ...] = ()
    bound: int = 1_000_000
    kept: int = 10_000
    lanes: int = 100_000


RAW_TRADES = Topic("raw.trades", market_data_pb2.TradeEvent, "data-collector", ("data-validation",))
RAW_BARS = Topic("raw.bars", market_data_pb2.BarEvent, "data-collector", ("data-validation",))
RAW_HISTORY = Topic(
    "raw.history", market_data_pb2.HistoryEvent, "data-collector", ("data-validation",), bound=10_000, kept=100
)
VALID_TRADES = Topic("valid.trades", market_data_pb2.TradeEvent, "data-validation")
VALID_BARS = Topic("valid.bars", market_data_pb2.BarEvent, "data-validation", onlookers=("signals",))
SIGNALS = Topic("signals", signal_pb2.SignalEvent, "signals")

TOPICS = {topic.name: topic for topic in (RAW_TRADES, RAW_BARS, RAW_HISTORY, VALID_TRADES, VALID_BARS, SIGNALS)}
"""Every topic by its name."""


def market_lane(exchange: str, symbol: str, timeframe: str = "") -> str:
    """What the order of a symbol's trades, or of a market's bars, is counted in."""
    return f"{exchange}|{symbol}|{timeframe}" if timeframe else f"{exchange}|{symbol}"
