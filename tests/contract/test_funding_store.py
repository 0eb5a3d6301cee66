"""What every `FundingStore` promises."""

import numpy as np
import pytest

from tidewright.adapters.parquet_store import ParquetStore
from tidewright.adapters.postgres.bars import PostgresBars
from tidewright.adapters.simulated import SimulatedStore
from tidewright.adapters.stores import RoutedStore, funding_faults
from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Funding
from tidewright.domain.provenance import funding_digest
from tidewright.ports import FundingNotFound, Source, StoreRefused

HOUR = 3_600_000
PERPETUAL = ("binance", "BTC/USDT:USDT")
FILE = Source("funding.csv", "sha256:0")


def rates(first=0, count=10, jitter=0):
    """A rate every eight hours from the `first` one on."""
    numbers = np.arange(first, first + count)
    return Funding(8 * HOUR * numbers + jitter, 0.0001 * (numbers - 3))


def held(funding):
    return list(zip(funding.time.tolist(), funding.rate.tolist(), strict=True))


@pytest.fixture(params=["local", "routed", "postgres"])
def store(request, tmp_path):
    if request.param == "postgres":
        return PostgresBars(request.getfixturevalue("database_url"))
    if request.param == "routed":
        return routed(tmp_path)
    return ParquetStore(tmp_path)


def routed(tmp_path):
    return RoutedStore({"simulated": SimulatedStore()}, lambda: ParquetStore(tmp_path))


def test_what_is_merged_can_be_read_with_its_times_as_published(store):
    merged = store.merge_funding(*PERPETUAL, rates(jitter=7), FILE)

    assert (merged.added, merged.replaced, merged.unchanged) == (10, 0, 0)
    assert held(store.read_funding(*PERPETUAL)) == held(rates(jitter=7))


def test_what_is_listed_is_as_it_can_be_read(store):
    store.merge_funding("kraken", "ETH/USD:USD", rates(), FILE)
    store.merge_funding("binance", "ETH/USDT:USDT", rates(), FILE)
    store.merge_funding(*PERPETUAL, rates(jitter=-4), FILE)

    listed = store.stored_funding()
    assert [(stored.exchange, stored.symbol) for stored in listed] == [
        ("binance", "BTC/USDT:USDT"), ("binance", "ETH/USDT:USDT"), ("kraken", "ETH/USD:USD"),
    ]  # fmt: skip
    for stored in listed:
        name = stored.exchange, stored.symbol
        assert (stored.first, stored.last, stored.count, stored.sources) == (0, 72 * HOUR, 10, (FILE,))
        assert stored.digest == funding_digest(*name, store.read_funding(*name))
        assert store.describe_funding(*name) == stored
        assert funding_faults(store, stored) == ()


def test_funding_is_no_market_and_bars_are_no_funding(store):
    price = np.full(3, 100.0)
    market = Market(*PERPETUAL, "8h")
    store.merge(Bars(8 * HOUR * np.arange(3), price, price, price, price, price, 8 * HOUR, market), FILE)
    store.merge_funding(*PERPETUAL, rates(), FILE)

    assert [stored.market for stored in store.markets() if not stored.simulated] == [market]
    assert len(store.stored_funding()) == 1


@pytest.mark.parametrize("jitter", [0, 7, -4])
def test_rates_of_the_same_second_are_the_same_and_those_that_are_stored_stay(store, jitter):
    first = store.merge_funding(*PERPETUAL, rates(), FILE)
    again = store.merge_funding(*PERPETUAL, rates(jitter=jitter), Source("other.csv", "sha256:1"))

    assert (again.added, again.replaced, again.unchanged) == (0, 0, 10)
    assert again.stored == first.stored
    assert held(store.read_funding(*PERPETUAL)) == held(rates())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_overlapping_parts_make_one_series_in_any_order(store, order):
    parts = [rates(0, 12), rates(10, 10), rates(19, 11)]
    for i in order:
        store.merge_funding(*PERPETUAL, parts[i], FILE)

    assert held(store.read_funding(*PERPETUAL)) == held(rates(0, 30))


def test_rates_that_contradict_stored_ones_are_refused_by_name_and_nothing_changes(store):
    store.merge_funding(*PERPETUAL, rates(), FILE)
    other = rates(first=5, jitter=3)
    other.rate[2] = 0.02

    with pytest.raises(
        StoreRefused, match=r"one of the rates .* 1970-01-03T08:00:00Z \(0.0004, now 0.02\); --replace takes"
    ):
        store.merge_funding(*PERPETUAL, other, FILE)
    assert held(store.read_funding(*PERPETUAL)) == held(rates())


def test_contradicting_rates_replace_stored_ones_when_asked_to(store):
    store.merge_funding(*PERPETUAL, rates(), FILE)
    other = rates(first=5, jitter=3)
    other.rate[2] = 0.02
    merged = store.merge_funding(*PERPETUAL, other, FILE, replace=True)

    assert (merged.added, merged.replaced, merged.unchanged) == (5, 1, 4)
    assert held(store.read_funding(*PERPETUAL))[6:8] == [(48 * HOUR, pytest.approx(0.0003)), (56 * HOUR + 3, 0.02)]


def test_arrays_belong_to_the_caller(store):
    store.merge_funding(*PERPETUAL, rates(), FILE)
    funding = store.read_funding(*PERPETUAL)
    funding.time[:] = -1
    funding.rate[:] = -1

    assert held(store.read_funding(*PERPETUAL)) == held(rates())


def test_unknown_funding_is_a_lookup_error_that_names_the_nearest_and_the_command(store):
    store.merge_funding(*PERPETUAL, rates(), FILE)

    with pytest.raises(FundingNotFound, match=r"nearest are BTC/USDT:USDT funding on binance; .*import FILE --funding"):
        store.read_funding("binance", "BTC/USDC:USDC")
    with pytest.raises(LookupError):
        store.describe_funding("binanceusdm", "BTC/USDT:USDT")


@pytest.mark.parametrize(
    ("funding", "reason"),
    [
        (rates(count=0), "no rates to store"),
        (Funding(rates().time[::-1].copy(), rates().rate), "is not due later; sort"),
        (Funding(np.array([0, 7]), np.array([0.1, 0.1])), "drop duplicates"),
        (Funding(np.array([0, HOUR]), np.array([0.01, 5.0])), "the rate 5 at 1970-01-01T01:00:00Z is none"),
        (Funding(np.array([0, HOUR]), np.array([0.01, np.nan])), "the rate nan at"),
    ],
    ids=["none", "unsorted", "same second", "percent", "no number"],
)
def test_what_is_no_series_of_rates_is_refused(store, funding, reason):
    with pytest.raises(StoreRefused, match=reason):
        store.merge_funding(*PERPETUAL, funding, FILE)


@pytest.mark.parametrize("name", [("..", "BTC/USDT"), ("binance", "../../BTC"), ("a/b", "BTC/USDT"), ("binance", "")])
def test_a_name_cannot_lead_out_of_the_store(store, name, tmp_path):
    with pytest.raises(ValueError, match="names no exchange, symbol or timeframe"):
        store.merge_funding(*name, rates(), FILE)
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_market_has_no_funding_and_takes_none(tmp_path):
    store = routed(tmp_path)

    assert store.stored_funding() == []
    with pytest.raises(StoreRefused, match=r"name the exchange that funding\.csv is from"):
        store.merge_funding("simulated", "BTC/USDT", rates(), FILE)
    for ask in (store.read_funding, store.describe_funding):
        with pytest.raises(FundingNotFound, match="has no perpetuals"):
            ask("simulated", "BTC/USDT")
