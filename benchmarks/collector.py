"""The data-collector between a local exchange and Redis on loopback: how long a message takes, how many it can take, and what that costs beside ccxt.pro.

``python -m benchmarks.collector`` prints the figures as JSON. With ``ours RATE SECONDS EXCHANGE REDIS`` or ``ccxt ...`` it is one that collects.
"""

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.process import REPOSITORY, clean_environment

PYTHON = REPOSITORY / ".venv/bin/python"
FIRST = 1_723_161_600_000
RATES = (2_000, 5_000, 10_000, 15_000, 20_000)
SECONDS = 20
UNMEASURED = 2.0
"""Seconds at the beginning that are left out: imports, connections, the first batches."""


def figures() -> dict[str, Any]:
    """By rate and contestant: percentiles in milliseconds, CPU seconds for a thousand messages, and how many messages came over the stream and not by repair."""
    from tidewright.adapters.embedded_redis import EmbeddedRedis  # noqa: PLC0415

    found: dict[str, Any] = {}
    with TemporaryDirectory() as place:
        folder = Path(place)
        for rate in RATES:
            for contestant in ("ours", "ccxt") if rate == RATES[0] else ("ours",):
                with (
                    EmbeddedRedis(folder / f"{contestant}{rate}") as redis,
                    _exchange(_tape(folder, rate), folder) as url,
                ):
                    command = [
                        PYTHON,
                        "-m",
                        "benchmarks.collector",
                        contestant,
                        str(rate),
                        str(SECONDS),
                        url,
                        redis.url,
                    ]
                    run = subprocess.run(
                        command, cwd=REPOSITORY, env=clean_environment(), stdout=subprocess.PIPE, check=True
                    )
                    found[f"{contestant} at {rate:,}/s"] = json.loads(run.stdout.splitlines()[-1])
    return found


async def ours(rate: int, seconds: int, exchange: str, redis: str) -> dict[str, Any]:
    """The collector itself, with the time of every message noted when Redis has confirmed it."""
    from data_collector.outbox import Outbox  # noqa: PLC0415
    from data_collector.settings import CollectorSettings  # noqa: PLC0415
    from data_collector.wiring import assembled  # noqa: PLC0415
    from tidewright.adapters.streams_url import streams_at  # noqa: PLC0415
    from tidewright.serving.metrics import Metrics  # noqa: PLC0415

    waited: list[tuple[float, float]] = []
    confirmed = Outbox._succeed

    def noted(outbox: Outbox, batch: list[Any]) -> None:
        now = time.perf_counter()
        waited.extend((now, now - queued.received) for queued in batch)
        confirmed(outbox, batch)

    Outbox._succeed = noted  # type: ignore[method-assign]  # the service itself measures batches alone
    metrics = Metrics()
    settings = CollectorSettings(exchange_url=exchange, stream_url=exchange.replace("http", "ws"), timeframes="1m")
    made = assembled(settings, metrics, streams_at(redis))
    gc.collect()
    gc.freeze()  # as the service's host does
    work = asyncio.create_task(made.work())
    cpu = await _cpu_while(lambda: len(waited), rate, seconds)
    work.cancel()
    await asyncio.wait((work,))
    began = waited[0][0] + UNMEASURED
    times = sorted(took for at, took in waited if at > began)
    text = metrics.text().decode()
    repaired = sum(
        float(line.split()[-1])
        for line in text.splitlines()
        if 'repaired_total{topic="raw.trades' in line and "gaps" not in line
    )
    return {
        "messages": len(waited),
        "of": rate * seconds,
        "repaired": repaired,
        "p50 ms": round(1_000 * times[len(times) // 2], 3),
        "p99 ms": round(1_000 * times[round(0.99 * (len(times) - 1))], 3),
        "worst ms": round(1_000 * times[-1], 3),
        "cpu s per 1,000": round(cpu, 4),
    }


async def ccxt(rate: int, seconds: int, exchange: str, redis: str) -> dict[str, Any]:
    """The same work with ccxt.pro: every trade as JSON onto a stream of Redis, together what came together."""
    import ccxt.pro  # noqa: PLC0415
    from redis.asyncio import Redis  # noqa: PLC0415

    venue = ccxt.pro.binance(
        {
            "newUpdates": True,
            "options": {"fetchMarkets": {"types": ["spot"]}, "watchTrades": {"name": "trade"}, "tradesLimit": 100_000},
        }
    )
    venue.urls["api"] = {name: _moved(url, exchange) for name, url in venue.urls["api"].items()}
    count = 0

    async def collect() -> None:
        nonlocal count
        async with Redis.from_url(redis) as client:
            while True:
                trades = await venue.watch_trades("BTC/USDT")
                async with client.pipeline(transaction=False) as pipe:
                    for trade in trades:
                        pipe.xadd("trades", {"data": json.dumps(trade["info"])})
                    await pipe.execute()
                count += len(trades)

    work = asyncio.create_task(collect())
    cpu = await _cpu_while(lambda: count, rate, seconds)
    work.cancel()
    await asyncio.wait((work,))
    await venue.close()
    return {"messages": count, "of": rate * seconds, "cpu s per 1,000": round(cpu, 4)}


async def _cpu_while(count: Any, rate: int, seconds: int) -> float:
    """CPU seconds for a thousand messages, the first ones left out, until all have come or nothing comes any more."""
    while not count():
        await asyncio.sleep(0.05)
    await asyncio.sleep(UNMEASURED)
    first, cpu = count(), time.process_time()
    last, quiet = first, 0
    while count() < rate * seconds and quiet < 40:
        await asyncio.sleep(0.1)
        quiet = quiet + 1 if count() == last else 0
        last = count()
    return 1_000 * (time.process_time() - cpu) / max(count() - first, 1)


def _moved(url: Any, to: str) -> Any:
    if isinstance(url, dict):
        return {name: _moved(one, to) for name, one in url.items()}
    scheme, _, rest = str(url).partition("://")
    path = rest.partition("/")[2]
    return f"{to.replace('http', 'ws') if scheme.startswith('ws') else to}/{path}"


def _tape(folder: Path, rate: int) -> Path:
    """So many trades a second, evenly."""
    path = folder / f"tape{rate}"
    if not path.exists():
        with path.open("w") as file:
            for number in range(1, rate * SECONDS + 1):
                at = number * 1_000_000_000 // rate
                told = FIRST + at // 1_000_000
                data = {
                    "e": "trade", "E": told, "s": "BTCUSDT", "t": number, "p": f"{60_000 + number % 100}.00000000",
                    "q": "0.01000000", "T": told, "m": number % 2 == 0, "M": True,
                }  # fmt: skip
                text = json.dumps({"stream": "btcusdt@trade", "data": data}, separators=(",", ":"))
                file.write(f"{FIRST * 1_000_000 + at} {text}\n")
    return path


@contextmanager
def _exchange(tape: Path, folder: Path) -> Iterator[str]:
    ready = folder / "exchange.url"
    ready.unlink(missing_ok=True)
    options = ["--port", "0", "--speed", "1", "--wait", "--ready-file", str(ready), "--replay", str(tape)]
    command = [PYTHON, "-m", "tidewright.exchange", *options]
    with subprocess.Popen(command, cwd=REPOSITORY, env=clean_environment(), stdout=subprocess.DEVNULL) as process:
        try:
            while not ready.exists() or not ready.read_text().strip():
                if process.poll() is not None:
                    raise RuntimeError("the local exchange does not start")
                time.sleep(0.05)
            yield ready.read_text().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        contestant = {"ours": ours, "ccxt": ccxt}[sys.argv[1]]
        print(json.dumps(asyncio.run(contestant(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))))
    else:
        print(json.dumps(figures(), indent=1))
