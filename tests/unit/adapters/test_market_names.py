import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.adapters.market_names import by_name, file_path, market_at, suggestion
from tidewright.domain.bars import Market

NAMES = st.text(st.sampled_from(string.ascii_letters + string.digits + "-_.:%币"), min_size=1, max_size=12).filter(
    lambda name: name.strip(".")
)


@pytest.mark.parametrize(
    ("market", "path"),
    [
        (("binance", "BTC/USDT", "1h"), "binance/BTC-USDT/1h"),
        (("binance-usdm", "BTC/USDT:USDT", "1m"), "binance-usdm/BTC-USDT%3AUSDT/1m"),
        (("coinbase", "BTC-USD", "1d"), "coinbase/BTC%2DUSD/1d"),
    ],
)
def test_a_market_is_a_path_that_people_can_read(market, path):
    assert str(file_path(Market(*market))) == path


@given(NAMES, st.lists(NAMES, min_size=1, max_size=3).map("/".join), NAMES)
def test_paths_are_three_deep_and_reversible(exchange, symbol, timeframe):
    market = Market(exchange, symbol, timeframe)
    path = file_path(market)

    assert len(path.parts) == 3
    assert not {".", ".."} & set(path.parts)
    assert market_at("/root" / path.with_name(f"{path.name}.parquet")) == market


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "x/../y", "/x", "x/", "a\\b", "x" * 81])
def test_what_names_nothing_is_refused(name):
    with pytest.raises(ValueError, match="write them as in BTC/USDT 1h on binance"):
        file_path(Market("binance", name, "1h"))


def test_timeframes_are_in_order_of_length():
    markets = [Market("x", "y", timeframe) for timeframe in ("1w", "1d", "4h", "30m")]

    assert sorted(markets, key=by_name) == markets[::-1]


def test_a_suggestion_names_what_is_near_and_only_that():
    known = [Market("binance", "BTC/USDT", "1h"), Market("kraken", "XMR/EUR", "1w")]

    assert suggestion(Market("binanse", "BTC/USDT", "1h"), known) == "; the nearest are BTC/USDT 1h on binance"
    assert suggestion(Market("q", "Q", "q"), known) == ""
