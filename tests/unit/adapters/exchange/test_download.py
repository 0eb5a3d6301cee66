import asyncio
import errno
import random
from dataclasses import replace

import pytest
from fake_binance import DAY, at, cut, kline, status

from tidewright.adapters import parquet_store
from tidewright.adapters.atomic import locked
from tidewright.adapters.exchange.binance import Kind
from tidewright.adapters.exchange.fulfil import fulfil
from tidewright.adapters.exchange.http import Patience
from tidewright.adapters.exchange.order import Order
from tidewright.adapters.exchange.source import UnknownSymbol
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.provenance import bars_digest
from tidewright.domain.resampling import resample
from tidewright.ports import Source, StoreRefused, Stretch

HOUR = 3_600_000
MARKET = Market("binance", "BTC/USDT", "1h")
CSVS = "BTCUSDT-1h-"


@pytest.fixture
def store(tmp_path):
    return ParquetStore(tmp_path / "data")


@pytest.fixture
def parts(tmp_path):
    """The files that are kept until they are merged."""
    return lambda: sorted(path.name for path in (tmp_path / "parts").rglob("*.zip.*"))


@pytest.fixture
def download(binance, clock, store, tmp_path):
    def call(start="2024-12-01", end=None, *, market=MARKET, local=None, patience=None, **wishes):
        order = Order(market, at(start), end and at(end), archive_url=binance.url, rest_url=binance.url, **wishes)
        binance.requests.clear()
        time = binance.now if local is None else local
        return asyncio.run(
            fulfil(order, store, tmp_path / "parts", clock=lambda: time, patience=patience, pace=clock.pace)
        )

    return call


def expected(binance, start="2024-12-01", end=None, step=HOUR, interval="1h"):
    end = at(end) if end else binance.now
    return [time for time in binance.opens(interval, at(start), end) if time + step <= binance.now]


def times(store, market=MARKET):
    return store.read(market).time.tolist()


def files(binance):
    return [path.rpartition(CSVS)[2].removesuffix(".zip") for path in binance.requests if path.endswith(".zip")]


def api(binance):
    return [
        path for path in binance.requests if path.startswith(("/api/v3/klines", "/api/v3/agg")) and "limit=1000" in path
    ]


def test_whole_months_come_from_their_files_then_days_and_the_rest_over_the_api(download, binance, store):
    outcome = download()

    assert sorted(files(binance)) == sorted(
        ["2024-12", "2025-01", "2025-02", *(f"2025-03-{day:02d}" for day in range(1, 10))]
    )
    assert len(api(binance)) == 1
    assert times(store) == expected(binance)
    assert (outcome.added, outcome.files, outcome.requests) == (len(expected(binance)), 12, 1)
    assert (outcome.unrepaired, outcome.absent, outcome.notes, outcome.failed) == ([], [], [], False)


def test_values_are_those_of_the_exchange_in_milliseconds_and_in_microseconds(download, store):
    download()
    bars = store.read(MARKET)

    for i in (0, 100, len(bars) - 1):
        assert [getattr(bars, name)[i] for name in COLUMNS] == list(kline(int(bars.time[i]), HOUR))


def test_a_second_run_asks_for_the_time_and_nothing_else(download, binance, parts):
    download()
    outcome = download()

    assert binance.requests == ["/api/v3/time"]
    assert (outcome.added, outcome.files, outcome.requests) == (0, 0, 0)
    assert parts() == []


def test_what_is_new_is_all_that_a_later_run_asks_for(download, binance, store):
    download()
    binance.now += 3 * HOUR
    outcome = download()

    assert (outcome.added, files(binance), len(api(binance))) == (3, [], 1)
    assert times(store) == expected(binance)


def test_the_bar_that_is_not_over_is_never_stored(download, binance, store):
    binance.now = at("2025-03-10T12:59:59")
    download()
    assert times(store)[-1] == at("2025-03-10T11:00")
    binance.now = at("2025-03-10T13:00")
    download()
    assert times(store)[-1] == at("2025-03-10T12:00")


def test_a_period_is_held_to(download, store, binance):
    outcome = download("2025-01-10T05:30:00", "2025-02-03T07:00:00")

    assert times(store) == expected(binance, "2025-01-10T06:00", "2025-02-03T07:00")
    assert outcome.period == Stretch(at("2025-01-10T06:00"), at("2025-02-03T07:00"))


@pytest.mark.parametrize(
    ("start", "end"),
    [("2025-03-10T12:00", None), ("2025-04-01", None), ("2025-01-01", "2025-01-01"), ("2025-01-02", "2025-01-01")],
)
def test_a_period_without_a_closed_bar_is_refused(download, start, end):
    with pytest.raises(ValueError, match=r"no 1h bar opens from .* choose an earlier start or a later end"):
        download(start, end)


@pytest.mark.parametrize("skew", [-3 * HOUR, 3 * HOUR], ids=["behind", "ahead of"])
def test_the_exchanges_clock_counts_and_a_skew_is_told(download, binance, store, skew):
    outcome = download(local=binance.now + skew)

    assert times(store) == expected(binance)
    side = "behind" if skew < 0 else "ahead of"
    assert outcome.notes == [f"this machine's clock is 3:00:00 {side} the exchange's, which was trusted"]


def test_years_before_the_listing_are_not_looked_for_and_recorded(download, binance, store):
    outcome = download("2015-01-01", "2023-12-01")

    assert files(binance) == ["2023-11"]
    assert outcome.absent == [Stretch(at("2015-01-01"), binance.listed)]
    assert store.describe(MARKET).absent == tuple(outcome.absent)
    assert outcome.unrepaired == []
    download("2015-01-01", "2023-12-01")
    assert binance.requests == ["/api/v3/time"]


def test_a_gap_that_the_exchange_has_too_is_recorded_and_not_asked_for_again(download, binance, store):
    outage = (at("2025-01-05T02:00"), at("2025-01-05T09:00"))
    binance.outages.append(outage)
    outcome = download()

    assert outcome.absent == [outage]
    assert store.describe(MARKET).absent == (outage,)
    assert store.describe(MARKET).gaps == 1
    assert download().absent == []
    assert binance.requests == ["/api/v3/time"]


def test_a_gap_of_the_archive_is_repaired_over_the_api(download, binance, store):
    def without_the_fifth(content):
        kept = [
            line
            for line in content.splitlines(keepends=True)
            if not at("2025-01-05") <= int(line[:13]) < at("2025-01-05T09:00")
        ]
        return "".join(kept)

    binance.contents["2025-01.zip"] = without_the_fifth
    outcome = download()

    assert times(store) == expected(binance)
    assert outcome.absent == []
    assert any("startTime=1736035200000" in path for path in api(binance))


def test_days_that_a_months_file_lacks_come_from_their_own_files(download, binance, store):
    binance.contents["2025-01.zip"] = lambda content: "".join(
        line for line in content.splitlines(keepends=True) if not at("2025-01-05") <= int(line[:13]) < at("2025-01-07")
    )
    download()

    assert {"2025-01-05", "2025-01-06"} <= set(files(binance))
    assert times(store) == expected(binance)


def test_a_month_that_is_not_published_yet_comes_by_day_an_old_one_over_the_api(download, binance, store):
    binance.lost += ["1h-2025-02.zip", "1h-2024-06.zip"]
    download("2024-05-01")

    assert "2025-02-17" in files(binance)
    assert "2024-06-17" not in files(binance)
    assert times(store) == expected(binance, "2024-05-01")


def test_a_gap_after_the_last_closed_day_may_be_filled_later_and_is_not_recorded(download, binance, store):
    binance.outages.append((at("2025-03-10T10:00"), at("2025-03-11")))
    outcome = download()

    assert outcome.unrepaired == [Stretch(at("2025-03-10T10:00"), at("2025-03-10T12:00"))]
    assert (outcome.absent, outcome.failed) == ([], False)
    binance.outages.clear()
    assert download().unrepaired == []


def test_imported_bars_are_completed_around_and_left_alone(download, binance, store):
    span = range(at("2025-01-10"), at("2025-01-20"), HOUR)
    numbers = [kline(time, HOUR) for time in span]
    columns = dict(zip(COLUMNS, map(list, zip(*numbers, strict=True)), strict=True))
    table = {name: parquet_store.np.array(values) for name, values in columns.items()}
    store.merge(Bars(parquet_store.np.array(span), **table, step=HOUR, market=MARKET), Source("mine.csv", "sha256:0"))
    outcome = download()

    assert times(store) == expected(binance)
    assert outcome.added == len(expected(binance)) - len(span)


def test_stored_bars_of_other_values_are_refused_unless_they_may_be_replaced(download, binance, store):
    download(end="2025-01-11")
    bars = store.read(MARKET, at("2025-01-10"), at("2025-01-10T02:00"))
    store.merge(replace(bars, volume=bars.volume + 1), Source("mine.csv", "sha256:0"), replace=True)

    with pytest.raises(StoreRefused, match=r"2 of the bars .* 2025-01-10T00:00:00Z .* --replace takes the new ones"):
        download()
    assert download(replace=True).replaced == 2


def test_weeks_come_from_months_and_the_api(download, binance, store):
    market = MARKET._replace(timeframe="1w")
    download("2024-01-01", market=market)

    assert times(store, market) == expected(binance, "2024-01-01", step=7 * DAY, interval="1w")


def test_perpetuals_have_files_with_a_header(download, binance, store):
    market = MARKET._replace(symbol="BTC/USDT:USDT")
    download(market=market)

    assert times(store, market) == expected(binance)
    assert all("/futures/um/" in path or path.startswith("/fapi/v1/") for path in binance.requests)


def test_bars_of_trades_are_the_bars_of_the_exchange(download, store, tmp_path):
    download("2025-01-01")
    klines = store.read(MARKET)
    (tmp_path / "data/binance/BTC-USDT/1h.parquet").unlink()
    outcome = download("2025-01-01", kind=Kind.TRADES)

    assert bars_digest(store.read(MARKET)) == bars_digest(klines)
    assert outcome.files == 11
    assert not outcome.failed


def test_many_trades_are_not_asked_for_one_by_one(download, binance):
    binance.lost.append("aggTrades-2025-01")
    outcome = download("2025-01-01", kind=Kind.TRADES)

    assert "more than 3d are missing, too much to ask for trade by trade" in outcome.notes
    assert api(binance) == []
    assert outcome.unrepaired[0] == Stretch(at("2025-01-01"), at("2025-02-01"))


@pytest.mark.parametrize(
    ("market", "reason"),
    [
        (MARKET._replace(timeframe="1w"), "bars of 1w are not made of trades; make those of 1d"),
        (MARKET._replace(exchange="kraken"), "bars are made of trades for binance only"),
    ],
)
def test_what_cannot_be_made_of_trades_is_refused(download, market, reason):
    with pytest.raises(ValueError, match=reason):
        download(market=market, kind=Kind.TRADES)


def test_an_unknown_symbol_is_refused(download, store):
    with pytest.raises(UnknownSymbol, match="Binance knows no BTCUSTD"):
        download(market=MARKET._replace(symbol="BTC/USTD"))
    assert store.markets() == []


def test_a_period_in_which_nothing_was_traded_is_refused(download, store):
    with pytest.raises(
        LookupError, match=r"binance has no 1h bars of BTC/USDT from 2020-01-01T00:00:00Z to 2020-02-01"
    ):
        download("2020-01-01", "2020-02-01")


def test_a_delisted_symbol_comes_from_the_archive_and_its_end_is_recorded(download, binance, store):
    binance.outages.append((at("2025-01-20"), at("2026-01-01")))
    binance.fail("/klines?", *[status(400, b'{"code":-1121,"msg":"Invalid symbol."}')] * 9)
    outcome = download()

    assert times(store)[-1] == at("2025-01-19T23:00")
    assert outcome.absent[0].start == at("2025-01-20")
    assert not outcome.failed


# Faults.


@pytest.mark.parametrize(
    "content",
    [b"<html>", b"PK\x03\x04 cut off", b""],
    ids=["web page", "truncated zip", "nothing"],
)
def test_a_file_that_is_no_file_is_refused_and_its_bars_come_over_the_api(download, binance, store, parts, content):
    binance.zips["2025-01.zip"] = lambda packed: content
    binance.lost.append("1h-2025-01-")
    outcome = download()

    assert len([note for note in outcome.notes if note.startswith("BTCUSDT-1h-2025-01.zip was refused: ")]) == 1
    assert outcome.failed
    assert times(store) == expected(binance)
    assert parts() == []


def test_an_archive_that_lies_about_a_checksum_is_not_believed(download, binance, store):
    binance.fail("2025-01.zip.CHECKSUM", status(200, f"{'0' * 64}  BTCUSDT-1h-2025-01.zip\n".encode()))
    outcome = download()

    assert "its checksum file says 000" in outcome.notes[0]
    assert times(store) == expected(binance)
    assert not outcome.unrepaired


def test_a_bomb_is_refused_and_the_rest_is_stored(download, binance, store):
    binance.contents["2025-01.zip"] = lambda content: "0" * (1 << 22)
    outcome = download()

    assert "it would unpack from" in outcome.notes[0]
    assert times(store) == expected(binance)


def test_passing_faults_anywhere_cost_time_only(download, binance, store, clock):
    binance.fail("/api/v3/time", status(503))
    binance.fail("limit=1", status(429, Retry_After="5"))
    binance.fail("2025-01.zip", cut(20), cut(300), status(500), cut(0))
    binance.fail("limit=1000", status(418, Retry_After="60"), cut(100))
    outcome = download()

    assert times(store) == expected(binance)
    assert not outcome.failed
    assert clock.time >= 65


def test_without_the_archive_everything_comes_over_the_api(download, binance, store, clock):
    binance.fail("/data/", *[status(503)] * 100)
    outcome = download(patience=Patience(retries=20))

    assert times(store) == expected(binance)
    assert len([note for note in outcome.notes if "answers 503" in note]) == 1
    assert (outcome.files, outcome.failed, outcome.unrepaired) == (0, True, [])


def test_without_the_api_what_the_archive_lacks_stays_missing_and_is_told(download, binance, store):
    binance.fail("/api/", *[status(451, b"restricted location")] * 100)
    outcome = download()

    assert times(store) == expected(binance, end="2025-03-10")
    assert outcome.failed
    assert outcome.unrepaired == [Stretch(at("2025-03-10"), at("2025-03-10T12:00"))]
    assert outcome.notes[0].startswith("the exchange's clock could not be asked, so this machine's was trusted: ")
    assert len(api(binance)) == 1
    binance._faults.clear()
    assert download().unrepaired == []


def test_without_anything_nothing_is_stored_and_everything_unrepaired(download, binance, store):
    binance.fail("/", *[status(503)] * 300)
    outcome = download(patience=Patience(retries=20))

    assert outcome.stored is None
    assert outcome.failed
    assert outcome.unrepaired == [outcome.period]


def test_a_download_that_dies_at_any_byte_goes_on_in_later_runs(download, binance, store, parts):
    draw = random.Random(11)  # noqa: S311
    for _ in range(12):
        binance.fail("2025-01.zip", *[lambda handler, body: False, cut(draw.randrange(1, 900))])
        binance.fail("/klines?", *[status(403)] * 9)
        download("2025-01-01", "2025-02-01", patience=Patience(attempts=1))
        binance._faults.clear()
    assert parts() != [] or times(store) == expected(binance, "2025-01-01", "2025-02-01")
    outcome = download("2025-01-01", "2025-02-01")

    assert times(store) == expected(binance, "2025-01-01", "2025-02-01")
    assert not outcome.failed


def test_an_interrupted_run_keeps_what_it_had_and_downloads_nothing_twice(download, binance, store, tmp_path, clock):
    """As Ctrl-C does: the task is cancelled in the middle."""
    order = Order(MARKET, at("2024-01-01"), archive_url=binance.url, rest_url=binance.url, connections=1)

    async def interrupted():
        seen = []
        task = asyncio.create_task(
            fulfil(
                order,
                store,
                tmp_path / "parts",
                lambda name, done: seen.append(name),
                lambda: binance.now,
                None,
                clock.pace,
            )
        )
        while len(seen) < 5:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(interrupted())
    kept = times(store)
    first = files(binance)
    download("2024-01-01")

    assert len(kept) > 4 * 28 * 24
    assert times(store) == expected(binance, "2024-01-01")
    assert len(set(first) & set(files(binance))) <= 1  # the one that was cut off


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device")])
def test_a_full_disk_ends_it_and_a_later_run_goes_on(download, binance, store, monkeypatch, fault):
    download("2025-01-01", "2025-02-01")
    write = parquet_store._write

    def full(path, bars, description):
        write(path, bars, description)
        raise fault

    monkeypatch.setattr(parquet_store, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        download("2025-01-01")
    assert times(store) == expected(binance, "2025-01-01", "2025-02-01")
    monkeypatch.undo()
    download("2025-01-01")
    assert times(store) == expected(binance, "2025-01-01")


def test_two_runs_for_one_market_do_not_mix(download, tmp_path):
    with locked(tmp_path / "parts/binance/BTC-USDT/1h/.lock", timeout=0), pytest.raises(TimeoutError):
        download()


def test_hours_can_be_made_into_days_that_the_exchange_publishes(download, store):
    download("2025-01-01", "2025-02-01")
    days = resample(store.read(MARKET), "1d")

    assert len(days.bars) == 31
    assert len(days.incomplete) == 0
