"""Bars into PostgreSQL and out of it, on an embedded server on loopback that writes its log to disk, beside its own COPY.

``python -m benchmarks.archive`` prints what it measured as JSON.
"""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.parse import urlsplit

import numpy as np

BARS, BATCH, READS = 1_000_000, 50_000, 7


async def measured(url: str, psql: Path) -> dict[str, float]:
    """Rows a second, and seconds of reading; each figure is a median."""
    from tidewright.adapters.postgres.archive import PostgresArchive  # noqa: PLC0415 - in the environment that has it
    from tidewright.domain.bars import Bars, Market  # noqa: PLC0415

    archive = PostgresArchive.at(url)
    price = 100 + np.random.default_rng(7).standard_normal(BARS).cumsum()
    time = 1_640_995_200_000 + 60_000 * np.arange(BARS)
    bars = Bars(time, price, price + 1, price - 1, price, np.abs(price), 60_000, Market("binance", "BTC/USDT", "1m"))

    async def write(count: int) -> list[float]:
        rates = []
        for first in range(0, count, BATCH):
            began = perf_counter()
            await archive.write_bars(bars.part(first, first + BATCH))
            rates.append(BATCH / (perf_counter() - began))
        return rates

    new = await write(BARS)
    again = await write(BARS // 4)
    single = []
    for i in range(300):
        one = bars.part(i, i + 1)
        began = perf_counter()
        await archive.write_bars(one)
        single.append(perf_counter() - began)
    read, plain = [], []
    for _ in range(READS):
        began = perf_counter()
        assert len(await archive.read_bars(bars.market)) == BARS
        read.append(perf_counter() - began)
        plain.append(_copied(url, psql))
    await archive.close()
    return {
        f"bars written in batches of {BATCH:,}, rows/s": median(new),
        "the same written again, rows/s": median(again),
        "one bar, p50, ms": 1_000 * median(single),
        f"{BARS:,} bars read into arrays, s": median(read),
        "psql's COPY ... TO of the same, binary, s": median(plain),
        "reading as a multiple of COPY": median(read) / median(plain),
    }


def _copied(url: str, psql: Path) -> float:
    rows = "SELECT open_time, open, high, low, close, volume FROM tidewright.candles WHERE series_id = 1 ORDER BY open_time"
    password = {"PGPASSWORD": urlsplit(url).password or ""}
    began = perf_counter()
    command = [psql, url, "-c", f"COPY ({rows}) TO STDOUT (FORMAT binary)"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | password)
    return perf_counter() - began


def main() -> None:
    from tidewright.adapters.embedded_postgres import EmbeddedPostgres, programs  # noqa: PLC0415
    from tidewright.adapters.postgres.connection import Address  # noqa: PLC0415
    from tidewright.adapters.postgres.migrating import upgrade  # noqa: PLC0415

    with TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        asyncio.run(upgrade(Address(server.url)))
        found = asyncio.run(measured(server.url, programs() / "psql"))
    print(json.dumps({name: round(value, 3) for name, value in found.items()}, indent=2))


if __name__ == "__main__":
    main()
