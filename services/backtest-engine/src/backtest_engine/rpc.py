"""``tidewright.v1.BacktestService``."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from backtest_engine.finished import headline
from backtest_engine.service import MOST_LISTED, BacktestService, ToCompare, View
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.runs.leaderboard import Baseline
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rpc import Context, Server, Servicer
from tidewright.v1 import backtest_service_pb2 as pb
from tidewright.v1.backtest_service_pb2_grpc import BacktestServiceServicer, add_BacktestServiceServicer_to_server
from tidewright.wire.strategy import parameter_message, value_messages

_STATES = {
    "Queued": pb.JOB_STATE_QUEUED,
    "Running": pb.JOB_STATE_RUNNING,
    "Complete": pb.JOB_STATE_COMPLETE,
    "Refused": pb.JOB_STATE_REFUSED,
    "DataMissing": pb.JOB_STATE_DATA_MISSING,
    "StrategyFailed": pb.JOB_STATE_STRATEGY_FAILED,
    "Failed": pb.JOB_STATE_FAILED,
    "Cancelled": pb.JOB_STATE_CANCELLED,
}
_USUALLY_LISTED = 100
_PIECE = 256 << 10


def servicer(service: BacktestService) -> Servicer:
    """The service as its host wants it."""

    def add(server: Server) -> None:
        add_BacktestServiceServicer_to_server(_BacktestServicer(service), server)

    return Servicer(pb.DESCRIPTOR.services_by_name["BacktestService"].full_name, add)


class _BacktestServicer(BacktestServiceServicer):
    def __init__(self, service: BacktestService) -> None:
        self._service = service

    async def RunBacktest(  # noqa: N802
        self, request: pb.RunBacktestRequest, context: Context
    ) -> AsyncIterator[pb.RunBacktestResponse]:
        view = await self._service.backtest(request.manifest, request.idempotency_key, wait=0.0)
        async for stands in self._service.watch(view.id, "backtest"):
            yield pb.RunBacktestResponse(backtest=_backtest(stands))

    async def GetBacktest(self, request: pb.GetBacktestRequest, context: Context) -> pb.GetBacktestResponse:  # noqa: N802
        return pb.GetBacktestResponse(backtest=_backtest(await self._service.look(request.id, "backtest")))

    async def CancelBacktest(self, request: pb.CancelBacktestRequest, context: Context) -> pb.CancelBacktestResponse:  # noqa: N802
        return pb.CancelBacktestResponse(backtest=_backtest(await self._service.cancel(request.id, "backtest")))

    async def RunOptimization(  # noqa: N802
        self, request: pb.RunOptimizationRequest, context: Context
    ) -> AsyncIterator[pb.RunOptimizationResponse]:
        view = await self._service.optimize(request.manifest, request.idempotency_key, wait=0.0)
        async for stands in self._service.watch(view.id, "optimization"):
            yield pb.RunOptimizationResponse(optimization=_optimization(stands))

    async def GetOptimization(self, request: pb.GetOptimizationRequest, context: Context) -> pb.GetOptimizationResponse:  # noqa: N802
        view = await self._service.look(request.id, "optimization")
        return pb.GetOptimizationResponse(optimization=_optimization(view))

    async def CancelOptimization(  # noqa: N802
        self, request: pb.CancelOptimizationRequest, context: Context
    ) -> pb.CancelOptimizationResponse:
        view = await self._service.cancel(request.id, "optimization")
        return pb.CancelOptimizationResponse(optimization=_optimization(view))

    async def CompareRuns(self, request: pb.CompareRunsRequest, context: Context) -> pb.CompareRunsResponse:  # noqa: N802
        if not 0 <= request.seed < 2**53:
            raise Failure(Kind.INVALID, f"seed: {request.seed}: write a whole number from 0 to {2**53 - 1}")
        against: Baseline = "first" if request.against_first else "best"
        wanted = ToCompare(list(request.ids), request.by or "sharpe", against, request.seed)
        return pb.CompareRunsResponse(document=json.dumps(dict(await self._service.compare(wanted))))

    async def ListStrategies(self, request: pb.ListStrategiesRequest, context: Context) -> pb.ListStrategiesResponse:  # noqa: N802
        strategies = [
            pb.BuiltinStrategy(
                name=name,
                description=getattr(strategy, "description", ""),
                parameters=[parameter_message(one) for one in strategy.parameters],
            )
            for name, strategy in BUILTINS.items()
        ]
        return pb.ListStrategiesResponse(strategies=strategies)

    async def ListSymbols(self, request: pb.ListSymbolsRequest, context: Context) -> pb.ListSymbolsResponse:  # noqa: N802
        found = await self._service.symbols(request.exchange, request.symbol)
        return pb.ListSymbolsResponse(symbols=[_symbol(one) for one in found])

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:  # noqa: N802
        if not 0 <= request.limit <= MOST_LISTED:
            raise Failure(Kind.INVALID, f"limit: {request.limit}: write 1 to {MOST_LISTED}, or leave it out")
        filters = {name: getattr(request, name) for name in ("name", "strategy", "symbol", "timeframe")}
        rows = await self._service.runs(request.limit or _USUALLY_LISTED, request.by, **filters)
        return pb.ListRunsResponse(
            runs=[
                pb.FinishedRun(
                    id=row.id,
                    name=row.name,
                    created_ms=row.created,
                    strategy=row.strategy,
                    symbols=row.symbols,
                    timeframe=row.timeframe,
                    start=row.start,
                    end=row.end,
                    simulated=row.simulated,
                    figures=_defined(row.figures),
                    warnings=row.warnings,
                    digest=row.digest,
                )
                for row in rows
            ]
        )

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:  # noqa: N802
        return pb.GetRunResponse(record=json.dumps(dict(await self._service.run(request.id))))

    async def GetRunReport(  # noqa: N802
        self, request: pb.GetRunReportRequest, context: Context
    ) -> AsyncIterator[pb.GetRunReportResponse]:
        page = await self._service.report(request.id)
        for start in range(0, len(page), _PIECE):
            yield pb.GetRunReportResponse(html=page[start : start + _PIECE])


def _job(view: View) -> pb.Job:
    return pb.Job(
        id=view.id,
        state=_STATES[view.state],
        percent=view.percent,
        stage=view.stage,
        message=view.message,
        bars=view.bars,
        created_ms=view.created,
        started_ms=view.started,
        ended_ms=view.ended,
    )


def _backtest(view: View) -> pb.Backtest:
    message = pb.Backtest(job=_job(view))
    document = view.document
    if document is not None:
        made_of = document["provenance"]
        result = pb.BacktestResult(
            name=document["name"],
            figures=_defined(headline(document)),
            warnings=_cautions(document),
            digest=made_of["digest"],
            data_digest=made_of["data"]["digest"],
            strategy_digest=made_of["strategy"]["digest"],
            arithmetic_revision=made_of["engine"]["arithmeticRevision"],
        )
        message.result.CopyFrom(result)
    return message


def _optimization(view: View) -> pb.Optimization:
    message = pb.Optimization(job=_job(view))
    document = view.document
    if document is not None:
        doubts = document["overfitting"]
        result = pb.OptimizationResult(
            name=document["name"],
            metric=document["metric"],
            trials=document["trials"],
            skipped=document["skipped"],
            results=[_trial(row) for row in document["results"]],
            sharpe_of_luck=doubts["sharpeOfLuck"],
            deflated_sharpe=doubts["deflatedSharpe"],
            warnings=_cautions(document),
            manifest=json.dumps(document["run"]),
            data_digest=document["provenance"]["data"]["digest"],
        )
        message.result.CopyFrom(result)
    return message


def _trial(row: Mapping[str, Any]) -> pb.Trial:
    return pb.Trial(
        parameters=value_messages(row["parameters"]),
        total_return=row["totalReturn"],
        sharpe=row["sharpe"],
        max_drawdown=row["maxDrawdown"],
        trades=row["trades"],
    )


def _cautions(document: Mapping[str, Any]) -> list[pb.Caution]:
    return [pb.Caution(reason=one["reason"], message=one["message"]) for one in document["warnings"]]


def _symbol(one: Mapping[str, Any]) -> pb.StoredSymbol:
    names = ("exchange", "symbol", "timeframe", "to", "bars", "gaps", "simulated", "digest", "problem")
    return pb.StoredSymbol(**{name: one[name] for name in names}, **{"from": one["from"]})


def _defined(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if value is not None}
