import errno
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tidewright.adapters import parquet_store, tables
from tidewright.adapters.atomic import locked
from tidewright.adapters.parquet_store import FORMAT, ParquetStore
from tidewright.domain.bars import Bars, Market
from tidewright.ports import MarketNotFound, Source, StoreDamaged

HOUR = 3_600_000
MARKET = Market("binance", "BTC/USDT", "1h")
FILE = Source("bars.csv", "sha256:0")


def some_bars(first=0, count=10):
    price = 100.0 + np.arange(first, first + count)
    return Bars(
        HOUR * np.arange(first, first + count), price, price + 2, price - 2, price + 1, price, step=HOUR, market=MARKET
    )


@pytest.fixture
def store(tmp_path):
    filled = ParquetStore(tmp_path)
    filled.merge(some_bars(), FILE)
    return filled


@pytest.fixture
def file(store):
    return store.root / "binance" / "BTC-USDT" / "1h.parquet"


def files(store):
    return sorted(path.name for path in store.root.rglob("*") if path.is_file())


def test_a_market_is_one_parquet_file_that_other_tools_can_read(file):
    read = {column.name: column for column in tables.read_table(file).columns}

    assert list(read) == ["time", "open", "high", "low", "close", "volume"]
    assert read["time"].zoned
    assert read["time"].values[1] == np.datetime64(HOUR, "ms")


def test_the_file_says_what_it_holds(store, file):
    recorded = json.loads(tables.read_metadata(file)["tidewright"])

    assert recorded["format"] == FORMAT
    assert recorded["market"] == MARKET._asdict()
    assert recorded["digest"] == store.describe(MARKET).digest
    assert recorded["sources"] == [{"name": "bars.csv", "digest": "sha256:0", "simulated": False}]


def test_an_empty_store_names_the_command_that_fills_it(tmp_path):
    with pytest.raises(MarketNotFound) as missing:
        ParquetStore(tmp_path).read(MARKET)

    assert "empty" in str(missing.value)
    assert "`tidewright data import FILE --exchange binance --symbol BTC/USDT --timeframe 1h`" in str(missing.value)


def test_a_store_that_was_never_written_to_lists_nothing(tmp_path):
    assert ParquetStore(tmp_path / "nowhere").markets() == []


@pytest.mark.parametrize(
    "interruption", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=["full disk", "Ctrl-C"]
)
def test_an_interrupted_merge_leaves_the_store_as_it_was(store, monkeypatch, interruption):
    before = files(store)

    def half(path, bars, description):
        path.write_bytes(b"PAR1")
        raise interruption

    monkeypatch.setattr(parquet_store, "_write", half)
    with pytest.raises(type(interruption)):
        store.merge(some_bars(first=10), FILE)

    assert files(store) == before
    assert len(store.read(MARKET)) == 10


def test_writers_of_one_market_lose_nothing_to_each_other(tmp_path):
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda i: ParquetStore(tmp_path).merge(some_bars(10 * i), Source(f"{i}", "")), range(8)))
    stored = ParquetStore(tmp_path).describe(MARKET)

    assert (stored.count, stored.gaps) == (80, 0)
    assert sorted(source.name for source in stored.sources) == [str(i) for i in range(8)]


def test_a_writer_does_not_wait_for_ever(store, file):
    impatient = ParquetStore(store.root, lock_timeout=0)

    with locked(file.with_name(".1h.lock"), timeout=0), pytest.raises(TimeoutError, match="locked by another process"):
        impatient.merge(some_bars(first=10), FILE)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: tables.write_parquet(path, {"time": np.zeros(1)}),
    ],
    ids=["empty", "cut off", "somebody else's"],
)
def test_a_damaged_file_is_told_with_the_remedy_and_hides_no_other_market(store, file, harm):
    harm(file)
    other = MARKET._replace(exchange="kraken")
    store.merge(
        Bars(*(getattr(some_bars(), name) for name in ("time", "open", "high", "low", "close", "volume")), HOUR, other),
        FILE,
    )
    damaged, sound = store.markets()

    with pytest.raises(StoreDamaged, match=r"remove .*1h\.parquet and import them again"):
        store.read(MARKET)
    assert damaged.market == MARKET
    assert "1h.parquet" in damaged.damage
    assert (sound.market, sound.damage) == (other, "")


def test_a_file_of_a_newer_version_is_not_guessed_at(store, file, monkeypatch):
    monkeypatch.setattr(parquet_store, "FORMAT", FORMAT + 1)
    store.merge(some_bars(first=10), FILE)
    monkeypatch.undo()

    with pytest.raises(StoreDamaged, match="newer Tidewright"):
        store.read(MARKET)
