import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.costs import Funding
from tidewright.domain.ledger import Fills, Ledger
from tidewright.domain.provenance import bars_digest, funding_digest, record_digest, result_digest, source_digest

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


def test_funding_is_digested_as_documented_and_without_the_jitter_of_its_times():
    times, rates = np.array([7, 28_800_000 - 2]), np.array([0.0001, -0.0002])
    content = b"tidewright funding 1\0binance\0BTC/USDT:USDT\x002"
    content += struct.pack("<2q", 0, 28_800_000) + struct.pack("<2d", *rates)
    digest = funding_digest("binance", "BTC/USDT:USDT", Funding(times, rates))

    assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert funding_digest("binance", "BTC/USDT:USDT", Funding(times + 3, rates)) == digest
    assert funding_digest("binance", "ETH/USDT:USDT", Funding(times, rates)) != digest
    assert funding_digest("binance", "BTC/USDT:USDT", Funding(times, -rates)) != digest


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


LEDGER = Ledger(
    initial=1_000.0,
    fills=Fills(
        bar=np.array([1, 2]),
        time=np.array([3_600_000, 7_200_000]),
        side=np.array([1, -1], dtype=np.int8),
        price=np.array([100.0, 110.0]),
        quantity=np.array([10.0, 10.0]),
        fee=np.array([0.1, 0.2]),
        reason=np.array([0, 3], dtype=np.int8),
        position=np.array([0, 0]),
        held=np.array([10.0, 0.0]),
        symbol=np.array([0, 0]),
    ),
    equity=np.array([1_000.0, 999.9, 1_099.7]),
    cash=1_099.7,
    unfilled=0,
)


def test_a_result_is_digested_as_documented():
    content = b"tidewright result 1\x002\x003"
    content += struct.pack("<8q", 3_600_000, 7_200_000, 1, -1, 0, 3, 0, 0)
    content += struct.pack("<9d", 100, 110, 10, 10, 0.1, 0.2, 1_000, 999.9, 1_099.7)

    assert result_digest(LEDGER, 1) == f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize("name", ["time", "side", "price", "quantity", "fee", "reason", "position"])
def test_a_change_of_any_fill_changes_the_digest(name):
    values = getattr(LEDGER.fills, name).copy()
    values[1] = np.nextafter(values[1], 1_000) if values.dtype == np.float64 else values[1] + 1
    changed = replace(LEDGER, fills=replace(LEDGER.fills, **{name: values}))

    assert result_digest(changed, 1) != result_digest(LEDGER, 1)


def test_a_change_of_the_equity_or_of_the_arithmetic_changes_the_digest():
    changed = replace(LEDGER, equity=LEDGER.equity * np.array([1, 1, 1 + 2**-52]))

    assert result_digest(changed, 1) != result_digest(LEDGER, 1)
    assert result_digest(LEDGER, 2) != result_digest(LEDGER, 1)


def test_a_record_is_digested_whatever_the_order_of_its_keys():
    record = {"b": {"y": 1, "x": 0.1}, "a": ["ü", None, True]}

    assert record_digest(record) == record_digest({"a": ["ü", None, True], "b": {"x": 0.1, "y": 1}})
    assert record_digest(record) == source_digest('{"a":["ü",null,true],"b":{"x":0.1,"y":1}}')
    assert record_digest(record) != record_digest({**record, "a": ["ü", True, None]})


def test_a_record_holds_nothing_that_json_has_no_word_for():
    with pytest.raises(ValueError, match="JSON"):
        record_digest({"sharpe": float("nan")})


LINES = b"a\nb\n"


def test_a_text_has_one_digest_on_every_system():
    assert source_digest("a\r\nb\r\n") == source_digest("a\nb\n")
    assert source_digest("a\nb\n") == f"sha256:{hashlib.sha256(LINES).hexdigest()}"
    assert source_digest("a\nb") != source_digest("ab")
