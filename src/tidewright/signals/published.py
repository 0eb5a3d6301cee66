"""What a strategy has published on the stream of signals, as far as it is still kept."""

from contextlib import suppress

from tidewright.domain.bars import Market
from tidewright.ports import Streams
from tidewright.wire.market import Malformed
from tidewright.wire.signal import PublishedSignal, published_of
from tidewright.wire.topology import SIGNALS


async def published(streams: Streams, strategy: str, market: Market) -> list[PublishedSignal]:
    """A strategy's signals of a market, in the order of their bars, up to the newest as of the call. Raises StreamUnavailable."""
    found: list[PublishedSignal] = []
    async for delivery in streams.kept(SIGNALS.name):
        with suppress(Malformed):
            one = published_of(delivery.data)
            if one.strategy == strategy and one.signal.market == market:
                found.append(one)
    return found
