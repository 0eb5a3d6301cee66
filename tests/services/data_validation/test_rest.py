"""The REST interface, as a client sees it."""

import asyncio
import json

import numpy as np
import pytest
from raw_messages import BTC, DAWN, MINUTE, bar, bars, history, trade, values_of

from tidewright.domain.bars import COLUMNS
from tidewright.ports import ArchiveUnavailable, StreamUnavailable

pytestmark = pytest.mark.anyio

MARKET = BTC._asdict()


def columns(of):
    return {name: getattr(of, name).tolist() for name in ("time", *COLUMNS)}


def rows(of):
    return [dict(zip(columns(of), values, strict=True)) for values in zip(*columns(of).values(), strict=True)]


async def validated(service, of, **more):
    return (await service.rest.post("/validate/ohlcv", json={"market": MARKET, "bars": of} | more)).json()


async def test_sound_bars_pass_as_columns_and_as_rows(asked):
    async with asked() as service:
        for table in (columns(bars(50)), rows(bars(50))):
            answer = await validated(service, table)
            assert (answer["passed"], answer["rows"], answer["sound"], answer["agreed"]) == (True, 50, 50, True)
            assert answer["findings"] == []


async def test_what_is_wrong_is_told_with_its_place_and_remedy_and_kept(asked):
    wrong = columns(bars(50))
    wrong["high"][7] = None
    wrong["time"][9] = wrong["time"][8]
    async with asked() as service:
        answer = await validated(service, wrong)
        kept = (await service.rest.get(f"/reports/{answer['id']}")).json()
        listed = (await service.rest.get("/reports")).json()
        page = await service.rest.get(f"/reports/{answer['id']}", params={"format": "html"})
    assert (answer["passed"], answer["sound"], answer["agreed"]) == (False, 48, True)
    assert [(one["rule"], one["severity"], one["rows"]) for one in answer["findings"]] == [
        ("NonFinite", "Error", [7]),
        ("DuplicateTime", "Error", [9]),
        ("Gap", "Warning", [10]),
    ]
    assert all(one["remedy"] for one in answer["findings"])
    assert kept["content"]["brokenRows"][0] == {"row": 7, "time": DAWN + 7 * MINUTE, "rules": ["NonFinite"]}
    assert [report["id"] for report in listed["reports"]] == [answer["id"]]
    assert page.headers["content-type"].startswith("text/html")
    assert "NonFinite" in page.text
    assert page.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"


async def test_no_bars_are_no_fault(asked):
    async with asked() as service:
        answer = await validated(service, [])
        page = await service.rest.get(f"/reports/{answer['id']}", params={"format": "html"})
    assert (answer["passed"], answer["rows"], answer["findings"]) == (True, 0, [])
    assert page.status_code == 404


async def test_longer_bars_are_held_against_shorter_ones(asked):
    five = {
        "time": [DAWN],
        "open": [42_000.0],
        "high": [42_004.0],
        "low": [41_998.0],
        "close": [42_003.0],
        "volume": [15.0],
    }
    async with asked() as service:
        body = {
            "market": MARKET | {"timeframe": "5m"},
            "bars": five,
            "shorter": {"timeframe": "1m", "bars": columns(bars(5))},
        }
        answer = (await service.rest.post("/validate/ohlcv", json=body)).json()
        body["shorter"]["timeframe"] = "15m"
        refused = await service.rest.post("/validate/ohlcv", json=body)
    (finding,) = answer["findings"]
    assert finding["rule"] == "DiffersFromShorter"
    assert "the close is 42003, and 42002 by the shorter bars" in finding["message"]
    assert refused.status_code == 400


def row(number=0, **changed):
    return {"time": DAWN + number * MINUTE, **dict(zip(COLUMNS, values_of(number), strict=True))} | changed


async def judged(service, **body):
    answer = await service.rest.post(
        "/validate/realtime", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    return answer.json()


@pytest.mark.parametrize(
    ("changed", "valid", "rules"),
    [
        ({}, True, []),
        ({"volume": 0}, True, ["ZeroVolume"]),
        ({"close": None}, False, ["NonFinite"]),
        ({"close": float("nan")}, False, ["NonFinite"]),
        ({"high": 1e308}, False, ["PriceTooHigh"]),
        ({"volume": -1.5}, False, ["NegativeVolume"]),
        ({"time": 17}, True, ["OffGrid"]),
    ],
)
async def test_one_bar(asked, changed, valid, rules):
    async with asked() as service:
        answer = await judged(service, market=MARKET, bar=row(**changed))
    assert (answer["valid"], [one["rule"] for one in answer["broken"]]) == (valid, rules)


async def test_one_bar_after_another(asked):
    async with asked() as service:
        answer = await judged(service, market=MARKET, bar=row(5), previous=row(1))
    assert [one["rule"] for one in answer["broken"]] == ["Gap"]


async def test_one_trade(asked):
    told = {"id": 7, "time": DAWN, "price": 42_000.0, "quantity": 0.1}
    async with asked() as service:
        alone = await judged(service, symbol="BTC/USDT", trade=told)
        after = await judged(service, symbol="BTC/USDT", trade=told, previous=told | {"id": 3, "price": 20_000.0})
    assert alone == {"valid": True, "broken": []}
    assert [one["rule"] for one in after["broken"]] == ["IdGap", "PriceJump"]


async def test_drift(asked):
    random = np.random.default_rng(3)

    def window(scale):
        close = 42_000 * np.exp(np.cumsum(random.normal(0, scale, 400)))
        return {
            "time": (DAWN + np.arange(400) * MINUTE).tolist(), "open": close.tolist(), "high": (close * (1 + scale)).tolist(),
            "low": (close * (1 - scale)).tolist(), "close": close.tolist(), "volume": random.lognormal(0, 1, 400).tolist(),
        }  # fmt: skip

    async with asked() as service:
        body = {"market": MARKET, "reference": window(0.001), "current": window(0.004)}
        answer = (await service.rest.post("/drift", json=body)).json()
        kept = (await service.rest.get(f"/reports/{answer['id']}")).json()
    assert (answer["verdict"], answer["passed"]) == ("Shifted", False)
    assert {one["series"]: one["verdict"] for one in answer["series"]}["returns"] == "Shifted"
    assert kept["content"]["reference"] == {"bars": 400, "first": DAWN, "last": DAWN + 399 * MINUTE}


async def test_quarantine_is_listed_in_pages(asked):
    async with asked() as service:
        await service.pipeline.publish("raw.trades", *(trade(number, price=-1.0) for number in range(1, 6)))
        await service.pipeline.consume("raw.trades")
        first = (await service.rest.get("/quarantine", params={"limit": 3})).json()
        second = (await service.rest.get("/quarantine", params={"limit": 3, "after": first["following"]})).json()
    ids = [one["content"]["trade"]["id"] for page in (first, second) for one in page["messages"]]
    assert sorted(ids) == ["1", "2", "3", "4", "5"]
    assert second["following"] is None
    assert first["messages"][0]["reasons"] == ["NonPositivePrice"]


async def test_what_is_still_wrong_stays_in_quarantine(asked):
    async with asked() as service:
        await service.pipeline.publish("raw.trades", trade(1, price=-1.0))
        await service.pipeline.consume("raw.trades")
        answer = (await service.rest.post("/quarantine/replay", json={})).json()
        (held,) = await service.pipeline.held()
    assert answer == {"judged": 1, "released": 0, "held": 1}
    assert held.attempts == 2


async def test_after_a_fix_of_the_rules_what_is_held_is_let_out(asked, monkeypatch):
    dear = trade(1, price=2e6)
    async with asked() as service:
        await service.pipeline.publish("raw.trades", dear)
        await service.pipeline.consume("raw.trades")
        monkeypatch.setattr("tidewright.domain.quality.rows.price_limit", lambda _: 1e7)
        answer = (await service.rest.post("/quarantine/replay", json={"topic": "raw.trades"})).json()
        tape = await service.pipeline.archive.read_tape("binance", "BTC/USDT")
        passed_on = await service.pipeline.passed_on("valid.trades")
    assert answer == {"judged": 1, "released": 1, "held": 0}
    assert tape.price.tolist() == [2e6]
    assert passed_on == [dear.data]


async def test_bars_that_differ_may_replace_those_of_the_archive(asked):
    right = bar(1, values=(*values_of(1)[:4], 99.0))
    async with asked() as service:
        await service.pipeline.archive.write_bars(bars(3))
        await service.pipeline.publish("raw.bars", right)
        await service.pipeline.consume("raw.bars")
        (held,) = await service.pipeline.held()
        as_it_is = (await service.rest.post("/quarantine/replay", json={"ids": [held.id]})).json()
        replaced = (await service.rest.post("/quarantine/replay", json={"ids": [held.id], "replace": True})).json()
        stored = await service.pipeline.archive.read_bars(BTC)
    assert (as_it_is["held"], replaced["released"]) == (1, 1)
    assert stored.volume[1] == 99.0


async def test_of_a_replayed_backfill_only_what_is_still_wrong_stays(asked, monkeypatch):
    dear = bars(5)
    dear.high[2:4] = [2e6, 2e7]
    async with asked() as service:
        await service.pipeline.publish("raw.history", *history(dear))
        await service.pipeline.consume("raw.history")
        monkeypatch.setattr("tidewright.domain.quality.rows.price_limit", lambda _: 1e7)
        answer = (await service.rest.post("/quarantine/replay", json={})).json()
        (held,) = await service.pipeline.held()
        stored = await service.pipeline.archive.read_bars(BTC)
    assert answer == {"judged": 1, "released": 1, "held": 1}
    assert stored.time.tolist() == [DAWN + number * MINUTE for number in (0, 1, 2, 4)]
    assert held.reasons == ("PriceTooHigh",)


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/validate/ohlcv", {"market": MARKET | {"timeframe": "7m"}, "bars": []}, "timeframe"),
        (
            "/validate/ohlcv",
            {"market": MARKET, "bars": columns(bars(3)) | {"low": [1.0]}},
            "bars.low: 1 values for 3 times",
        ),
        ("/validate/ohlcv", {"market": MARKET, "bars": columns(bars(1)) | {"low": ["1.0"]}}, "valid number"),
        ("/validate/ohlcv", {"market": MARKET, "bars": columns(bars(1)) | {"time": [2**63]}}, "less than or equal"),
        ("/validate/realtime", {"market": MARKET, "bar": row(open="42000")}, "valid number"),
        ("/validate/realtime", {"market": MARKET}, "Field required"),
        ("/drift", {"market": MARKET, "reference": []}, "current"),
        ("/quarantine/replay", {"topic": "nothing"}, "topic"),
    ],
)
async def test_a_request_that_cannot_be_meant_is_refused(asked, path, body, told):
    async with asked() as service:
        answer = await service.rest.post(path, json=body)
    assert answer.status_code == 400
    assert told in answer.json()["detail"]


async def test_there_is_no_such_report(asked):
    async with asked() as service:
        answers = [await service.rest.get(f"/reports/{name}") for name in ("nothing", "%00")]
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("error", [ArchiveUnavailable("gone"), StreamUnavailable("gone")])
async def test_while_the_archive_is_away_it_says_so(asked, monkeypatch, error):
    async def away(*_, **__):
        raise error

    async with asked() as service:
        monkeypatch.setattr(service.pipeline.archive, "reports", away)
        answer = await service.rest.get("/reports")
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")


async def test_a_body_of_ten_megabytes_is_refused(asked):
    async with asked() as service:
        answer = await service.rest.post("/validate/ohlcv", content=b'{"market": ' + b" " * 10_000_000)
        after = await service.rest.get("/reports")
    assert answer.status_code == 413
    assert after.status_code == 200


async def test_of_many_requests_at_once_each_gets_an_answer(asked):
    async with asked(concurrency=4, queue=16) as service:
        answers = await asyncio.gather(*(judged(service, market=MARKET, bar=row()) for _ in range(300)))
        after = await judged(service, market=MARKET, bar=row())
    assert all("valid" in answer or answer["status"] == 503 for answer in answers)
    assert after["valid"]


async def test_openapi_has_an_example_of_every_request(asked):
    async with asked() as service:
        document = (await service.rest.get("/openapi.json")).json()
    assert set(document["paths"]) == {
        "/validate/ohlcv", "/validate/realtime", "/drift", "/reports", "/reports/{id}", "/quarantine", "/quarantine/replay",
    }  # fmt: skip
    for name in ("Market", "Row", "TradeRow"):
        assert all("examples" in field for field in document["components"]["schemas"][name]["properties"].values()), (
            name
        )


async def test_it_is_not_ready_before_it_consumes(asked):
    async with asked() as service:
        answer = await service.rest.get("/readyz")
    assert answer.status_code == 503
    assert "raw.bars: not read yet" in answer.json()["reason"]
