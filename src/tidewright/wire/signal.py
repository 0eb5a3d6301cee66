"""Live signals, and what they were made of, as messages."""

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from tidewright.domain.bars import Market
from tidewright.domain.live import Anchor, LiveSignal, Parity, Provenance
from tidewright.ports import Message
from tidewright.v1 import signal_pb2 as pb
from tidewright.wire.market import Malformed, bar_message, bar_of, market_message, market_of
from tidewright.wire.topology import market_lane


def signal_message(signal: LiveSignal) -> pb.Signal:
    return pb.Signal(
        market=market_message(signal.market),
        bar=bar_message(signal.time, signal.bar),
        close_time_ms=signal.close_time,
        events=None if signal.events is None else pb.Events(**signal.events),
        columns=[_column_value(name, value) for name, value in signal.columns.items()],
    )


def signal_of(message: pb.Signal) -> LiveSignal:
    """Raises Malformed for a market that is none, a bar that closes before it opens, or a column without a value."""
    market, (time, bar) = market_of(message.market), bar_of(message.bar)
    if message.close_time_ms <= time:
        raise Malformed(f"close_time_ms: {message.close_time_ms} is not after the bar's open; send open time plus step")
    return LiveSignal(
        market=market,
        time=time,
        step=message.close_time_ms - time,
        bar=bar,
        events=_events(message.events) if message.HasField("events") else None,
        columns={column.name: _value(column) for column in message.columns},
    )


@dataclass(frozen=True, slots=True)
class PublishedSignal:
    """A signal and whose it is: the TradingStrategy's name, and the digest of all that can change its trades."""

    strategy: str
    digest: str
    signal: LiveSignal


def signal_lane(strategy: str, market: Market) -> str:
    """What the order of a strategy's signals of a market is counted in."""
    return f"{strategy}|{market_lane(*market)}"


def signal_event(published: PublishedSignal) -> Message:
    """The signal in the lane of its strategy and market, in the order of its bar."""
    signal = published.signal
    event = pb.SignalEvent(strategy=published.strategy, strategy_digest=published.digest, signal=signal_message(signal))
    return Message(signal_lane(published.strategy, signal.market), signal.time, event.SerializeToString())


def published_of(data: bytes) -> PublishedSignal:
    """Raises Malformed for what is no SignalEvent, or has no signal that is one."""
    event = pb.SignalEvent()
    try:
        event.ParseFromString(data)
    except DecodeError as error:
        raise Malformed(f"{len(data):,} bytes that are no SignalEvent: {error}") from None
    return PublishedSignal(event.strategy, event.strategy_digest, signal_of(event.signal))


def provenance_message(provenance: Provenance) -> pb.Provenance:
    anchor, parity = provenance.anchor, provenance.parity
    return pb.Provenance(
        strategy_digest=anchor.strategy,
        anchor=pb.Anchor(
            market=market_message(anchor.market),
            first_open_time_ms=anchor.first,
            warmup_bars=anchor.warmup,
            warmup_digest=anchor.digest,
        ),
        bars=provenance.bars,
        data_digest=provenance.data,
        arithmetic_revision=provenance.revision,
        parity=pb.Parity(bars=parity.bars, differences=parity.differences),
    )


def provenance_of(message: pb.Provenance) -> Provenance:
    """Raises Malformed for a market that is none."""
    anchor = message.anchor
    return Provenance(
        anchor=Anchor(
            market=market_of(anchor.market),
            strategy=message.strategy_digest,
            first=anchor.first_open_time_ms,
            warmup=anchor.warmup_bars,
            digest=anchor.warmup_digest,
        ),
        bars=message.bars,
        data=message.data_digest,
        revision=message.arithmetic_revision,
        parity=Parity(message.parity.bars, message.parity.differences),
    )


def _events(message: pb.Events) -> dict[str, bool]:
    events = {"enter": message.enter, "exit": message.exit}
    if message.HasField("enter_short"):
        events["enter_short"] = message.enter_short
    if message.HasField("exit_short"):
        events["exit_short"] = message.exit_short
    return events


def _column_value(name: str, value: float | bool) -> pb.ColumnValue:
    return pb.ColumnValue(name=name, flag=value) if isinstance(value, bool) else pb.ColumnValue(name=name, number=value)


def _value(column: pb.ColumnValue) -> float | bool:
    match column.WhichOneof("value"):
        case "number":
            return column.number
        case "flag":
            return column.flag
        case None:
            raise Malformed(f"columns: {column.name!r} has no value; send number or flag")
