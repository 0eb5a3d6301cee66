"""Every fault happens as it was asked for, and whatever happens, REST has the whole tape."""

import json
from collections import Counter
from itertools import pairwise

import aiohttp
import pytest

pytestmark = pytest.mark.anyio

TRADES = "/stream?streams=btcusdt@trade"


def ids(texts):
    return [json.loads(text)["data"]["t"] for text in texts]


async def test_a_cut_connection_is_told_no_more_and_rest_has_what_it_missed(exchanging, markets):
    async with exchanging(markets, {"drop": {"at": [30_000]}}) as client:
        told = ids(await client.texts(TRADES))
        assert told == list(range(1, len(told) + 1))
        assert 50 < len(told) < 70
        await client.server.played()
        missed = await client.get("historicalTrades", symbol="BTCUSDT", fromId=len(told) + 1, limit=1_000)
    assert told + [trade["id"] for trade in missed] == markets[0].log.id.tolist()
    assert client.exchange.faults.done == {"drop": 1}


async def test_silence_loses_messages_and_keeps_the_connection(exchanging, markets):
    plan = {"silence": {"at": [30_000], "seconds": 0.1}}
    async with exchanging(markets, plan, speed=200.0) as client:
        told = ids(await client.texts(TRADES))
    assert told[0] == 1
    assert told[-1] == 200
    assert max(after - before for before, after in pairwise(told)) > 20


async def test_late_messages_are_late_and_none_is_lost(exchanging, markets):
    async with exchanging(markets, {"late": {"rate": 0.1, "messages": 5}}, seed=1) as client:
        told = ids(await client.texts(TRADES))
    assert told != sorted(told)
    assert sorted(told) == markets[0].log.id.tolist()
    assert max(number - place for place, number in enumerate(told, 1)) <= 5 * 2


async def test_reordered_messages_change_places_with_the_next(exchanging, markets):
    async with exchanging(markets, {"reorder": {"at": [10_000]}}) as client:
        told = ids(await client.texts(TRADES))
    (place,) = [place for place in range(199) if told[place] > told[place + 1]]
    told[place], told[place + 1] = told[place + 1], told[place]
    assert told == list(range(1, 201))


async def test_a_message_that_is_held_back_at_the_end_comes_then(exchanging, markets):
    async with exchanging(markets, {"late": {"rate": 1, "messages": 1_000}}) as client:
        assert ids(await client.texts(TRADES)) == list(range(1, 201))


async def test_repeated_messages_come_twice(exchanging, markets):
    async with exchanging(markets, {"repeat": 0.2}, seed=1) as client:
        told = Counter(ids(await client.texts(TRADES)))
    assert sorted(told) == list(range(1, 201))
    assert sum(told.values()) == 200 + client.exchange.faults.done["repeat"] > 220


async def test_malformed_messages_are_no_json(exchanging, markets):
    async with exchanging(markets, {"malformed": {"at": [10_000]}}) as client:
        texts = await client.texts(TRADES)
    (broken,) = [text for text in texts if not text.endswith("}}")]
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken)
    assert len(texts) == 200


async def test_a_field_is_missing(exchanging, markets):
    async with exchanging(markets, {"missing": {"at": [10_000]}}) as client:
        told = await client.told(TRADES)
    assert Counter(len(message["data"]) for message in told) == {9: 199, 8: 1}


async def test_a_number_is_absurd(exchanging, markets):
    async with exchanging(markets, {"absurd": 1}, seed=1) as client:
        texts = await client.texts(TRADES)
    assert len(set(texts)) == 200
    for absurdity in (":NaN", ":1e+308", ":null", ':"-1.00000000"'):
        assert any(absurdity in text for text in texts)


async def test_the_same_seed_brings_the_same_faults(exchanging, markets):
    plan = {"drop": 0.005, "late": 0.05, "repeat": 0.05, "absurd": 0.05}
    told = []
    for seed in (1, 1, 2):
        async with exchanging(markets, plan, seed=seed) as client:
            told.append(await client.texts(TRADES))
    assert told[0] == told[1] != told[2]


@pytest.mark.parametrize(("fault", "status", "code"), [("http-429", 429, -1003), ("http-418", 418, -1003)])
async def test_a_refused_request_says_when_to_come_again(exchanging, markets, fault, status, code):
    async with exchanging(markets, {fault: {"rate": 1, "seconds": 7}}) as client:
        assert (await client.get("time", status))["code"] == code
        assert client.headers["Retry-After"] == "7"


async def test_a_request_fails_with_an_error_of_the_server(exchanging, markets):
    async with exchanging(markets, {"http-5xx": 1}) as client:
        statuses = {(await client.session.get("/api/v3/time")).status for _ in range(40)}
    assert statuses == {500, 502, 503, 504}


@pytest.mark.parametrize("plan", [{"http-drop": 1}, {"http-timeout": {"rate": 1, "seconds": 0.01}}])
async def test_a_request_gets_no_answer(exchanging, markets, plan):
    async with exchanging(markets, plan) as client:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.get("time")


async def test_answers_are_broken(exchanging, markets):
    async with exchanging(markets) as client:
        whole = await client.get("exchangeInfo")
        client.exchange.faults.change({"http-missing": 1})
        assert (await client.get("exchangeInfo")) != whole
        client.exchange.faults.change({"http-missing": None, "http-absurd": 1})
        async with client.session.get("/api/v3/exchangeInfo") as answer:
            assert json.loads(await answer.text()) != whole
        client.exchange.faults.change({"http-absurd": 0, "http-malformed": 1})
        with pytest.raises(json.JSONDecodeError):
            await client.get("exchangeInfo")


async def test_faults_are_told_changed_and_ended_while_it_runs(exchanging, markets):
    async with exchanging(markets) as client:

        async def told(method, status=200, **arguments):
            async with client.session.request(method, "/_faults", **arguments) as answer:
                assert answer.status == status
                return await answer.json()

        drop = {"rate": 0.5, "at": [], "seconds": 5.0, "messages": 20}
        assert await told("POST", json={"drop": 0.5, "late": 0.1}) == await told("GET")
        assert await told("POST", json={"late": None}) == {"faults": {"drop": drop}, "done": {}}
        assert "there are drop, silence" in (await told("POST", 400, json={"drip": 1}))["error"]
        assert "drop.rate: 2 is no probability" in (await told("POST", 400, json={"drop": 2}))["error"]
        assert "drop.at" in (await told("POST", 400, json={"drop": {"at": ["soon"]}}))["error"]
        await told("POST", 400, data="{")
        await told("POST", 400, data="[]")
        assert (await told("GET"))["faults"] == {"drop": drop}
        assert (await told("DELETE"))["faults"] == {}


async def test_all_connections_are_cut_at_once(exchanging, markets):
    async with exchanging(markets, speed=1.0) as client:
        async with client.listen("/ws/none") as one, client.listen("/ws") as other:
            async with client.session.post("/_drop") as answer:
                assert await answer.json() == {"dropped": 2}
            assert [(await socket.receive()).type for socket in (one, other)] == [aiohttp.WSMsgType.CLOSED] * 2
        async with client.session.get("/_status") as answer:
            status = await answer.json()
        assert (status["clients"], status["ended"], status["symbols"]) == (0, False, ["BTCUSDT"])
