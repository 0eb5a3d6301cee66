"""What a strategy says, put on the stream of signals for whoever acts on it."""

import asyncio
import random

from tidewright.domain.backoff import Backoff
from tidewright.domain.bars import Market
from tidewright.ports import LaneBehind, StreamFull, Streams, StreamUnavailable
from tidewright.serving.failures import Failure
from tidewright.serving.logs import logger
from tidewright.signals.service import SignalService
from tidewright.wire.signal import PublishedSignal, signal_event, signal_lane
from tidewright.wire.topology import SIGNALS

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


async def publish(service: SignalService, streams: Streams) -> None:
    """Publish each signal of each market once, in the order of its bars, for ever.

    It goes on after the last one that was published, by whatever process, and begins with the newest bar. While the
    streams are away it waits: what was said meanwhile is still in the history. So is what the streams have lost of the
    signals that this process has published, which it publishes again.
    """
    async with asyncio.TaskGroup() as tasks:
        for symbol, follower in service.followers.items():
            tasks.create_task(_publish_one(service, streams, symbol, follower.market))


async def _publish_one(service: SignalService, streams: Streams, symbol: str, market: Market) -> None:
    lane, backoff = signal_lane(service.name, market), Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, random.random)
    begun: int | None = None
    while True:
        try:
            last = await streams.last(SIGNALS.name, lane)
            start = begun if last is None else last + 1
            async for said in service.stream([symbol], start, columns_only=service.asked_bar_by_bar):
                digest = said.provenance.anchor.strategy
                published = [PublishedSignal(service.name, digest, signal) for signal in said.signals]
                messages = [signal_event(one) for one in published]
                await streams.publish(SIGNALS.name, messages, {} if last is None else {lane: last})
                last = messages[-1].order
                backoff.succeeded()
                begun = messages[0].order if begun is None else begun
        except Failure:  # the service is stopping
            return
        except (LaneBehind, StreamUnavailable, StreamFull) as error:
            logger().warning("signals are not published", market=str(market), reason=str(error))
        await asyncio.sleep(backoff.failed())
