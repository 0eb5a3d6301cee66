import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.provenance import bars_digest

BARS = Bars(
    time=np.array([0, 3_600_000]),
    open=np.array([1.0, 2.0]),
    high=np.array([3.0, 4.0]),
    low=np.array([0.5, 1.5]),
    close=np.array([2.0, 3.0]),
    volume=np.array([10.0, 20.0]),
    step=3_600_000,
    market=Market("binance", "BTC/USDT", "1h"),
)


def test_bars_are_digested_as_documented():
    content = b"tidewright bars 1\0binance\0BTC/USDT\x001h\x002"
    content += struct.pack("<2q", *BARS.time)
    for name in COLUMNS:
        content += struct.pack("<2d", *getattr(BARS, name))

    assert bars_digest(BARS) == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_how_the_arrays_lie_in_memory_does_not_matter():
    strided = replace(BARS, close=np.array([2.0, 0.0, 3.0, 0.0])[::2], volume=BARS.volume.astype(">f8"))

    assert bars_digest(strided) == bars_digest(BARS)


@pytest.mark.parametrize("name", ["time", *COLUMNS])
def test_a_change_anywhere_changes_the_digest(name):
    values = getattr(BARS, name).copy()
    values[1] = np.nextafter(values[1], 100) if name != "time" else values[1] + 1

    assert bars_digest(replace(BARS, **{name: values})) != bars_digest(BARS)


def test_the_market_is_part_of_the_digest():
    assert bars_digest(replace(BARS, market=Market("kraken", "BTC/USDT", "1h"))) != bars_digest(BARS)
