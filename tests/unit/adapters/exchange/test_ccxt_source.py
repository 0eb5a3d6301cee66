import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from fake_binance import at, kline

from tidewright.adapters.exchange.ccxt_source import CcxtSource
from tidewright.adapters.exchange.fulfil import fulfil
from tidewright.adapters.exchange.http import Patience, Rejected, Unavailable
from tidewright.adapters.exchange.order import Order
from tidewright.adapters.exchange.source import UnknownSymbol
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.domain.bars import COLUMNS, Market
from tidewright.ports import Stretch

HOUR = 3_600_000
MARKET = Market("bitvavo", "BTC/EUR", "1h")
START = at("2024-01-01")
NOW = at("2024-02-20T10:20")
MARKETS = [
    {
        "market": "BTC-EUR",
        "status": "trading",
        "base": "BTC",
        "quote": "EUR",
        "pricePrecision": 5,
        "tickSize": "1.00",
        "quantityDecimals": 8,
        "notionalDecimals": 2,
        "minOrderInQuoteAsset": "5.00",
        "minOrderInBaseAsset": "0.0001",
        "maxOrderInQuoteAsset": "1000000000.00",
        "maxOrderInBaseAsset": "1000000000.00",
        "orderTypes": ["market", "limit"],
    }
]


class Bitvavo(ThreadingHTTPServer):
    """Bitvavo's public interface as far as bars need it: latest bars first, few at a time."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), BitvavoHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests = []
        self.faults = []
        self.outages = []

    def answer(self, path, query):
        if path == "/v2/time":
            return {"time": NOW}
        if path == "/v2/markets":
            return MARKETS
        if path == "/v2/assets":
            return []
        start, end = int(query["start"]), min(int(query.get("end", NOW)), NOW)
        opens = [time for time in range(-(-start // HOUR) * HOUR, end + 1, HOUR) if time not in self.outages]
        return [[time, *map(str, kline(time, HOUR))] for time in opens[: min(int(query["limit"]), 100)]][::-1]


class BitvavoHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        self.server.requests.append(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        status, body = self.server.faults.pop(0) if self.server.faults else (200, None)
        content = json.dumps(self.server.answer(address.path, query) if body is None else body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def bitvavo(monkeypatch):
    monkeypatch.setattr("ccxt.bitvavo.throttle", lambda self, cost=None: None)
    server = Bitvavo()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ask(bitvavo, clock):
    def call(method, *arguments, market=MARKET):
        async def run():
            source = CcxtSource(market, bitvavo.url, Patience(), clock.pace)
            return await getattr(source, method)(*arguments)

        return asyncio.run(run())

    return call


def test_bars_are_those_of_the_stretch_in_however_many_pages(ask, bitvavo):
    bars = ask("bars", Stretch(START, START + 250 * HOUR))

    assert bars.time.tolist() == list(range(START, START + 250 * HOUR, HOUR))
    assert [getattr(bars, name)[7] for name in COLUMNS] == list(kline(START + 7 * HOUR, HOUR))
    assert sum("/candles" in path for path in bitvavo.requests) == 3


def test_a_gap_stays_a_gap(ask, bitvavo):
    bitvavo.outages += [START + 3 * HOUR, START + 9 * HOUR]

    assert ask("bars", Stretch(START, START + 10 * HOUR)).time.tolist() == [
        START + hour * HOUR for hour in (0, 1, 2, 4, 5, 6, 7, 8)
    ]


def test_the_time_is_the_exchanges(ask):
    assert ask("now") == NOW


def test_what_may_pass_is_asked_for_again(ask, bitvavo, clock):
    bitvavo.faults += [(503, {}), (429, {"errorCode": 105, "error": "Your IP is banned"})]

    assert ask("now") == NOW
    assert clock.waits == [0.5, 1.0]


def test_a_server_that_does_not_answer_is_given_up_on(ask, bitvavo):
    bitvavo.faults += [(503, {})] * 9

    with pytest.raises(Unavailable, match=r"BTC/EUR from bitvavo through ccxt: .* at attempt 6"):
        ask("now")


def test_an_error_of_the_exchange_is_told(ask, bitvavo):
    bitvavo.faults += [(400, {"errorCode": 205, "error": "limit parameter is invalid"})]

    with pytest.raises(Rejected, match="limit parameter is invalid"):
        ask("now")


def test_an_unknown_symbol_is_told(ask):
    with pytest.raises(UnknownSymbol, match="bitvavo knows no BTC/EUX"):
        ask("bars", Stretch(START, START + HOUR), market=MARKET._replace(symbol="BTC/EUX"))


@pytest.mark.parametrize(
    ("market", "reason"),
    [
        (
            MARKET._replace(exchange="krakn"),
            "'krakn' is no exchange that bars can be downloaded from; the nearest are kraken",
        ),
        (MARKET._replace(exchange="simulated"), "'simulated' is no exchange that bars can be downloaded from"),
        (MARKET._replace(timeframe="3d"), "bitvavo has no 3d bars; it has 1m, 5m"),
    ],
)
def test_what_is_not_offered_is_refused(ask, market, reason):
    with pytest.raises(ValueError, match=reason):
        ask("now", market=market)


def test_a_download_takes_closed_bars_and_reports_gaps_that_may_not_be_ones(bitvavo, clock, tmp_path):
    bitvavo.outages += [START + 3 * HOUR]
    order = Order(MARKET, START, rest_url=bitvavo.url)
    store = ParquetStore(tmp_path)

    def run():
        return asyncio.run(fulfil(order, store, tmp_path / ".downloads", clock=lambda: NOW, pace=clock.pace))

    outcome = run()
    stored = store.read(MARKET)

    assert stored.time.tolist() == [
        time for time in range(START, at("2024-02-20T10:00"), HOUR) if time not in bitvavo.outages
    ]
    assert outcome.unrepaired == [Stretch(START + 3 * HOUR, START + 4 * HOUR)]
    assert (outcome.absent, outcome.failed, outcome.files) == ([], False, 0)
    assert run().added == 0
