import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tidewright.adapters.parquet_store import ParquetStore
from tidewright.adapters.stores import faults, store_root, stores
from tidewright.adapters.tables import read_parquet, write_parquet
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.ports import Source

MARKET = Market("binance", "BTC/USDT", "1h")


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        ({"TIDEWRIGHT_DATA": "/data", "XDG_DATA_HOME": "/xdg"}, Path("/data")),
        ({"TIDEWRIGHT_DATA": "~/bars"}, Path.home() / "bars"),
        ({"TIDEWRIGHT_DATA": "", "XDG_DATA_HOME": "/xdg"}, Path("/xdg/tidewright/data")),
        ({}, Path.home() / ".local/share/tidewright/data"),
    ],
)
def test_where_the_local_store_is(environ, root):
    assert store_root(environ) == root


def a_bar():
    column = np.full(1, 100.0)
    return Bars(np.zeros(1, np.int64), column, column, column, column, column, step=3_600_000, market=MARKET)


def test_the_embedded_market_and_the_local_store_are_one(tmp_path):
    store = stores({"TIDEWRIGHT_DATA": str(tmp_path)})
    store.merge(a_bar(), Source("bars.csv", ""))

    assert len(store.read(MARKET)) == 1
    assert len(store.read(Market("simulated", "BTC/USDT", "1h"))) > 1
    assert [stored.market.exchange for stored in store.markets()][:2] == ["binance", "simulated"]


def test_the_embedded_market_does_without_pyarrow():
    code = (
        "import sys; from tidewright.adapters.stores import stores; from tidewright.domain.bars import Market;"
        "stores({}).read(Market('simulated', 'BTC/USDT', '1h')); sys.exit('pyarrow' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_sound_bars_have_no_faults(tmp_path):
    store = ParquetStore(tmp_path)

    assert faults(store, store.merge(a_bar(), Source("bars.csv", "")).stored) == ()


def test_a_changed_digest_and_broken_bars_are_faults(tmp_path):
    store = ParquetStore(tmp_path)
    stored = store.merge(a_bar(), Source("bars.csv", "")).stored
    path = tmp_path / "binance/BTC-USDT/1h.parquet"
    columns, metadata = read_parquet(path, ("time", *COLUMNS))
    write_parquet(path, columns | {"close": np.full(1, 200.0)}, metadata)
    found = faults(store, stored)

    assert found[0].startswith("the bars have the digest sha256:")
    assert found[1].startswith("1 bar where the high is below")


def test_damage_is_a_fault(tmp_path):
    store = ParquetStore(tmp_path)
    stored = store.merge(a_bar(), Source("bars.csv", "")).stored
    (tmp_path / "binance/BTC-USDT/1h.parquet").write_bytes(b"")

    assert "damaged" in faults(store, stored)[0]
    assert "damaged" in faults(store, store.markets()[0])[0]
