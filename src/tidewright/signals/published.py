"""What a strategy has published on the stream of signals, as far as it is still kept."""

from contextlib import suppress

from tidewright.domain.bars import Market
from tidewright.ports import Streams
from tidewright.wire.market import Malformed
from tidewright.wire.signal import PublishedSignal, published_of, signal_lane
from tidewright.wire.topology import SIGNALS

_BEFORE_ALL = "0-0"


async def published(streams: Streams, strategy: str, market: Market) -> list[PublishedSignal]:
    """A strategy's signals of a market, in the order of their bars, up to the newest. Raises StreamUnavailable."""
    last = await streams.last(SIGNALS.name, signal_lane(strategy, market))
    found: list[PublishedSignal] = []
    if last is None:
        return found
    async for delivery in streams.tail(SIGNALS.name, _BEFORE_ALL):
        with suppress(Malformed):
            one = published_of(delivery.data)
            if one.strategy == strategy and one.signal.market == market:
                found.append(one)
        if found and found[-1].signal.time >= last:
            break
    return found
