"""What every `BarStore` promises."""

from dataclasses import replace

import numpy as np
import pytest

from tidewright.adapters.parquet_store import ParquetStore
from tidewright.adapters.postgres.bars import PostgresBars
from tidewright.adapters.simulated import SimulatedStore
from tidewright.adapters.stores import RoutedStore
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import gaps
from tidewright.ports import MarketNotFound, Source, StoreRefused, Stretch

HOUR = 3_600_000
MARKET = Market("binance", "BTC/USDT", "1h")
FILE = Source("bars.csv", "sha256:0")


def some_bars(first=0, count=10, market=MARKET):
    price = 100.0 + np.arange(first, first + count)
    time = HOUR * np.arange(first, first + count)
    return Bars(time, price, price + 2, price - 2, price + 1, price * 3, step=HOUR, market=market)


def empty(request, tmp_path):
    if request.param == "postgres":
        return PostgresBars(request.getfixturevalue("database_url"))
    if request.param == "routed":
        return RoutedStore({"simulated": SimulatedStore()}, lambda: ParquetStore(tmp_path))
    return ParquetStore(tmp_path)


@pytest.fixture(params=["local", "routed", "postgres"])
def writable(request, tmp_path):
    return empty(request, tmp_path)


@pytest.fixture(params=["local", "routed", "postgres", "simulated"])
def store(request, tmp_path):
    if request.param == "simulated":
        return SimulatedStore()
    filled = empty(request, tmp_path)
    filled.merge(some_bars(), FILE)
    filled.merge(some_bars(first=20), FILE)
    return filled


def test_every_listed_market_can_be_read_and_is_as_listed(store):
    listed = store.markets()

    assert listed
    for stored in listed:
        bars = store.read(stored.market)
        assert bars.market == stored.market
        assert (len(bars), int(bars.time[0]), int(bars.time[-1])) == (stored.count, stored.first, stored.last)
        assert len(gaps(bars)) == stored.gaps
        assert bars_digest(bars) == stored.digest
        assert store.describe(stored.market) == stored


def test_a_period_is_its_start_and_everything_before_its_end(store):
    market = store.markets()[0].market
    times = store.read(market).time
    start, end = int(times[2]), int(times[7])

    assert store.read(market, start, end).time.tolist() == times[2:7].tolist()
    assert store.read(market, start).time.tolist() == times[2:].tolist()
    assert store.read(market, None, end).time.tolist() == times[:7].tolist()
    assert len(store.read(market, start=int(times[-1]) + 1)) == 0


def test_arrays_belong_to_the_caller(store):
    market = store.markets()[0].market
    bars = store.read(market)
    for name in ("time", *COLUMNS):
        getattr(bars, name)[:] = -1

    assert store.read(market).time[0] != -1
    assert store.read(market).close[0] != -1


def test_an_unknown_market_is_a_lookup_error_that_names_the_nearest(store):
    known = store.markets()[0].market

    with pytest.raises(MarketNotFound, match=f"nearest are .*{known.symbol}"):
        store.read(known._replace(symbol=known.symbol.replace("USDT", "USD")))
    with pytest.raises(LookupError):
        store.describe(known._replace(timeframe="3d"))


def test_what_is_merged_can_be_read(writable):
    merged = writable.merge(some_bars(), FILE)

    assert (merged.added, merged.replaced, merged.unchanged) == (10, 0, 0)
    assert bars_digest(writable.read(MARKET)) == bars_digest(some_bars())


def test_merging_the_same_bars_again_changes_nothing(writable):
    first = writable.merge(some_bars(), FILE)
    again = writable.merge(some_bars(), Source("other.csv", "sha256:1"))

    assert (again.added, again.replaced, again.unchanged) == (0, 0, 10)
    assert again.stored == first.stored


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_overlapping_parts_make_one_series_in_any_order(writable, order):
    parts = [some_bars(0, 12), some_bars(10, 10), some_bars(19, 11)]
    for i in order:
        writable.merge(parts[i], FILE)

    assert bars_digest(writable.read(MARKET)) == bars_digest(some_bars(0, 30))


def test_a_gap_stays_a_gap(writable):
    merged = [writable.merge(some_bars(first), FILE) for first in (0, 15)][-1]

    assert merged.stored.gaps == 1
    assert len(writable.read(MARKET)) == 20


def test_bars_that_contradict_stored_ones_are_refused_by_name_and_nothing_changes(writable):
    writable.merge(some_bars(), FILE)
    other = some_bars(first=5)
    other.close[2] = 107.5

    with pytest.raises(
        StoreRefused, match=r"one of the bars .* 1970-01-01T07:00:00Z \(close 108.0, now 107.5\); --replace"
    ):
        writable.merge(other, FILE)
    assert bars_digest(writable.read(MARKET)) == bars_digest(some_bars())


def test_contradicting_bars_replace_stored_ones_when_asked_to(writable):
    writable.merge(some_bars(), FILE)
    other = some_bars(first=5)
    other.close[2] = 107.5
    merged = writable.merge(other, FILE, replace=True)

    assert (merged.added, merged.replaced, merged.unchanged) == (5, 1, 4)
    assert writable.read(MARKET).close[7] == 107.5


def test_markets_are_listed_by_exchange_symbol_and_length(writable):
    markets = [
        Market("binance", "BTC/USDT", "1h"),
        Market("binance", "ETH/USDT", "1h"),
        Market("binance", "ETH/USDT:USDT", "1h"),
        Market("kraken", "BTC/USD", "1h"),
    ]
    for market in reversed(markets):
        writable.merge(some_bars(market=market), FILE)

    assert [stored.market for stored in writable.markets() if not stored.simulated] == markets


def test_sources_are_remembered_and_a_simulated_one_marks_the_market(writable):
    simulation = Source("agents.parquet", "sha256:1", simulated=True)
    writable.merge(some_bars(), FILE)
    writable.merge(some_bars(first=10), simulation)
    stored = writable.merge(some_bars(first=20), Source("more.csv", "sha256:2")).stored

    assert stored.simulated
    assert [source.name for source in stored.sources] == ["bars.csv", "agents.parquet", "more.csv"]


def test_what_an_exchange_has_no_bars_for_is_remembered_in_order_and_without_overlap(writable):
    writable.merge(some_bars(), FILE)
    writable.merge(some_bars(first=20), FILE)
    before = writable.describe(MARKET)
    writable.record_absent(MARKET, [Stretch(15 * HOUR, 20 * HOUR)])
    after = writable.record_absent(
        MARKET, [Stretch(10 * HOUR, 15 * HOUR), Stretch(12 * HOUR, 13 * HOUR), Stretch(40 * HOUR, 50 * HOUR)]
    )

    assert after == replace(before, absent=(Stretch(10 * HOUR, 20 * HOUR), Stretch(40 * HOUR, 50 * HOUR)))
    assert writable.describe(MARKET) == after
    assert len(writable.read(MARKET)) == 20


def test_what_turns_out_to_have_a_bar_is_absent_no_longer(writable):
    writable.merge(some_bars(), FILE)
    writable.record_absent(MARKET, [Stretch(10 * HOUR, 20 * HOUR), Stretch(40 * HOUR, 50 * HOUR)])

    assert writable.merge(some_bars(first=15), FILE).stored.absent == (Stretch(40 * HOUR, 50 * HOUR),)


def test_what_has_a_bar_or_is_not_stored_cannot_be_absent(writable):
    writable.merge(some_bars(), FILE)

    with pytest.raises(StoreRefused, match="the bar that opens at 1970-01-01T09:00:00Z is stored"):
        writable.record_absent(MARKET, [Stretch(9 * HOUR, 20 * HOUR)])
    with pytest.raises(MarketNotFound):
        writable.record_absent(MARKET._replace(symbol="ETH/USDT"), [Stretch(0, HOUR)])


@pytest.mark.parametrize(
    ("bars", "reason"),
    [
        (some_bars(count=0), "no bars to store"),
        (some_bars().part(3, 8), "sort the bars"),
        (replace(some_bars(), step=60_000), "a timeframe is one of"),
        (some_bars(market=Market("binance", "BTC/USDT", "7h")), "a timeframe is one of"),
    ],
    ids=["no bars", "unsorted", "wrong step", "no timeframe"],
)
def test_what_is_no_series_of_bars_is_refused(writable, bars, reason):
    if reason == "sort the bars":
        bars = replace(bars, time=bars.time[::-1].copy())

    with pytest.raises(StoreRefused, match=reason):
        writable.merge(bars, FILE)


@pytest.mark.parametrize(
    "market",
    [("..", "BTC/USDT", "1h"), ("binance", "../../BTC", "1h"), ("a/b", "BTC/USDT", "1h"), ("binance", "", "1h")],
)
def test_a_name_cannot_lead_out_of_the_store(writable, market, tmp_path):
    with pytest.raises(ValueError, match="names no exchange, symbol or timeframe"):
        writable.merge(some_bars(market=Market(*market)), FILE)
    with pytest.raises(ValueError, match="names no exchange, symbol or timeframe"):
        writable.read(Market(*market))
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_market_takes_no_bars():
    with pytest.raises(StoreRefused, match=r"name the exchange that bars\.csv is from"):
        SimulatedStore().merge(some_bars(), FILE)
    with pytest.raises(StoreRefused, match="has no gaps"):
        SimulatedStore().record_absent(MARKET, [Stretch(0, HOUR)])
