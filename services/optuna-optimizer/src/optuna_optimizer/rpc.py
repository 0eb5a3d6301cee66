"""``tidewright.v1.OptimizationService``."""

import json
from collections.abc import AsyncIterator, Mapping
from math import nan
from typing import Any, get_args

from optuna_optimizer.headlines import dashboard_of, figures_of
from optuna_optimizer.jobs import Job
from optuna_optimizer.service import MOST_LISTED, StudyService, View
from optuna_optimizer.tried import Order
from tidewright.domain.trials import Trial
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rpc import Context, Server, Servicer
from tidewright.v1 import optimization_service_pb2 as pb
from tidewright.v1.optimization_service_pb2_grpc import (
    OptimizationServiceServicer,
    add_OptimizationServiceServicer_to_server,
)
from tidewright.wire.strategy import value_messages

_STATES = {
    "Queued": pb.STUDY_STATE_QUEUED,
    "Running": pb.STUDY_STATE_RUNNING,
    "Complete": pb.STUDY_STATE_COMPLETE,
    "Refused": pb.STUDY_STATE_REFUSED,
    "DataMissing": pb.STUDY_STATE_DATA_MISSING,
    "StrategyFailed": pb.STUDY_STATE_STRATEGY_FAILED,
    "Failed": pb.STUDY_STATE_FAILED,
    "Cancelled": pb.STUDY_STATE_CANCELLED,
}
_TRIAL_STATES = {
    "Complete": pb.TRIAL_STATE_COMPLETE,
    "Pruned": pb.TRIAL_STATE_PRUNED,
    "Failed": pb.TRIAL_STATE_FAILED,
}
_ORDERS: Mapping[int, Order] = {
    pb.TRIAL_ORDER_UNSPECIFIED: "number",
    pb.TRIAL_ORDER_NUMBER: "number",
    pb.TRIAL_ORDER_NEWEST: "newest",
    pb.TRIAL_ORDER_BEST: "best",
}
_USUALLY_LISTED = 100
_PIECE = 256 << 10


def servicer(service: StudyService, dashboard: str = "") -> Servicer:
    """The service as its host wants it; `dashboard` is the URL of optuna-dashboard."""

    def add(server: Server) -> None:
        add_OptimizationServiceServicer_to_server(_OptimizationServicer(service, dashboard), server)

    return Servicer(pb.DESCRIPTOR.services_by_name["OptimizationService"].full_name, add)


class _OptimizationServicer(OptimizationServiceServicer):
    def __init__(self, service: StudyService, dashboard: str) -> None:
        self._service = service
        self._dashboard = dashboard

    async def StartStudy(self, request: pb.StartStudyRequest, context: Context) -> pb.StartStudyResponse:  # noqa: N802
        view = await self._service.start(request.manifest, request.idempotency_key)
        return pb.StartStudyResponse(study=self._study(view))

    async def WatchStudy(  # noqa: N802
        self, request: pb.WatchStudyRequest, context: Context
    ) -> AsyncIterator[pb.WatchStudyResponse]:
        async for view in self._service.watch(request.id):
            yield pb.WatchStudyResponse(study=self._study(view))

    async def GetStudy(self, request: pb.GetStudyRequest, context: Context) -> pb.GetStudyResponse:  # noqa: N802
        return pb.GetStudyResponse(study=self._study(await self._service.look(request.id)))

    async def ListStudies(self, request: pb.ListStudiesRequest, context: Context) -> pb.ListStudiesResponse:  # noqa: N802
        state = _named(_STATES, request.state, "state")
        views = self._service.studies(request.name, state, _limit(request.limit))
        return pb.ListStudiesResponse(studies=[self._study(view) for view in views])

    async def ListTrials(self, request: pb.ListTrialsRequest, context: Context) -> pb.ListTrialsResponse:  # noqa: N802
        state = _named(_TRIAL_STATES, request.state, "state")
        if request.order not in _ORDERS:
            raise Failure(Kind.INVALID, f"order: {request.order}: write one of {', '.join(get_args(Order))}")
        if request.offset < 0:
            raise Failure(Kind.INVALID, f"offset: {request.offset}: write 0 or more")
        total, trials = await self._service.trials(
            request.id, state, _ORDERS[request.order], request.offset, _limit(request.limit)
        )
        return pb.ListTrialsResponse(trials=[_trial(one) for one in trials], total=total)

    async def GetParetoFront(self, request: pb.GetParetoFrontRequest, context: Context) -> pb.GetParetoFrontResponse:  # noqa: N802
        job, found = await self._service.front(request.id)
        return pb.GetParetoFrontResponse(
            front=[_candidate(one) for one in found.trials],
            knee=found.knee,
            objectives=_objectives(job),
            final=found.final,
        )

    async def GetImportance(self, request: pb.GetImportanceRequest, context: Context) -> pb.GetImportanceResponse:  # noqa: N802
        found = await self._service.importance(request.id)
        shares = [pb.FieldImportance(name=name, share=share) for name, share in found.shares]
        return pb.GetImportanceResponse(importance=shares, trials=found.trials, final=found.final)

    async def GetWalkForward(self, request: pb.GetWalkForwardRequest, context: Context) -> pb.GetWalkForwardResponse:  # noqa: N802
        record = await self._service.record(request.id)
        walked = record["walkForward"]
        return pb.GetWalkForwardResponse(
            windows=[_window(one) for one in record["windows"]],
            efficiency=walked["efficiency"],
            degradation=walked["degradation"],
            profitable_windows=walked["profitableWindows"],
            undefined_windows=walked["undefinedWindows"],
            figures=_defined(record["result"]),
        )

    async def GetStudyRecord(self, request: pb.GetStudyRecordRequest, context: Context) -> pb.GetStudyRecordResponse:  # noqa: N802
        return pb.GetStudyRecordResponse(record=json.dumps(dict(await self._service.record(request.id))))

    async def GetStudyReport(  # noqa: N802
        self, request: pb.GetStudyReportRequest, context: Context
    ) -> AsyncIterator[pb.GetStudyReportResponse]:
        page = await self._service.report(request.id)
        for start in range(0, len(page), _PIECE):
            yield pb.GetStudyReportResponse(html=page[start : start + _PIECE])

    async def DeleteStudy(self, request: pb.DeleteStudyRequest, context: Context) -> pb.DeleteStudyResponse:  # noqa: N802
        return pb.DeleteStudyResponse(study=self._study(await self._service.delete(request.id)))

    def _study(self, view: View) -> pb.Study:
        job, stands = view.job, view.job.standing
        message = pb.Study(
            id=job.id,
            name=job.name,
            state=_STATES[job.state],
            percent=job.percent,
            stage=job.stage,
            message=job.message,
            created_ms=job.created,
            started_ms=job.started,
            ended_ms=job.ended,
            eta_ms=job.eta,
            trials=pb.TrialCounts(
                asked=job.asked,
                complete=stands.complete,
                pruned=stands.pruned,
                failed=stands.failed,
                infeasible=stands.infeasible,
            ),
            best=None if stands.best is None else _candidate(stands.best),
            objectives=_objectives(job),
            sampler=job.sampler,
            dashboard=dashboard_of(job, self._dashboard),
        )
        if view.record is not None:
            message.result.CopyFrom(_result(view.record))
        return message


def _result(record: Mapping[str, Any]) -> pb.StudyResult:
    made_of = record["provenance"]
    return pb.StudyResult(
        verdict=record["verdict"]["word"],
        reasons=[
            pb.StudyReason(reason=one["reason"], message=one["message"], speaks_for=one["speaksFor"])
            for one in record["verdict"]["reasons"]
        ],
        figures=_defined(figures_of(record)),
        selected=None if record["selected"] is None else _candidate(record["selected"]),
        warnings=[pb.StudyReason(reason=one["reason"], message=one["message"]) for one in record["warnings"]],
        manifest="" if record["run"] is None else json.dumps(record["run"]),
        data_digest=made_of["dataDigest"],
        strategy_digest=made_of["strategyDigest"],
        result_digest=made_of["resultDigest"],
    )


def _window(one: Mapping[str, Any]) -> pb.WalkForwardWindow:
    chosen = one["chosen"]
    return pb.WalkForwardWindow(
        in_sample_start=one["inSample"]["start"],
        in_sample_end=one["inSample"]["end"],
        out_of_sample_start=one["outOfSample"]["start"],
        out_of_sample_end=one["outOfSample"]["end"],
        chosen=None if chosen is None else chosen["number"],
        parameters=[] if chosen is None else value_messages(chosen["parameters"]),
        in_sample=_defined(one["inSampleFigures"] or {}),
        out_of_sample=_defined(one["outOfSampleFigures"] or {}),
    )


def _objectives(job: Job) -> list[pb.StudyObjective]:
    objectives = job.planned.objectives if job.planned else ()
    return [pb.StudyObjective(metric=one.metric, minimize=one.direction == "Minimize") for one in objectives]


def _candidate(one: Mapping[str, Any]) -> pb.StudyTrial:
    """A trial that is complete and feasible, as a standing and a record have it."""
    return pb.StudyTrial(
        number=one["number"],
        state=pb.TRIAL_STATE_COMPLETE,
        parameters=value_messages(one["parameters"]),
        values=[nan if value is None else value for value in one["values"]],
        feasible=True,
    )


def _trial(trial: Trial) -> pb.StudyTrial:
    return pb.StudyTrial(
        number=trial.number,
        state=_TRIAL_STATES[trial.state],
        parameters=value_messages(trial.parameters),
        values=trial.values,
        feasible=trial.feasible,
        reason=trial.reason,
        message=trial.message,
    )


def _defined(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if value is not None}


def _limit(limit: int) -> int:
    if not 0 <= limit <= MOST_LISTED:
        raise Failure(Kind.INVALID, f"limit: {limit}: write 1 to {MOST_LISTED}, or leave it out")
    return limit or _USUALLY_LISTED


def _named(names: Mapping[Any, int], number: int, field: str) -> Any:  # noqa: ANN401 - a state of either kind
    """The word for an enumeration's number; None where it is not said."""
    if not number:
        return None
    found = next((name for name, its in names.items() if its == number), None)
    if found is None:
        raise Failure(Kind.INVALID, f"{field}: {number}: write one of {', '.join(names)}, or leave it out")
    return found
