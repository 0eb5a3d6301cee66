"""Programs that know Binance and nothing of the local exchange: ccxt, and this project's own downloads."""

import asyncio

import ccxt
import ccxt.async_support
import numpy as np
import pytest
from local_exchange import serving

from tidewright.adapters.exchange.binance import Kind
from tidewright.adapters.exchange.fulfil import fulfil
from tidewright.adapters.exchange.order import Order
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.domain.bars import COLUMNS, Market
from tidewright.domain.resampling import bars_of
from tidewright.exchange.local import Settings
from tidewright.exchange.markets import Symbol
from tidewright.exchange.simulated import simulated_market

START, HOUR = 1_704_067_200_000, 3_600_000
NOON = START + 24 * HOUR


@pytest.fixture(scope="module")
def served():
    """A day of history of two symbols; time stands still."""
    markets = [simulated_market(Symbol.of(symbol), START, 48, seed=1) for symbol in ("BTC/USDT", "ETH/USDT")]
    with serving(markets, Settings(start=NOON, wait=True)) as exchange:
        yield exchange


def options(url):
    """As the documentation of the local exchange has it."""
    return {
        "urls": {"api": {"public": f"{url}/api/v3", "private": f"{url}/api/v3"}},
        "options": {"fetchMarkets": {"types": ["spot"]}},
    }


def judged(served, markets, bars, trades, book, ticker):
    """What ccxt made of the answers, against the truth."""
    tape = served.truth("BTC/USDT")
    happened = tape.part(0, int(np.searchsorted(tape.time, NOON, side="right")))
    truth = bars_of(happened.ticks, Market("binance", "BTC/USDT", "5m"))
    assert sorted(markets) == ["BTC/USDT", "ETH/USDT"]
    assert {name: markets["BTC/USDT"]["precision"][name] for name in ("price", "amount")} == {
        "price": 0.01,
        "amount": 0.001,
    }
    assert (
        bars == [list(row) for row in zip(truth.time, *(getattr(truth, name) for name in COLUMNS), strict=True)][-100:]
    )
    assert [(trade["price"], trade["timestamp"]) for trade in trades] == list(
        zip(happened.price, happened.time, strict=True)
    )[-len(trades) :]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert ticker["last"] == happened.price[-1] == bars[-1][4]


def test_ccxt_works_unchanged(served):
    client = ccxt.binance(options(served.url))
    judged(
        served,
        client.load_markets(),
        client.fetch_ohlcv("BTC/USDT", "5m", limit=100),
        client.fetch_trades("BTC/USDT", limit=20),
        client.fetch_order_book("BTC/USDT", limit=10),
        client.fetch_ticker("BTC/USDT"),
    )


def test_ccxt_works_unchanged_without_threads(served):
    async def asked():
        async with ccxt.async_support.binance(options(served.url)) as client:
            return (
                await client.load_markets(),
                await client.fetch_ohlcv("BTC/USDT", "5m", limit=100),
                await client.fetch_trades("BTC/USDT", limit=20),
                await client.fetch_order_book("BTC/USDT", limit=10),
                await client.fetch_ticker("BTC/USDT"),
            )

    judged(served, *asyncio.run(asked()))


@pytest.mark.parametrize("kind", [Kind.KLINES, Kind.TRADES])
def test_bars_are_downloaded_and_made_of_trades_alike(served, tmp_path, kind):
    store, market = ParquetStore(tmp_path), Market("binance", "BTC/USDT", "15m")
    order = Order(market, START, NOON, kind, archive_url=f"{served.url}/archive", rest_url=served.url)
    outcome = asyncio.run(fulfil(order, store, tmp_path / "downloads"))
    bars, truth = store.read(market), served.bars("BTC/USDT", "15m").between(START, NOON)
    assert not outcome.failed
    assert bars.time.tolist() == truth.time.tolist()
    for name in COLUMNS:
        assert getattr(bars, name).tolist() == getattr(truth, name).tolist()


def test_a_download_survives_refusals_and_failures(served, tmp_path):
    served.faults(http_5xx=0.1, http_drop=0.1)
    try:
        test_bars_are_downloaded_and_made_of_trades_alike(served, tmp_path, Kind.KLINES)
    finally:
        served.calm()
