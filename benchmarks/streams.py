"""Streams on an embedded Redis on loopback: messages of 100 bytes, as trades are.

``python -m benchmarks.streams`` prints what it measured as JSON.
"""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.signals import percentile

BATCH, BATCHES, SINGLE, READ = 500, 200, 5_000, 500


async def measured(url: str) -> dict[str, float]:
    """Messages a second, and seconds of a publication."""
    from tidewright.adapters.redis_streams import RedisStreams  # noqa: PLC0415 - in the environment that has it
    from tidewright.ports import Message  # noqa: PLC0415

    streams = RedisStreams(url)
    data = bytes(100)

    async def publish(first: int, count: int) -> float:
        messages = [Message("binance|BTC/USDT", order, data) for order in range(first, first + count)]
        began = perf_counter()
        assert await streams.publish("raw.trades", messages) == count
        return perf_counter() - began

    await publish(1, BATCH)
    batched = [await publish(1 + BATCH * number, BATCH) for number in range(1, BATCHES + 1)]
    after = 1 + BATCH * (BATCHES + 1)
    single = [await publish(after + number, 1) for number in range(SINGLE)]

    subscription = await streams.subscribe("raw.trades", "data-validation", "benchmark")
    began, count = perf_counter(), 0
    while deliveries := await subscription.read(READ, 0.0):
        await subscription.acknowledge([delivery.id for delivery in deliveries])
        count += len(deliveries)
    consuming = perf_counter() - began
    await streams.close()
    return {
        f"published in batches of {BATCH}, messages/s": BATCH * BATCHES / sum(batched),
        f"a batch of {BATCH}, p99, ms": 1_000 * percentile(batched, 0.99),
        "published one by one, messages/s": SINGLE / sum(single),
        "one message, p50, ms": 1_000 * percentile(single, 0.5),
        "one message, p99, ms": 1_000 * percentile(single, 0.99),
        f"consumed and acknowledged in batches of {READ}, messages/s": count / consuming,
    }


def main() -> None:
    from tidewright.adapters.embedded_redis import EmbeddedRedis  # noqa: PLC0415

    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)) as server:
        print(
            json.dumps({name: round(value, 2) for name, value in asyncio.run(measured(server.url)).items()}, indent=2)
        )


if __name__ == "__main__":
    main()
