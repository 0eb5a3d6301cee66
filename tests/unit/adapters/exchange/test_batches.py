import asyncio
import hashlib

import numpy as np
import pytest

from tidewright.adapters.exchange.batches import Batches, Part
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.domain.bars import Bars, Market
from tidewright.ports import StoreRefused

HOUR = 3_600_000
MARKET = Market("binance", "BTC/USDT", "1h")


def bars(first, count=10, close=1.0):
    price = np.full(count, close)
    return Bars(HOUR * np.arange(first, first + count), price, price, price, price, price, HOUR, MARKET)


@pytest.fixture
def part(tmp_path):
    def make(number, count=10, **others):
        file = tmp_path / f"{number}.zip"
        file.touch()
        return Part(bars(10 * number, count, **others), f"{number}.zip", f"{number:064x}", file)

    return make


@pytest.fixture
def store(tmp_path):
    return ParquetStore(tmp_path / "data")


def stored(store):
    known = store.markets()
    return known[0].count if known else 0


def test_batches_grow_with_what_is_stored(store, part):
    async def run():
        batches = Batches(store, 0, replace=False)
        counts = []
        for i in range(9):
            await batches.add(part(i))
            counts.append(stored(store))
        await batches.flush()
        return counts, batches

    counts, batches = asyncio.run(run())
    assert counts == [10, 20, 20, 40, 40, 40, 40, 80, 80]
    assert (stored(store), batches.added, batches.replaced) == (90, 90, 0)


def test_a_file_is_removed_once_its_bars_are_stored(store, part):
    async def run():
        batches = Batches(store, 0, replace=False)
        first, second, third = part(0), part(1, 5), part(9, 1)
        await batches.add(first)
        await batches.add(second)
        await batches.add(third)
        before = [one.file.exists() for one in (first, second, third)]
        await batches.flush()
        return before, [one.file.exists() for one in (first, second, third)]

    assert asyncio.run(run()) == ([False, True, True], [False, False, False])


def test_parts_without_bars_are_only_removed(store, part):
    empty = part(0, 0)
    asyncio.run(Batches(store, 0, replace=False).add(empty))

    assert not empty.file.exists()
    assert store.markets() == []


def test_a_batch_names_its_parts_and_digests_the_list_of_them(store, part):
    async def run():
        batches = Batches(store, 25, replace=False)
        for i in range(3):
            await batches.add(part(i))

    asyncio.run(run())
    (source,) = store.describe(MARKET).sources
    sums = "".join(f"{i:064x}  {i}.zip\n" for i in range(3))
    assert source.name == "0.zip to 2.zip (3)"
    assert source.digest == f"sha256:{hashlib.sha256(sums.encode()).hexdigest()}"


def test_other_values_are_refused_or_replace(store, part):
    asyncio.run(Batches(store, 0, replace=False).add(part(0)))
    with pytest.raises(StoreRefused, match="--replace takes the new ones"):
        asyncio.run(Batches(store, 0, replace=False).add(part(0, close=2.0)))
    batches = Batches(store, 0, replace=True)
    asyncio.run(batches.add(part(0, close=2.0)))

    assert (batches.added, batches.replaced) == (0, 10)
