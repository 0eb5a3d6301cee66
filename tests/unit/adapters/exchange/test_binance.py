import numpy as np
import pytest
from fake_binance import DAY, at

from tidewright.adapters.exchange.binance import (
    SPOT,
    USDM,
    Kind,
    archive_file,
    binance_symbol,
    milliseconds_of,
    venue_of,
)
from tidewright.domain.bars import Market
from tidewright.ports import Stretch

MONTH = Stretch(at("2024-02-01"), at("2024-03-01"))
LEAP_DAY = Stretch(at("2024-02-29"), at("2024-02-29") + DAY)


@pytest.mark.parametrize(
    ("symbol", "name", "venue"),
    [("BTC/USDT", "BTCUSDT", SPOT), ("BTC/USDT:USDT", "BTCUSDT", USDM), ("1000PEPE/USDC:USDC", "1000PEPEUSDC", USDM)],
)
def test_symbols_have_a_name_and_a_market_place(symbol, name, venue):
    assert binance_symbol(symbol) == name
    assert venue_of(symbol) is venue


def test_a_contract_settled_in_its_base_is_refused():
    with pytest.raises(ValueError, match=r"BTC/USD:BTC is settled in BTC; .* BTC/USD:USD"):
        binance_symbol("BTC/USD:BTC")


@pytest.mark.parametrize(
    ("symbol", "kind", "period", "path"),
    [
        ("BTC/USDT", Kind.KLINES, MONTH, "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip"),
        ("BTC/USDT", Kind.KLINES, LEAP_DAY, "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-29.zip"),
        ("BTC/USDT:USDT", Kind.KLINES, MONTH, "data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip"),
        ("BTC/USDT", Kind.TRADES, LEAP_DAY, "data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-29.zip"),
        (
            "BTC/USDT:USDT",
            Kind.TRADES,
            MONTH,
            "data/futures/um/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02.zip",
        ),
    ],
)
def test_files_are_where_the_archive_has_them(symbol, kind, period, path):
    file = archive_file(Market("binance", symbol, "1h"), kind, period)

    assert file.path == path
    assert file.name == path.rpartition("/")[2]


def test_times_are_milliseconds_or_microseconds_each_by_itself():
    times = np.array([1_735_689_599_999, 1_735_689_600_000_000, 1_735_689_600_000_999, 1_735_689_600_000])

    assert milliseconds_of(times).tolist() == [
        1_735_689_599_999,
        1_735_689_600_000,
        1_735_689_600_000,
        1_735_689_600_000,
    ]
