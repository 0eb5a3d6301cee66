"""The REST interface, as a client sees it."""

import math

import pytest
from live_market import BTC, ETH, HOUR, hours, resolved

pytestmark = pytest.mark.anyio


async def test_the_newest_signal(asked):
    async with asked(hours(BTC, range(60))) as service:
        service.live.clock.time = 62 * HOUR
        answer = (await service.get("/signal")).json()
    bars, strategy = hours(BTC, range(60)), resolved()
    assert answer["signal"]["market"] == {"exchange": "binance", "symbol": "BTC/USDT", "timeframe": "1h"}
    assert answer["signal"]["bar"]["openTime"] == "1970-01-03T11:00:00Z"
    assert answer["signal"]["bar"]["close"] == bars.close[59]
    assert answer["signal"]["closeTime"] == "1970-01-03T12:00:00Z"
    assert set(answer["signal"]["events"]) == {"enter", "exit"}
    assert list(answer["signal"]["columns"]) == ["fast", "slow", "up"]
    assert answer["provenance"]["strategyDigest"] == strategy.digest
    assert answer["provenance"]["anchor"]["firstOpenTime"] == "1970-01-01T00:00:00Z"
    assert answer["provenance"]["parity"] == {"bars": 0, "differences": 0}
    assert answer["overdueBars"] == 2


async def test_columns_alone(asked):
    async with asked(hours(BTC, range(60))) as service:
        answer = (await service.get("/signal", columnsOnly=True)).json()
    assert answer["signal"]["events"] is None


async def test_what_is_undefined_is_null(asked):
    rules = {"columns": {"ratio": "close / (close - close)"}, "enter": "ratio > 1", "exit": "ratio < 1"}
    async with asked(hours(BTC, range(60)), strategy=resolved({"rules": rules})) as service:
        known = service.live.service.newest().signal.columns["ratio"]
        answer = await service.get("/signal")
    assert not math.isfinite(known)
    assert answer.json()["signal"]["columns"] == {"ratio": None}


async def test_events_are_named_as_everything_in_json(asked):
    rules = {"enter": "close > 1", "exit": "close < 1", "enterShort": "close < 1", "exitShort": "close > 1"}
    async with asked(hours(BTC, range(60)), strategy=resolved({"rules": rules})) as service:
        answer = (await service.get("/signal")).json()
    assert answer["signal"]["events"] == {"enter": True, "exit": False, "enterShort": False, "exitShort": True}


async def test_pages_of_signals_follow_each_other(asked):
    async with asked(hours(BTC, range(60)), hours(ETH, range(60))) as service:
        asked_for = {"symbol": "ETH/USDT", "from": "1970-01-03T00:00:00Z", "to": "1970-01-03T05:00:00Z", "limit": 3}
        first = (await service.get("/signals", **asked_for)).json()
        second = (await service.get("/signals", **(asked_for | {"from": first["following"]}))).json()
    times = [signal["bar"]["openTime"] for page in (first, second) for signal in page["signals"]]
    assert times == [f"1970-01-03T0{hour}:00:00Z" for hour in range(5)]
    assert first["following"] == "1970-01-03T03:00:00Z"
    assert second["following"] is None


async def test_the_strategy(asked):
    async with asked(hours(BTC, range(60)), hours(ETH, range(3))) as service:
        answer = (await service.get("/strategy")).json()
    assert (answer["name"], answer["form"]) == ("ma-cross", "Signals")
    btc, eth = answer["markets"]
    assert (btc["newestOpenTime"], btc["problem"]) == ("1970-01-03T11:00:00Z", "")
    assert (eth["newestOpenTime"], eth["provenance"]) == (None, None)
    assert "3 of the" in eth["problem"]


@pytest.mark.parametrize(
    ("path", "parameters", "status", "told"),
    [
        ("/signal", {"symbol": "SOL/USDT"}, 404, "'SOL/USDT': ma-cross trades BTC/USDT"),
        ("/signals", {}, 400, "from: 'None': Field required"),
        ("/signals", {"from": "yesterday"}, 400, "from: 'yesterday': not a time; write it as 2024-01-31T04:00:00Z"),
        ("/signals", {"from": "1970-01-01", "to": "x"}, 400, "to: 'x': not a time"),
        ("/signals", {"from": "1970-01-01", "limit": 1_001}, 400, "limit: '1001': Input should be less than or equal"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused(asked, path, parameters, status, told):
    async with asked(hours(BTC, range(60))) as service:
        answer = await service.get(path, **parameters)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


async def test_it_is_not_ready_before_there_is_anything_to_say(asked):
    async with asked(hours(BTC, range(3))) as service:
        readiness, answer = await service.get("/readyz"), await service.get("/signal")
    assert readiness.status_code == 503
    assert "3 of the 33 bars that it takes have closed" in readiness.json()["reason"]
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")


async def test_openapi_describes_every_field(asked):
    async with asked(hours(BTC, range(60))) as service:
        document = (await service.get("/openapi.json")).json()
    assert set(document["paths"]) == {"/strategy", "/signal", "/signals"}
    described = document["components"]["schemas"]["NewestSignal"]["properties"]["overdueBars"]
    assert described["description"] == "Bars that should have closed since, but have not arrived."
