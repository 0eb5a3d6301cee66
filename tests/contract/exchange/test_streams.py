"""What clients of the streams are told, against the tape."""

import gzip
import json
from math import inf

import aiohttp
import pytest

from tidewright.exchange.markets import Symbol
from tidewright.exchange.recording import recorded_markets
from tidewright.exchange.simulated import simulated_market

pytestmark = pytest.mark.anyio

START = 1_704_067_200_000


async def test_a_replay_of_real_recordings_equals_the_recordings(shared_data, exchanging):
    files = sorted((shared_data / "raw-websocket").glob("binance-spot-btcusdt-*.gz"))
    lines = b"".join(gzip.decompress(file.read_bytes()) for file in files).decode().splitlines()
    recorded = [line.split(" ", 1)[1] for line in lines if '{"stream"' in line]
    async with exchanging(recorded_markets(files)) as client:
        assert await client.texts("/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms") == recorded


async def test_a_plain_connection_is_told_the_data_alone(exchanging, markets):
    async with exchanging(markets) as client:
        told = await client.told("/ws/btcusdt@trade")
    assert [trade["t"] for trade in told] == markets[0].log.id.tolist()
    assert told[0] == {
        "e": "trade", "E": 1_723_161_600_501, "s": "BTCUSDT", "t": 1, "p": "101.50000000", "q": "0.00001000", "T": 1_723_161_600_500, "m": False, "M": True
    }  # fmt: skip


async def test_klines_of_the_streams_are_those_of_rest(exchanging, markets):
    async with exchanging(markets) as client:
        told = [
            message["data"]["k"] for message in await client.told("/stream?streams=btcusdt@kline_1m/btcusdt@kline_5m")
        ]
        closed = [kline for kline in told if kline["x"]]
        first, last = await client.get("klines", symbol="BTCUSDT", interval="1m")
        (longer,) = await client.get("uiKlines", symbol="BTCUSDT", interval="5m")
    assert [[kline[key] for key in "tohlcvTqnVQB"] for kline in closed] == [first]
    assert [kline[key] for kline in told[-2:] for key in "ion"] == ["1m", last[1], 81, "5m", longer[1], 200]
    assert len([kline for kline in told if kline["i"] == "5m"]) == 50  # two seconds each


async def test_aggregates_of_the_streams_are_those_of_rest(exchanging):
    market = simulated_market(Symbol.of("BTC/USDT"), START, 1, seed=1)
    async with exchanging([market]) as client:
        told = await client.told("/ws/btcusdt@aggTrade")
        assert [{key: value for key, value in one.items() if key not in "eEs"} for one in told] == await client.get(
            "aggTrades", symbol="BTCUSDT", limit=1_000
        )
    assert sum(one["l"] - one["f"] + 1 for one in told) == len(market.log)


async def test_changes_of_a_made_book_lead_to_the_book_of_rest(exchanging):
    async with exchanging([simulated_market(Symbol.of("BTC/USDT"), START, 1, seed=1)]) as client:
        sides = {"b": {}, "a": {}}
        told = await client.told("/ws/btcusdt@depth@100ms")
        for change in told:
            for side, levels in sides.items():
                levels |= dict(change[side])
        book = await client.get("depth", symbol="BTCUSDT", limit=5_000)
    for side, name in (("b", "bids"), ("a", "asks")):
        left = {price: size for price, size in sides[side].items() if float(size)}
        assert left == dict(book[name])
    assert told[-1]["u"] == book["lastUpdateId"]


async def test_subscriptions_are_made_listed_and_ended(exchanging, markets):
    async with exchanging(markets, speed=1.0, wait=False) as client, client.listen("/ws") as socket:

        async def asked(method, params=None, number=1):
            await socket.send_json({"method": method, "params": params, "id": number})
            while (told := await socket.receive_json()).get("id") != number:
                pass
            return told

        assert await asked("SUBSCRIBE", ["btcusdt@trade", "btcusdt@nonsense"], 7) == {"result": None, "id": 7}
        assert await asked("LIST_SUBSCRIPTIONS") == {"result": ["btcusdt@trade", "btcusdt@nonsense"], "id": 1}
        assert await asked("UNSUBSCRIBE", ["btcusdt@nonsense"]) == {"result": None, "id": 1}
        assert await asked("SET_PROPERTY", ["combined", True], 2) == {"result": None, "id": 2}
        assert await asked("GET_PROPERTY", ["combined"], 3) == {"result": True, "id": 3}
        assert (await socket.receive_json())["stream"] == "btcusdt@trade"
        assert (await asked("SUBSCRIBE", "btcusdt@trade", 4))["code"] == 2
        assert (await asked("SUBSCRIBE", [f"{number}@trade" for number in range(1_025)], 5))["code"] == 2
        assert (await asked("DANCE", [], 6))["msg"].startswith("Invalid request: unknown variant `DANCE`")
        await socket.send_str("{")
        while "code" not in (told := await socket.receive_json()):
            pass
        assert told["code"] == 3


async def test_a_connection_is_closed_at_its_age_and_the_tape_goes_on(exchanging, markets):
    async with exchanging(markets, speed=200.0, connection_age=30) as client:
        async with client.listen("/ws/btcusdt@trade") as socket:
            told = [json.loads(message.data) async for message in socket]
        assert socket.close_code is not None
        assert 0 < len(told) < len(markets[0].log)
        await client.server.played()
        (last,) = await client.get("trades", symbol="BTCUSDT", limit=1)
    assert last["id"] == markets[0].log.id[-1]


async def test_a_client_is_pinged(exchanging, markets):
    async with exchanging(markets, speed=1.0, ping=0.01) as client:
        async with client.session.ws_connect("/ws", autoping=False) as socket:
            assert (await socket.receive()).type is aiohttp.WSMsgType.PING
            async for _ in socket:
                pass
        assert socket.closed  # because it does not answer


async def test_time_does_not_begin_before_somebody_is_subscribed(exchanging, markets):
    async with exchanging(markets, speed=inf) as client:
        assert (await client.get("time"))["serverTime"] == markets[0].start // 1_000_000
        assert len(await client.told("/ws/btcusdt@trade")) == 200
