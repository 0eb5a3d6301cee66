"""The REST interface against the tape, in Binance's own words."""

import pytest

from tidewright.adapters.bar_file import read_bars
from tidewright.domain.bars import COLUMNS, Market
from tidewright.exchange.from_bars import market_of_bars
from tidewright.exchange.markets import Symbol
from tidewright.exchange.simulated import simulated_market

pytestmark = pytest.mark.anyio

START, HOUR, MINUTE = 1_704_067_200_000, 3_600_000, 60_000


@pytest.fixture(scope="module")
def simulated():
    return [simulated_market(Symbol.of(symbol), START, 4, seed=1) for symbol in ("BTC/USDT", "ETH/USDT")]


NOON = START + 2 * HOUR + 30 * MINUTE + 10_000
"""Two and a half hours of four are history."""


@pytest.fixture
def standing(exchanging, simulated):
    """Time does not begin: nobody is subscribed."""
    return lambda **settings: exchanging(simulated, start=NOON, **settings)


async def test_it_is_there_and_tells_the_time(standing):
    async with standing() as client:
        assert await client.get("ping") == {}
        assert await client.get("time") == {"serverTime": NOON}


async def test_klines_are_those_of_the_time_that_is_asked_for(standing):
    async with standing() as client:

        async def opens(**query):
            return [
                (row[0] - START) // MINUTE
                for row in await client.get("klines", symbol="BTCUSDT", interval="5m", **query)
            ]

        assert await opens() == list(range(0, 151, 5))
        assert await opens(limit=2) == [145, 150]
        assert await opens(startTime=START + 1, limit=2) == [5, 10]
        assert await opens(endTime=START + 10 * MINUTE) == [0, 5, 10]
        assert await opens(startTime=START + 5 * MINUTE, endTime=START + 10 * MINUTE) == [5, 10]
        assert await opens(startTime=NOON + HOUR) == []


async def test_trades_are_found_by_their_id(standing, simulated):
    async with standing() as client:
        known = simulated[0].log.happened(NOON)
        recent = await client.get("trades", symbol="BTCUSDT", limit=2)
        assert [trade["id"] for trade in recent] == [known - 1, known]
        assert await client.get("historicalTrades", symbol="BTCUSDT", fromId=known) == recent[1:]
        assert [trade["id"] for trade in await client.get("historicalTrades", symbol="BTCUSDT", fromId=1, limit=3)] == [
            1,
            2,
            3,
        ]
        assert await client.get("historicalTrades", symbol="BTCUSDT", fromId=known + 1) == []


async def test_aggregates_are_found_by_id_and_by_time(standing):
    async with standing() as client:
        first = await client.get("aggTrades", symbol="BTCUSDT", fromId=0, limit=5)
        assert [trade["a"] for trade in first] == [1, 2, 3, 4, 5]
        assert (
            await client.get("aggTrades", symbol="BTCUSDT", startTime=first[2]["T"], endTime=first[4]["T"]) == first[2:]
        )
        assert (await client.get("aggTrades", symbol="BTCUSDT", limit=1))[0]["T"] <= NOON
        assert (await client.get("aggTrades", 400, symbol="BTCUSDT", fromId=1, startTime=1))["code"] == -1128


async def test_tickers_agree_with_the_trades_of_a_day(standing, simulated):
    async with standing() as client:
        tape = simulated[0].log.tape(0, simulated[0].log.happened(NOON))
        day = await client.get("ticker/24hr", symbol="BTCUSDT")
        best = await client.get("ticker/bookTicker", symbol="BTCUSDT")
        numbers = {key: float(day[key]) for key in ("openPrice", "highPrice", "lowPrice", "lastPrice")}
        assert numbers == dict(
            zip(numbers, (tape.price[0], tape.price.max(), tape.price.min(), tape.price[-1]), strict=True)
        )
        assert (day["count"], day["lastId"], day["closeTime"]) == (len(tape), tape.id[-1], NOON)
        assert float(day["weightedAvgPrice"]) == pytest.approx(
            (tape.price * tape.quantity).sum() / tape.quantity.sum(), rel=1e-9
        )
        assert {day["bidPrice"], day["askPrice"]} == {best["bidPrice"], best["askPrice"]}
        assert day["lastPrice"] in (day["bidPrice"], day["askPrice"])
        assert [one["symbol"] for one in await client.get("ticker/24hr")] == ["BTCUSDT", "ETHUSDT"]
        assert await client.get("ticker/price", symbols='["BTCUSDT"]') == [
            {"symbol": "BTCUSDT", "price": day["lastPrice"]}
        ]


async def test_the_book_has_as_many_levels_as_are_asked_for(standing):
    async with standing() as client:
        book = await client.get("depth", symbol="BTCUSDT", limit=5)
        bids, asks = ([float(price) for price, _ in book[side]] for side in ("bids", "asks"))
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert (len(bids), len(asks)) == (5, 5)
        assert bids[0] < asks[0]


async def test_symbols_are_described_by_their_tape(standing):
    async with standing() as client:
        info = await client.get("exchangeInfo")
        assert [symbol["symbol"] for symbol in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
        filters = {one["filterType"]: one for one in info["symbols"][0]["filters"]}
        assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
        assert info["rateLimits"][0]["limit"] == 6_000
        assert len((await client.get("exchangeInfo", symbol="ETHUSDT"))["symbols"]) == 1


async def test_the_future_is_not_told(standing, simulated):
    async with standing() as client:
        for path in ("trades", "aggTrades"):
            told = await client.get(path, symbol="BTCUSDT", limit=1_000)
            assert max(trade.get("time", trade.get("T")) for trade in told) <= NOON
        (row,) = await client.get("klines", symbol="BTCUSDT", interval="1h", limit=1)
        assert row[8] == simulated[0].log.happened(NOON) - simulated[0].log.happened(START + 2 * HOUR - 1)


@pytest.mark.parametrize(
    ("path", "query", "code", "text"),
    [
        ("klines", {"interval": "1m"}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ("klines", {"symbol": "BTCUSDT"}, -1102, "Mandatory parameter 'interval' was not sent, was empty/null, or malformed."),
        ("klines", {"symbol": "NONESUCH", "interval": "1m"}, -1121, "Invalid symbol."),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120, "Invalid interval."),
        ("klines", {"symbol": "btc/usdt", "interval": "1m"}, -1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."),
        ("trades", {"symbol": "BTCUSDT", "limit": "x"}, -1100, "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'."),
        ("trades", {"symbol": "BTCUSDT", "limit": "0"}, -1130, "Data sent for parameter 'limit' is not valid."),
        ("ticker/price", {"symbols": "BTCUSDT"}, -1100, None),
        ("ticker/price", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128, "Combination of optional parameters invalid."),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_is_refused_as_binance_does(standing, path, query, code, text):
    async with standing() as client:
        refusal = await client.get(path, 400, **query)
    assert refusal["code"] == code
    assert text is None or refusal["msg"] == text


async def test_there_is_nothing_else(standing):
    async with standing() as client:
        for path in ("/api/v3/account", "/api/v1/time", "/", "/sapi/v1/system/status"):
            assert (await client.session.get(path)).status == 404


async def test_an_address_has_its_weight_a_minute_and_is_banned_when_it_goes_on(standing):
    async with standing(weight_limit=10) as client:
        await client.get("klines", symbol="BTCUSDT", interval="1m")
        assert client.headers["X-MBX-USED-WEIGHT-1M"] == "2"
        await client.get("depth", symbol="BTCUSDT", limit=100)
        assert client.headers["X-MBX-USED-WEIGHT-1M"] == "7"
        for _ in range(10):
            assert (await client.get("exchangeInfo", 429))["code"] == -1003
            assert 0 < int(client.headers["Retry-After"]) <= 60
        assert (await client.get("exchangeInfo", 418))["code"] == -1003
        assert client.headers["Retry-After"] == "120"
        await client.get("ping", 418)


async def test_real_bars_come_back_as_they_are(shared_data, exchanging):
    market = Market("binance", "BTC/USDT", "1h")
    bars = read_bars(shared_data / "binance-spot" / "BTC_USDT-1h-2024.feather", market).bars.part(0, 900)
    async with exchanging([market_of_bars(bars)], start=int(bars.time[-1]) + HOUR - 1) as client:
        told = await client.get("klines", symbol="BTCUSDT", interval="1h", limit=1_000)
    assert [row[0] for row in told] == bars.time.tolist()
    for column, name in enumerate(COLUMNS, start=1):
        assert [float(row[column]) for row in told] == getattr(bars, name).tolist()
