"""``tidewright.v1.ValidationService``, as a client sees it."""

import json

import grpc
import pytest
from raw_messages import BTC, DAWN, bars, trade, values_of

from tidewright.v1 import market_data_pb2, market_pb2
from tidewright.v1 import validation_service_pb2 as pb
from tidewright.wire.market import bar_message, bars_messages, market_message

pytestmark = pytest.mark.anyio

MARKET = market_message(BTC)


def columns(of):
    (message,) = bars_messages(of)
    return message


async def test_many_bars(asked):
    wrong = bars(30)
    wrong.low[4] = 43_000.0
    async with asked() as service:
        answer = await service.rpc.ValidateBars(pb.ValidateBarsRequest(market=MARKET, bars=columns(wrong)))
        kept = await service.rpc.GetReport(pb.GetReportRequest(id=answer.report.id))
        listed = await service.rpc.ListReports(pb.ListReportsRequest())
    assert (answer.report.passed, answer.sound) == (False, 29)
    assert [(one.rule, one.severity, list(one.rows)) for one in answer.findings] == [
        ("HighTooLow", pb.QUALITY_SEVERITY_ERROR, [4]),
        ("LowTooHigh", pb.QUALITY_SEVERITY_ERROR, [4]),
        ("Outlier", pb.QUALITY_SEVERITY_WARNING, [4]),
    ]
    assert json.loads(kept.report.content_json)["agreed"] is True
    assert [(report.id, report.content_json) for report in listed.reports] == [(answer.report.id, "")]


async def test_one_bar(asked):
    request = pb.ValidateBarRequest(market=MARKET, bar=bar_message(DAWN, (*values_of(0)[:4], float("nan"))))
    async with asked() as service:
        answer = await service.rpc.ValidateBar(request)
    assert (answer.valid, [one.rule for one in answer.broken]) == (False, ["NonFinite"])


async def test_one_trade_after_another(asked):
    before = market_data_pb2.Trade(id=3, time_ms=DAWN, price=42_000, quantity=1)
    now = market_data_pb2.Trade(id=5, time_ms=DAWN, price=42_000, quantity=1)
    async with asked() as service:
        request = pb.ValidateTradeRequest(exchange="binance", symbol="BTC/USDT", trade=now, previous=before)
        answer = await service.rpc.ValidateTrade(request)
    assert (answer.valid, [one.rule for one in answer.broken]) == (True, ["IdGap"])


async def test_drift(asked):
    async with asked() as service:
        request = pb.MeasureDriftRequest(market=MARKET, reference=columns(bars(300)), current=columns(bars(300)))
        answer = await service.rpc.MeasureDrift(request)
    assert answer.verdict == "Steady"
    assert [one.series for one in answer.series] == ["returns", "volume", "range"]
    assert [one.wasserstein for one in answer.series] == [0, 0, 0]


async def test_quarantine(asked):
    async with asked() as service:
        await service.pipeline.publish("raw.trades", trade(1, price=-1.0))
        await service.pipeline.consume("raw.trades")
        listed = await service.rpc.ListQuarantine(pb.ListQuarantineRequest(topic="raw.trades"))
        answer = await service.rpc.ReplayQuarantine(pb.ReplayQuarantineRequest(ids=[listed.messages[0].id]))
    assert listed.messages[0].data == trade(1, price=-1.0).data
    assert list(listed.messages[0].reasons) == ["NonPositivePrice"]
    assert (answer.judged, answer.released, answer.held) == (1, 0, 1)


@pytest.mark.parametrize(
    ("method", "request_", "code", "told"),
    [
        ("ValidateBar", pb.ValidateBarRequest(), "INVALID_ARGUMENT", "market.exchange"),
        ("ValidateBars", pb.ValidateBarsRequest(market=MARKET, bars=market_pb2.Bars(open=[1])), "INVALID_ARGUMENT", "bars.open"),
        ("GetReport", pb.GetReportRequest(id="nothing"), "NOT_FOUND", "nothing"),
        ("ListReports", pb.ListReportsRequest(limit=-1), "INVALID_ARGUMENT", "limit: -1"),
        ("ListQuarantine", pb.ListQuarantineRequest(topic="x"), "INVALID_ARGUMENT", "raw.trades"),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_has_a_status(asked, method, request_, code, told):
    async with asked() as service:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await getattr(service.rpc, method)(request_)
    assert refused.value.code() is grpc.StatusCode[code]
    assert told in refused.value.details()
