import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from fake_binance import FakeBinance, at, status

from tidewright.adapters.parquet_store import ParquetStore
from tidewright.cli.data import data
from tidewright.domain.bars import Market
from tidewright.ports import Source

NAMED = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")
MARKET = Market("binance", "BTC/USDT", "1h")


@pytest.fixture
def binance():
    with FakeBinance(now=at("2025-03-10T12:34:56"), listed=at("2025-02-20T04:00")) as server:
        yield server


@pytest.fixture
def store(tmp_path):
    return ParquetStore(tmp_path / "store")


@pytest.fixture
def run(binance, store):
    def invoke(*arguments):
        environment = {
            "TIDEWRIGHT_DATA": str(store.root),
            "TIDEWRIGHT_ARCHIVE_URL": binance.url,
            "TIDEWRIGHT_REST_URL": binance.url,
            "COLUMNS": "120",
        }
        return CliRunner().invoke(data, ["download", *arguments], env=environment)

    return invoke


def test_a_download_says_what_came_in(run, binance, store):
    binance.outages.append((at("2025-03-01T02:00"), at("2025-03-01T05:00")))
    result = run(*NAMED, "--start", "2025-02-01")

    assert result.exit_code == 0
    assert "BTC/USDT 1h on binance" in result.stdout
    assert "437 bars added, 0 replaced, from 10 files and 1 request" in result.stdout
    assert "the store has 437 bars, 2025-02-20 04:00 to 2025-03-10 11:00 UTC, 1 gap" in result.stdout
    assert "2025-03-01T02:00:00Z to 2025-03-01T05:00:00Z, 3h" in result.stdout
    assert store.describe(MARKET).count == 437


def test_a_second_time_nothing_comes_in(run):
    run(*NAMED, "--start", "2025-02-01")

    assert "0 bars added, 0 replaced, from 0 files and 0 requests" in run(*NAMED, "--start", "2025-02-01").stdout


def test_what_came_in_is_one_json_document(run, store):
    result = run(*NAMED, "--start", "2025-03-01", "--end", "2025-03-02", "--json")
    (document,) = json.loads(result.stdout)

    assert document | {"notes": []} == {
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "period": {"start": "2025-03-01T00:00:00Z", "end": "2025-03-02T00:00:00Z"},
        "files": 1,
        "requests": 0,
        "added": 24,
        "replaced": 0,
        "bars": 24,
        "digest": store.describe(MARKET).digest,
        "absent": [],
        "unrepaired": [],
        "notes": [],
        "failed": False,
    }


def test_addresses_can_be_options(run, binance):
    run(*NAMED, "--start", "2025-03-09", "--archive-url", f"{binance.url}/mirror/")

    assert binance.count("/mirror/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-03-09.zip.CHECKSUM") == 1


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
def test_perpetuals_are_stored_by_what_they_are_settled_in(run, store, symbol):
    options = ("--market", "usdm") if symbol == "BTC/USDT" else ()
    result = run(*NAMED[:2], "--symbol", symbol, *NAMED[4:], "--start", "2025-03-09", *options)

    assert result.exit_code == 0
    assert store.describe(MARKET._replace(symbol="BTC/USDT:USDT")).count == 36


def test_several_symbols_are_downloaded_one_after_the_other(run, store):
    result = run(*NAMED, "--symbol", "BTC/USDT:USDT", "--start", "2025-03-09", "--json")

    assert [document["symbol"] for document in json.loads(result.stdout)] == ["BTC/USDT", "BTC/USDT:USDT"]
    assert len(store.markets()) == 2


def test_bars_can_be_made_of_trades(run, binance, store):
    run(*NAMED, "--start", "2025-03-08", "--from-trades")

    assert binance.count("aggTrades") > 0
    assert store.describe(MARKET).count == 60


def test_a_server_that_does_not_answer_is_a_failure_that_says_how_to_go_on(run, binance):
    binance.fail("/api/", *[status(451, b"restricted location")] * 9)
    result = run(*NAMED, "--start", "2025-02-20T04:00:00Z", "--end", "2025-03-01T03:00:00Z")

    assert result.exit_code == 1
    assert "212 bars added" in result.stdout
    assert "missing still: 2025-03-01T00:00:00Z to 2025-03-01T03:00:00Z, 3h" in result.stdout
    assert "restricted location" in result.stdout
    assert "run the same command again to go on from there" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((*NAMED[:2], "--symbol", "BTCUSDT", *NAMED[4:], "--start", "2025-03-01"), "'BTCUSDT' is not a symbol"),
        ((*NAMED, "--symbol", "eth", "--start", "2025-03-01"), "'eth' is not a symbol"),
        ((*NAMED[:4], "--timeframe", "60m", "--start", "2025-03-01"), "Did you mean 1h?"),
        ((*NAMED, "--start", "yesterday"), "'yesterday' is not a time; write a date"),
        ((*NAMED, "--start", "2025-02-30"), "is not a day that exists"),
        ((*NAMED, "--start", "2025-03-11"), "choose an earlier start or a later end"),
        ((*NAMED, "--start", "2025-03-01", "--rest-url", "ftp://x"), "'ftp://x' is no address"),
        ((*NAMED, "--start", "2025-03-01", "--connections", "99"), "99 is not in the range"),
        ((*NAMED[:2], "--symbol", "BTC/USTD", *NAMED[4:], "--start", "2025-03-01"), "Binance knows no BTCUSTD"),
        ((*NAMED[:2], "--symbol", "BTC/USDT:USDT", *NAMED[4:], "--start", "2025-03-01", "--market", "spot"), "write BTC/USDT, or --market usdm"),
        (("--exchange", "kraken", *NAMED[2:], "--start", "2025-03-01", "--market", "usdm"), "--market is for binance"),
        (("--exchange", "binanz", *NAMED[2:], "--start", "2025-03-01"), "'binanz' is no exchange that bars can be downloaded from; the nearest are binance"),
        (("--exchange", "simulated", *NAMED[2:], "--start", "2025-03-01"), "'simulated' is no exchange that bars can be downloaded from"),
    ],
)  # fmt: skip
def test_what_is_refused_exits_with_2_and_says_why(run, store, arguments, reason):
    result = run(*arguments)

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())
    assert store.markets() == []


def test_other_values_are_refused_unless_they_may_be_replaced(run, binance, store):
    run(*NAMED, "--start", "2025-02-21", "--end", "2025-02-22")
    bars = store.read(MARKET)
    store.merge(replace(bars, volume=bars.volume + 1), Source("mine.csv", ""), replace=True)
    result = run(*NAMED, "--start", "2025-02-20")

    assert result.exit_code == 2
    assert "24 of the bars are stored with other values" in result.stderr
    assert "24 replaced" in run(*NAMED, "--start", "2025-02-20", "--replace").stdout


def test_help_has_examples(run):
    assert "tidewright data download " in run("--help").stdout.split("Examples:")[1]


def test_funding_is_downloaded_with_its_own_words(run, store):
    named = ("--exchange", "binance", "--symbol", "BTC/USDT:USDT", "--funding", "--start", "2025-02-01")
    result = run(*named)

    assert result.exit_code == 0
    assert "BTC/USDT:USDT funding on binance" in result.stdout
    assert "55 rates added, 0 replaced, from 1 file and 1 request" in result.stdout
    assert "the store has 55 rates, 2025-02-20 08:00 to 2025-03-10 08:00 UTC" in result.stdout
    assert store.describe_funding("binance", "BTC/USDT:USDT").count == 55
    (document,) = json.loads(run(*named, "--json").stdout)
    assert document | {"digest": ""} == {
        "exchange": "binance",
        "symbol": "BTC/USDT:USDT",
        "period": {"start": "2025-02-20T08:00:00Z", "end": "2025-03-10T12:34:56Z"},
        "files": 0,
        "requests": 0,
        "added": 0,
        "replaced": 0,
        "rates": 55,
        "digest": "",
        "unrepaired": [],
        "notes": [],
        "failed": False,
    }


def test_missing_funding_of_a_silent_server_is_a_failure(run, binance):
    binance.fail("/", *[status(451)] * 100)
    result = run(
        "--exchange",
        "binance",
        "--symbol",
        "BTC/USDT:USDT",
        "--funding",
        "--start",
        "2025-02-01",
        "--end",
        "2025-03-01",
    )

    assert result.exit_code == 1
    assert "missing still: 2025-02-01T00:00:00Z to 2025-03-01T00:00:00Z" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--timeframe", "1h"), "are about bars; leave them out with --funding"),
        (("--from-trades",), "are about bars; leave them out with --funding"),
        (("--market", "spot"), "is a perpetual and not on the spot market"),
    ],
)
def test_funding_that_cannot_be_had_is_refused(run, arguments, reason):
    result = run("--exchange", "binance", "--symbol", "BTC/USDT:USDT", "--funding", "--start", "2025-02-01", *arguments)

    assert (result.exit_code, reason in " ".join(result.stderr.split())) == (2, True)


def test_funding_of_other_exchanges_is_for_import_and_bars_need_a_timeframe(run):
    kraken = run("--exchange", "kraken", "--symbol", "BTC/USD:USD", "--funding", "--start", "2025-02-01")
    bars = run(*NAMED[:4], "--start", "2025-02-01")

    assert (kraken.exit_code, "can be imported" in kraken.stderr) == (2, True)
    assert (bars.exit_code, "Missing option '--timeframe'" in bars.stderr) == (2, True)
