import asyncio
import io
import zipfile

import numpy as np
import pytest
from fake_binance import at, cut, funding_rate, status

from tidewright.adapters.exchange.binance import Kind, archive_file
from tidewright.adapters.exchange.fulfil import fulfil_funding
from tidewright.adapters.exchange.http import Patience
from tidewright.adapters.exchange.order import Order
from tidewright.adapters.exchange.source import UnknownSymbol
from tidewright.adapters.exchange.unpack import ArchiveRefused, unpacked_funding
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.domain.bars import Market
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import due_times
from tidewright.ports import Source, StoreRefused, Stretch

INTERVAL = 8 * 3_600_000
PERPETUAL = Market("binance", "BTC/USDT:USDT", "funding")
LISTED = at("2023-11-20T08:00:00")  # the first funding after trading began
NOW = at("2025-03-10T12:34:56")


@pytest.fixture
def store(tmp_path):
    return ParquetStore(tmp_path / "store")


@pytest.fixture
def download(binance, clock, store, tmp_path):
    def call(start="2024-01-01", end=None, market=PERPETUAL, **options):
        addresses = {"archive_url": binance.url, "rest_url": binance.url}
        order = Order(market, at(start), at(end) if end else None, Kind.FUNDING, **addresses, **options)
        patience = Patience(attempts=2)
        folder = tmp_path / "downloads"
        return asyncio.run(fulfil_funding(order, store, folder, clock=lambda: NOW, patience=patience, pace=clock.pace))

    return call


def stored(store):
    return store.read_funding(*PERPETUAL[:2])


def due(start, end):
    """When rates are due from one time to another, both included."""
    return list(range(-(-start // INTERVAL) * INTERVAL, end + 1, INTERVAL))


def test_months_come_from_the_archive_and_the_rest_over_rest(download, binance, store):
    outcome = download()
    funding = stored(store)

    assert due_times(funding).tolist() == due(at("2024-01-01"), NOW)
    assert [f"{rate:.8f}" for rate in funding.rate] == [funding_rate(time) for time in due(at("2024-01-01"), NOW)]
    assert np.count_nonzero(funding.time % 1_000) > 0.8 * len(funding.time)
    assert (outcome.files, outcome.requests, outcome.added) == (14, 1, len(funding.time))
    assert (outcome.failed, outcome.notes, outcome.unrepaired) == (False, [], [])
    assert outcome.stored == store.describe_funding(*PERPETUAL[:2])
    assert "/data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-01.zip" in binance.requests


def test_years_before_the_listing_are_not_looked_for(download, binance, store):
    outcome = download("2019-01-01")

    assert outcome.period.start == due_times(stored(store))[0] == LISTED
    assert binance.count("CHECKSUM") == 16
    assert outcome.unrepaired == []


def test_a_second_time_only_what_is_new_is_asked_for(download, binance, store):
    download()
    binance.requests.clear()
    again = download()

    assert (again.added, again.replaced, again.files, again.requests) == (0, 0, 0, 0)
    assert binance.count("/data/") == 0
    binance.now += 2 * INTERVAL
    assert download().added == 2


def test_a_period_has_the_rates_up_to_its_end(download, store):
    download("2024-03-01", "2024-03-02")

    assert due_times(stored(store)).tolist() == due(at("2024-03-01"), at("2024-03-02"))


def test_a_hole_is_filled_and_one_that_nobody_can_fill_is_told(download, binance, store):
    hole = at("2024-02-10T04:00"), at("2024-02-12T04:00")
    binance.outages.append(hole)
    first = download(end="2024-06-01")
    binance.outages.clear()
    filled = download(end="2024-06-01")

    assert first.unrepaired == [Stretch(at("2024-02-10"), at("2024-02-12T08:00"))]
    assert not first.failed
    assert (filled.added, filled.files, filled.unrepaired) == (6, 0, [])
    assert due_times(stored(store)).tolist() == due(at("2024-01-01"), at("2024-06-01"))


def test_a_file_that_lies_is_refused_and_its_rates_come_over_rest(download, binance, store):
    binance.contents["2024-02"] = lambda content: content.replace(",8,", ",8,9")
    binance.zips["2024-03"] = lambda packed: b"<html>"
    outcome = download(end="2024-05-01")

    assert due_times(stored(store)).tolist() == due(at("2024-01-01"), at("2024-05-01"))
    assert outcome.files == 2
    assert sorted(note.partition(" was refused")[0] for note in outcome.notes) == [
        f"BTCUSDT-fundingRate-2024-0{month}.zip" for month in (2, 3)
    ]
    assert outcome.unrepaired == []


def test_what_is_interrupted_goes_on(download, binance, store, tmp_path):
    binance.fail("2024-02.zip", lambda handler, body: False, cut(10), cut(10))
    binance.fail("/fundingRate?", *[lambda handler, body: False, *[status(503)] * 2])
    broken = download(end="2024-05-01")

    assert broken.failed
    assert broken.unrepaired == [Stretch(at("2024-01-31T16:00"), at("2024-03-01"))]
    assert list((tmp_path / "downloads").rglob("*2024-02.zip.*"))
    assert download(end="2024-05-01").unrepaired == []
    assert not list((tmp_path / "downloads").rglob("*.zip.*"))
    assert due_times(stored(store)).tolist() == due(at("2024-01-01"), at("2024-05-01"))


def test_a_silent_rest_interface_leaves_what_the_archive_has(download, binance, store):
    binance.fail("/fapi/", *[status(451)] * 20)
    outcome = download(end="2024-05-01")

    assert due_times(stored(store))[-1] == at("2024-04-30T16:00")
    assert outcome.notes[0].startswith("the exchange's clock could not be asked, so this machine's was trusted")
    assert outcome.failed
    assert outcome.unrepaired == []


def test_rates_that_contradict_stored_ones_are_refused_unless_they_may_replace(download, store):
    wrong = Funding(np.array([at("2024-01-05")]), np.array([0.02]))
    store.merge_funding(*PERPETUAL[:2], wrong, Source("wrong.csv", "sha256:0"))

    with pytest.raises(StoreRefused, match="--replace takes the new ones"):
        download(end="2024-02-01")
    assert download(end="2024-02-01", replace=True).replaced == 1


def test_other_exchanges_and_markets_can_be_imported(download):
    for market in PERPETUAL._replace(exchange="kraken"), PERPETUAL._replace(symbol="BTC/USDT"):
        with pytest.raises(ValueError, match=f"that of {market.symbol} on {market.exchange} can be imported"):
            download(market=market)


def test_an_unknown_symbol_and_an_empty_period_are_errors(download, binance):
    with pytest.raises(UnknownSymbol):
        download("2025-03-09", market=PERPETUAL._replace(symbol="XXX/USDT:USDT"))
    with pytest.raises(LookupError, match="has no funding of BTC/USDT:USDT from 2020-01-01"):
        download("2020-01-01", "2020-02-01")
    with pytest.raises(ValueError, match="has not begun"):
        download("2025-03-11")


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b'[{"fundingTime": 1}]',
        b'[{"fundingTime": 1709280000000, "fundingRate": "5"}]',
        b'[{"fundingTime": 1, "fundingRate": "0.0001"}]',
    ],
    ids=["no list", "no rate", "no share", "before the period"],
)
def test_an_answer_that_is_broken_is_no_rate(download, binance, answer):
    binance.fail("/fundingRate?", *[status(200, answer)] * 5)
    outcome = download("2024-03-01", "2024-03-02")

    assert (outcome.failed, outcome.stored) == (True, None)
    assert outcome.unrepaired == [Stretch(at("2024-03-01"), at("2024-03-02"))]


MARCH = archive_file(PERPETUAL, Kind.FUNDING, Stretch(at("2024-03-01"), at("2024-04-01")))
HEADER = "calc_time,funding_interval_hours,last_funding_rate\n"


def zipped(content, name="BTCUSDT-fundingRate-2024-03.csv"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped(HEADER), "it has no rows"),
        (zipped(f"{HEADER}{at('2024-04-02')},8,0.1\n"), "not of 2024-03-01T00:00:00Z to 2024-04-01T00:00:00Z"),
        (zipped(f"{at('2024-03-02')},8,0.01\n{at('2024-03-01')},8,0.01\n"), "not in order of time"),
        (zipped(f"{at('2024-03-02')},8,0.06\n"), "0.06 at 2024-03-02T00:00:00Z is no funding rate"),
        (zipped(f"{at('2024-03-02')},8,x\n"), "x"),
        (zipped(f"{at('2024-03-02')},0.01\n"), "2 columns and not 3"),
        (zipped(HEADER, name="../evil.csv"), "should hold BTCUSDT-fundingRate-2024-03.csv alone"),
        (zipped(HEADER + "0" * (1 << 20)), "it would unpack from"),
        (b"<html>", "it is no zip file"),
    ],
    ids=["empty", "another month", "unsorted", "no rate", "text", "columns", "path", "bomb", "web page"],
)
def test_a_file_that_is_no_funding_is_refused(tmp_path, content, reason):
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(ArchiveRefused, match="was refused: ") as refused:
        unpacked_funding(path, MARCH)
    assert reason in str(refused.value)
