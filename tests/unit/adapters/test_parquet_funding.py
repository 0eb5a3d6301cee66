import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tidewright.adapters import tables
from tidewright.adapters.atomic import locked
from tidewright.adapters.parquet_funding import FORMAT, ParquetFunding
from tidewright.adapters.stores import funding_faults
from tidewright.domain.costs import Funding
from tidewright.ports import Source, StoreDamaged

HOUR = 3_600_000
PERPETUAL = ("binance", "BTC/USDT:USDT")
FILE = Source("funding.csv", "sha256:0")


def rates(first=0, count=10):
    numbers = np.arange(first, first + count)
    return Funding(8 * HOUR * numbers + 3, 0.0001 * numbers)


@pytest.fixture
def store(tmp_path):
    filled = ParquetFunding(tmp_path)
    filled.merge_funding(*PERPETUAL, rates(), FILE)
    return filled


@pytest.fixture
def file(store):
    return store.root / "binance" / "BTC-USDT%3AUSDT" / "funding.parquet"


def test_funding_is_one_parquet_file_that_other_tools_can_read(file):
    read = {column.name: column for column in tables.read_table(file).columns}

    assert list(read) == ["time", "rate"]
    assert read["time"].zoned
    assert read["time"].values[1] == np.datetime64(8 * HOUR + 3, "ms")


def test_the_file_says_what_it_holds(store, file):
    recorded = json.loads(tables.read_metadata(file)["tidewright"])

    assert recorded["format"] == FORMAT
    assert (recorded["exchange"], recorded["symbol"]) == PERPETUAL
    assert recorded["digest"] == store.describe_funding(*PERPETUAL).digest


def test_two_writers_take_turns(store):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: store.merge_funding(*PERPETUAL, rates(10 * i), FILE), range(8)))

    assert store.describe_funding(*PERPETUAL).count == 80


def test_a_writer_does_not_wait_for_ever(store, file):
    impatient = ParquetFunding(store.root, lock_timeout=0.01)

    with locked(file.with_name(".funding.lock"), 0), pytest.raises(TimeoutError, match="locked by another process"):
        impatient.merge_funding(*PERPETUAL, rates(5), FILE)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"time,rate\n0,0\n"])
def test_a_torn_file_is_damaged_and_names_the_remedy(store, file, content):
    file.write_bytes(content)
    (listed,) = store.stored_funding()

    with pytest.raises(
        StoreDamaged, match=r"BTC/USDT:USDT funding on binance is damaged: .*; remove .*import it again"
    ):
        store.read_funding(*PERPETUAL)
    assert funding_faults(store, listed) == (listed.damage,)
    assert "is damaged" in listed.damage


def test_a_file_of_another_symbol_is_damage(store, file):
    store.merge_funding("binance", "ETH/USDT:USDT", rates(), FILE)
    file.write_bytes((file.parents[1] / "ETH-USDT%3AUSDT" / "funding.parquet").read_bytes())

    with pytest.raises(StoreDamaged, match="holds the ETH/USDT:USDT funding on binance"):
        store.read_funding(*PERPETUAL)


def test_a_changed_rate_is_found_by_its_digest(store, file):
    metadata = tables.read_metadata(file)
    changed = rates().rate.copy()
    changed[3] += 0.0001
    tables.write_parquet(file, {"time": rates().time.astype("datetime64[ms]"), "rate": changed}, metadata)
    (listed,) = store.stored_funding()

    assert funding_faults(store, listed)[0].startswith("the rates have the digest sha256:")


def test_a_file_of_a_newer_version_is_left_alone(store, file):
    metadata = json.loads(tables.read_metadata(file)["tidewright"]) | {"format": FORMAT + 1}
    columns = {"time": rates().time.astype("datetime64[ms]"), "rate": rates().rate}
    tables.write_parquet(file, columns, {"tidewright": json.dumps(metadata)})

    with pytest.raises(StoreDamaged, match="written by a newer Tidewright"):
        store.read_funding(*PERPETUAL)
