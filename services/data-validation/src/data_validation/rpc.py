"""``tidewright.v1.ValidationService``."""

import json
from collections.abc import Iterable

import numpy as np

from data_validation.messages import content_of
from data_validation.service import ValidationService, Verdict
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.quality import Finding, QualityRule, Severity
from tidewright.domain.tape import Tape
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import StoredReport
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rpc import Context, Server, Servicer
from tidewright.v1 import market_data_pb2, market_pb2
from tidewright.v1 import validation_service_pb2 as pb
from tidewright.v1.validation_service_pb2_grpc import (
    ValidationServiceServicer,
    add_ValidationServiceServicer_to_server,
)
from tidewright.wire.market import Malformed, bar_of, market_of

_LIMIT = 50


def servicer(service: ValidationService) -> Servicer:
    """The service as its host wants it."""

    def add(server: Server) -> None:
        add_ValidationServiceServicer_to_server(_ValidationServicer(service), server)

    return Servicer(pb.DESCRIPTOR.services_by_name["ValidationService"].full_name, add)


class _ValidationServicer(ValidationServiceServicer):
    def __init__(self, service: ValidationService) -> None:
        self._service = service

    async def ValidateBars(self, request: pb.ValidateBarsRequest, context: Context) -> pb.ValidateBarsResponse:  # noqa: N802
        market = _market(request.market)
        shorter = None
        if request.HasField("shorter"):
            of = market_pb2.Market(exchange=market.exchange, symbol=market.symbol, timeframe=request.shorter.timeframe)
            shorter = _bars(request.shorter.bars, _market(of), "shorter.bars")
        validated = await self._service.validate(_bars(request.bars, market, "bars"), shorter)
        findings = [_finding(one) for one in validated.findings]
        return pb.ValidateBarsResponse(report=_report(validated.report), findings=findings, sound=validated.sound)

    async def ValidateBar(self, request: pb.ValidateBarRequest, context: Context) -> pb.ValidateBarResponse:  # noqa: N802
        market = _market(request.market)
        previous = _bar(request.previous, market) if request.HasField("previous") else None
        verdict = self._service.validate_bar(_bar(request.bar, market), previous)
        return pb.ValidateBarResponse(valid=verdict.valid, broken=_broken(verdict))

    async def ValidateTrade(self, request: pb.ValidateTradeRequest, context: Context) -> pb.ValidateTradeResponse:  # noqa: N802
        previous = _tape(request.previous) if request.HasField("previous") else None
        verdict = self._service.validate_trade(request.symbol, _tape(request.trade), previous)
        return pb.ValidateTradeResponse(valid=verdict.valid, broken=_broken(verdict))

    async def MeasureDrift(self, request: pb.MeasureDriftRequest, context: Context) -> pb.MeasureDriftResponse:  # noqa: N802
        market = _market(request.market)
        reference, current = (_bars(getattr(request, name), market, name) for name in ("reference", "current"))
        drifted = await self._service.drift(reference, current)
        series = [
            pb.SeriesDrift(
                series=one.series, verdict=one.verdict, ks=one.ks, p_value=one.p_value, psi=one.psi, wasserstein=one.wasserstein
            )
            for one in drifted.drift.series
        ]  # fmt: skip
        return pb.MeasureDriftResponse(report=_report(drifted.report), verdict=drifted.drift.verdict, series=series)

    async def GetReport(self, request: pb.GetReportRequest, context: Context) -> pb.GetReportResponse:  # noqa: N802
        return pb.GetReportResponse(report=_report(await self._service.report(request.id)))

    async def ListReports(self, request: pb.ListReportsRequest, context: Context) -> pb.ListReportsResponse:  # noqa: N802
        found = await self._service.reports(_limit(request.limit))
        return pb.ListReportsResponse(reports=[_report(one, whole=False) for one in found])

    async def ListQuarantine(self, request: pb.ListQuarantineRequest, context: Context) -> pb.ListQuarantineResponse:  # noqa: N802
        held = await self._service.held(_limit(request.limit), request.topic, request.after)
        messages = [
            pb.HeldMessage(
                id=one.id, topic=one.topic, reasons=one.reasons, rejected_ms=one.rejected_ms, attempts=one.attempts,
                content_json=json.dumps(content_of(one)), data=one.data,
            )
            for one in held
        ]  # fmt: skip
        return pb.ListQuarantineResponse(messages=messages)

    async def ReplayQuarantine(  # noqa: N802
        self, request: pb.ReplayQuarantineRequest, context: Context
    ) -> pb.ReplayQuarantineResponse:
        done = await self._service.replay(request.ids, request.topic, overwrite=request.replace)
        return pb.ReplayQuarantineResponse(judged=done.judged, released=done.released, held=done.held)


def _market(message: market_pb2.Market) -> Market:
    """Raises Failure."""
    try:
        return market_of(message)
    except Malformed as error:
        raise Failure(Kind.INVALID, str(error)) from None


def _bars(message: market_pb2.Bars, market: Market, field: str) -> Bars:
    """The bars as they are, whatever their order. Raises Failure where columns are not equally long."""
    count = len(message.open_time_ms)
    columns = {name: np.array(getattr(message, name), np.float64) for name in COLUMNS}
    for name, values in columns.items():
        if len(values) != count:
            detail = f"{field}.{name}: {len(values):,} values for {count:,} bars; send one for every bar"
            raise Failure(Kind.INVALID, detail)
    time = np.array(message.open_time_ms, np.int64)
    return Bars(time, **columns, step=milliseconds(market.timeframe), market=market)


def _bar(message: market_pb2.Bar, market: Market) -> Bars:
    time, values = bar_of(message)
    columns = {name: np.array([value]) for name, value in zip(COLUMNS, values, strict=True)}
    return Bars(time=np.array([time], np.int64), **columns, step=milliseconds(market.timeframe), market=market)


def _tape(message: market_data_pb2.Trade) -> Tape:
    price, quantity = np.array([message.price]), np.array([message.quantity])
    maker = np.array([message.buyer_is_maker])
    return Tape(np.array([message.id], np.int64), np.array([message.time_ms], np.int64), price, quantity, maker)


def _limit(given: int) -> int:
    if given < 0:
        raise Failure(Kind.INVALID, f"limit: {given}; give a positive number, or 0 for {_LIMIT}")
    return given or _LIMIT


def _report(report: StoredReport, *, whole: bool = True) -> pb.ValidationReport:
    return pb.ValidationReport(
        id=report.id, kind=report.kind, subject=report.subject, created_ms=report.created_ms, passed=report.passed,
        content_json=json.dumps(dict(report.content)) if whole else "",
    )  # fmt: skip


def _severity(severity: Severity) -> "pb.QualitySeverity.ValueType":
    return pb.QUALITY_SEVERITY_ERROR if severity is Severity.ERROR else pb.QUALITY_SEVERITY_WARNING


def _finding(finding: Finding) -> pb.QualityFinding:
    return pb.QualityFinding(
        rule=finding.rule, severity=_severity(finding.severity), count=finding.count, message=finding.message, remedy=finding.remedy,
        rows=finding.bars,
    )  # fmt: skip


def _broken(verdict: Verdict) -> Iterable[pb.QualityFinding]:
    def told(rule: QualityRule) -> pb.QualityFinding:
        return pb.QualityFinding(
            rule=rule.name, severity=_severity(rule.severity), count=1, message=rule.description, remedy=rule.remedy
        )

    return map(told, verdict.broken)
