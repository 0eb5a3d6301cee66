"""Markets and bars as messages."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.timeframe import TIMEFRAMES, milliseconds
from tidewright.v1 import market_pb2 as pb

CHUNK = 8_192
"""The most bars in one message: with sixty columns, still below the 4 MiB that gRPC takes by default."""

_LONGEST = 80


class Malformed(ValueError):
    """A message does not say what it should; names the field, the value and the remedy."""


def market_message(market: Market) -> pb.Market:
    return pb.Market(exchange=market.exchange, symbol=market.symbol, timeframe=market.timeframe)


def market_of(message: pb.Market) -> Market:
    """Raises Malformed for a name that is empty or too long, and for a timeframe that no exchange has."""
    for field in ("exchange", "symbol"):
        value = getattr(message, field)
        if not 0 < len(value) <= _LONGEST:
            raise Malformed(f"market.{field}: {value[:_LONGEST]!r} is no name; give one of 1 to {_LONGEST} characters")
    if message.timeframe not in TIMEFRAMES:
        raise Malformed(f"market.timeframe: {message.timeframe[:_LONGEST]!r}; give one of {', '.join(TIMEFRAMES)}")
    return Market(message.exchange, message.symbol, message.timeframe)


def bar_message(time: int, values: Iterable[float]) -> pb.Bar:
    """`values` are those of `COLUMNS`."""
    return pb.Bar(open_time_ms=time, **dict(zip(COLUMNS, values, strict=True)))


def bar_of(message: pb.Bar) -> tuple[int, tuple[float, ...]]:
    """The open time and the values of `COLUMNS`."""
    return message.open_time_ms, tuple(getattr(message, name) for name in COLUMNS)


def bars_messages(bars: Bars) -> Iterator[pb.Bars]:
    """The bars in parts of at most `CHUNK`."""
    for first in range(0, len(bars), CHUNK):
        part = bars.part(first, first + CHUNK)
        yield pb.Bars(open_time_ms=part.time.tolist(), **{name: getattr(part, name).tolist() for name in COLUMNS})


def bars_of(messages: Iterable[pb.Bars], market: Market) -> Bars:
    """The bars of all parts in order.

    Raises Malformed for a part with more than `CHUNK` bars, with columns that are not equally long, or with bars out of order.
    """
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("time", *COLUMNS)}
    for message in messages:
        length = len(message.open_time_ms)
        if length > CHUNK:
            raise Malformed(f"bars.open_time_ms: {length:,} bars in one message; send {CHUNK:,} at most")
        parts["time"].append(np.array(message.open_time_ms, dtype=np.int64))
        for name in COLUMNS:
            values = getattr(message, name)
            if len(values) != length:
                raise Malformed(f"bars.{name}: {len(values):,} values for {length:,} bars; send one for every bar")
            parts[name].append(np.array(values, dtype=np.float64))
    empty = {name: np.empty(0, np.int64 if name == "time" else np.float64) for name in parts}
    columns = {name: np.concatenate((empty[name], *arrays)) for name, arrays in parts.items()}
    late = np.flatnonzero(np.diff(columns["time"]) <= 0)
    if len(late):
        time = int(columns["time"][late[0] + 1])
        raise Malformed(f"bars.open_time_ms: {time} does not come after the bar before it; send them in ascending time")
    return Bars(step=milliseconds(market.timeframe), market=market, **columns)
