"""The REST interface: times are RFC 3339, ratios plain numbers, a figure that is undefined is null."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

from optuna_optimizer.headlines import candidate, dashboard_of, figures_of
from optuna_optimizer.jobs import Job, State
from optuna_optimizer.service import MOST_LISTED, StudyService, View
from optuna_optimizer.tried import Order
from tidewright.domain.instant import utc
from tidewright.domain.trials import State as TrialState
from tidewright.domain.trials import Trial as Tried
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rest import Header, Query, Request, Response, Router

Values = dict[str, int | float | bool | str]
Figures = dict[str, float | None]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True)


class Caution(_Body):
    """A reason to doubt a result."""

    reason: str
    message: str


class Argument(Caution):
    """A reason of a verdict."""

    speaks_for: Literal["Robust", "Suspect", "Overfit"]
    """Which verdict it speaks for."""


class Objective(_Body):
    """A figure to make as large, or as small, as possible."""

    metric: str
    direction: Literal["Maximize", "Minimize"]


class Candidate(_Body):
    """A trial that may be selected."""

    number: int
    parameters: Values
    """The searched fields; percentages are strings such as 2.5%."""
    values: list[float | None]
    """Of each objective, the mean over the windows in sample."""


class Trial(Candidate):
    """A set of values that was tried."""

    state: TrialState
    feasible: bool
    """Whether it is complete and meets every requirement."""
    reason: str
    """Why it is not complete, in one word; empty where it is."""
    message: str


class Counts(_Body):
    """How many trials there are of each state."""

    asked: int | None
    """Trials that are wanted; null until that is known."""
    complete: int
    pruned: int
    failed: int
    infeasible: int
    """Complete ones that miss a requirement."""


class Result(_Body):
    """What came of a study; all of it is at `links.record`."""

    verdict: Literal["Robust", "Suspect", "Overfit"]
    reasons: list[Argument]
    figures: Figures
    """What the verdict rests on: deflatedSharpe, pbo, pValue, walkForwardEfficiency, outOfSampleReturn, outOfSampleSharpe."""
    selected: Candidate | None
    """The trial that the study selects; null where none may be."""
    warnings: list[Caution]
    run: dict[str, JsonValue] | None
    """The backtest of the selected, to be sent to `POST /backtest` of the backtest service."""
    provenance: dict[str, JsonValue]


class Links(_Body):
    """Where more is told of a study."""

    study: str
    trials: str
    pareto: str
    importance: str
    walk_forward: str
    report: str
    record: str
    dashboard: str | None
    """optuna-dashboard; null where this service knows of none."""


class Standing(_Body):
    """A study as it stands."""

    id: str
    """The same whenever the same is asked for over the same bars."""
    name: str
    state: State
    """How it stands or, in the words of a worker's record, how it ended."""
    percent: int
    """Share of the work that is done."""
    stage: str
    """Step that is being done; empty where none is."""
    message: str
    """Why it ended without a result, and the remedy; empty otherwise."""
    created: str
    started: str | None
    ended: str | None
    eta: str | None
    """When the search is likely to be done; null where nobody can tell."""
    sampler: str
    objectives: list[Objective]
    """What is made as large, or as small, as possible; empty until that is known."""
    trials: Counts
    best: Candidate | None
    """The best by the first objective, of those that meet every requirement."""
    links: Links


class Study(Standing):
    """A study as it stands, and what came of it."""

    result: Result | None
    """What came of it, once it has ended."""


class TrialPage(_Body):
    """Some of a study's trials."""

    trials: list[Trial]
    total: int
    """How many there are of the state asked for."""
    next: str | None
    """Where the following ones are; null after the last."""


class Front(_Body):
    """The trials that no other trial beats."""

    objectives: list[Objective]
    front: list[Candidate]
    """At most 500, the best first objective first."""
    knee: int | None
    """Number of the one that is nearest to having the best of everything."""
    final: bool
    """Whether the study has ended; else more trials may change it."""


class Share(_Body):
    """How much one field matters for the first objective."""

    name: str
    share: float


class Importance(_Body):
    """How much each searched field matters."""

    importance: list[Share]
    """The most important first, with sum 1; empty where it cannot be told from so few trials."""
    trials: int
    """Complete trials that it is told from."""
    final: bool
    """Whether the study has ended; else more trials may change it."""


class WalkForward(_Body):
    """What was chosen at each window, and what it came to out of sample."""

    windows: list[dict[str, JsonValue]]
    """As in the record: both parts, the trial chosen, and its figures on either part."""
    walk_forward: dict[str, JsonValue]
    """Efficiency, degradation, and how many windows made money."""
    result: Figures
    """Figures of the stitched out-of-sample account."""


_SPEC = {
    "strategy": {"source": {"builtin": "MovingAverageCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"},
    "data": {"exchange": "simulated", "start": "2023-01-01", "end": "2023-07-01"},
    "searchSpace": [
        {"name": "fast", "int": {"min": 5, "max": 20, "step": 5}},
        {"name": "slow", "int": {"min": 30, "max": 60, "step": 10}},
    ],
    "walkForward": {"windows": 2},
    "sampler": {"name": "Random", "seed": 7},
    "trials": 4,
}


def _takes(description: str, example: Mapping[str, Any]) -> dict[str, Any]:
    """A body that the routes read themselves, as the command line reads a file: JSON is YAML too."""
    schema = {"type": "object", "description": description}
    content = {kind: {"schema": schema, "example": example} for kind in ("application/json", "application/yaml")}
    return {"requestBody": {"required": True, "content": content}}


_STUDY = _takes("An OptimizationStudy, or its spec (`tidewright schema OptimizationStudy`)", _SPEC)
_STARTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "It has ended already, with at least as many trials"},
    202: {
        "description": "It is worked on; `Location` says where to ask",
        "headers": {"Location": {"schema": {"type": "string"}}},
        "model": Study,
    },
}

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        description="The same key stands for the same study for good, even where bars have been added since.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]


def router(service: StudyService, dashboard: str = "") -> Router:
    """The routes of the service; `dashboard` is the URL of optuna-dashboard."""
    routes = Router()
    _add_studies(routes, service, dashboard)
    _add_trials(routes, service)
    _add_findings(routes, service)
    return routes


def _add_studies(routes: Router, service: StudyService, dashboard: str) -> None:
    @routes.post("/studies", openapi_extra=_STUDY, responses=_STARTED)
    async def start(request: Request, response: Response, key: Key = "") -> Study:
        """Have a study worked on. The same request over the same bars is one study, with one id; one for more trials makes it go on."""
        view = await service.start(await _text(request), key)
        response.headers["location"] = f"/studies/{view.job.id}"
        if view.job.active:
            response.status_code = 202
        return _study(view, dashboard)

    @routes.get("/studies")
    async def studies(
        name: Annotated[str, Query(max_length=80)] = "", state: State | None = None, limit: Limit = 100
    ) -> list[Standing]:
        """Studies, the newest first, without what came of them."""
        return [Standing(**_standing(view.job, dashboard)) for view in service.studies(name, state, limit)]

    @routes.get("/studies/{study}")
    async def study_as_it_stands(study: str) -> Study:
        """How a study stands, and what came of it."""
        return _study(await service.look(study), dashboard)

    @routes.delete("/studies/{study}")
    async def delete(study: str) -> Standing:
        """End a study for everyone who has asked for it, and forget its trials and what it found."""
        return Standing(**_standing((await service.delete(study)).job, dashboard))


def _add_trials(routes: Router, service: StudyService) -> None:
    @routes.get("/studies/{study}/trials")
    async def trials(
        study: str,
        state: TrialState | None = None,
        order: Annotated[
            Order, Query(description="best: by the first objective, those without a value last.")
        ] = "number",
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        limit: Limit = 100,
    ) -> TrialPage:
        """Trials of a study, a page at a time; while it is searched too."""
        total, found = await service.trials(study, state, order, offset, limit)
        wanted = f"order={order}&offset={offset + limit}&limit={limit}" + (f"&state={state}" if state else "")
        more = f"/studies/{study}/trials?{wanted}" if offset + limit < total else None
        return TrialPage(trials=[_trial(one) for one in found], total=total, next=more)

    @routes.get("/studies/{study}/pareto")
    async def pareto(study: str) -> Front:
        """The trials that no other trial beats; of one objective, the best. While it is searched too."""
        job, found = await service.front(study)
        front = [Candidate.model_validate(one) for one in found.trials]
        return Front(objectives=_objectives(job), front=front, knee=found.knee, final=found.final)

    @routes.get("/studies/{study}/importance")
    async def importance(study: str) -> Importance:
        """How much each searched field matters for the first objective; while it is searched too."""
        found = await service.importance(study)
        shares = [Share(name=name, share=share) for name, share in found.shares]
        return Importance(importance=shares, trials=found.trials, final=found.final)


def _add_findings(routes: Router, service: StudyService) -> None:
    @routes.get("/studies/{study}/walk-forward")
    async def walk_forward(study: str) -> WalkForward:
        """What was chosen at each window and what it came to out of sample; once the study has ended."""
        record = await service.record(study)
        return WalkForward(windows=record["windows"], walk_forward=record["walkForward"], result=record["result"])

    @routes.get("/studies/{study}/record")
    async def record(study: str) -> dict[str, JsonValue]:
        """The whole record of a study, as in its result.json; once it has ended."""
        return dict(await service.record(study))

    @routes.get("/studies/{study}/report", responses={200: {"content": {"text/html": {}}}}, response_class=Response)
    async def report(study: str) -> Response:
        """The report of a study, one HTML page that needs nothing else; once it has ended."""
        headers = {"content-security-policy": "sandbox allow-scripts", "x-content-type-options": "nosniff"}
        return Response(await service.report(study), media_type="text/html; charset=utf-8", headers=headers)


async def _text(request: Request) -> str:
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise Failure(
            Kind.INVALID, f"the body is no text in UTF-8 ({error.reason} at byte {error.start}); send YAML or JSON"
        ) from None


def _study(view: View, dashboard: str) -> Study:
    record = view.record
    result = None
    if record is not None:
        result = Result(
            verdict=record["verdict"]["word"],
            reasons=[Argument.model_validate(one) for one in record["verdict"]["reasons"]],
            figures=figures_of(record),
            selected=None if record["selected"] is None else Candidate.model_validate(record["selected"]),
            warnings=[Caution.model_validate(one) for one in record["warnings"]],
            run=record["run"],
            provenance=record["provenance"],
        )
    return Study(**_standing(view.job, dashboard), result=result)


def _standing(job: Job, dashboard: str) -> dict[str, Any]:
    times = {name: getattr(job, name) for name in ("created", "started", "ended", "eta")}
    told = {name: getattr(job, name) for name in ("id", "name", "state", "percent", "stage", "message")}
    counts = {name: getattr(job.standing, name) for name in ("complete", "pruned", "failed", "infeasible")}
    best = job.standing.best
    return {
        **told,
        **{name: None if time is None else utc(time) for name, time in times.items()},
        "sampler": job.sampler,
        "objectives": _objectives(job),
        "trials": Counts(asked=job.asked, **counts),
        "best": None if best is None else Candidate.model_validate(best),
        "links": _links(job, dashboard),
    }


def _objectives(job: Job) -> list[Objective]:
    objectives = job.planned.objectives if job.planned else ()
    return [Objective(metric=one.metric, direction=one.direction) for one in objectives]


def _links(job: Job, dashboard: str) -> Links:
    place = f"/studies/{job.id}"
    return Links(
        study=place,
        trials=f"{place}/trials",
        pareto=f"{place}/pareto",
        importance=f"{place}/importance",
        walk_forward=f"{place}/walk-forward",
        report=f"{place}/report",
        record=f"{place}/record",
        dashboard=dashboard_of(job, dashboard) or None,
    )


def _trial(trial: Tried) -> Trial:
    told = {name: getattr(trial, name) for name in ("state", "feasible", "reason", "message")}
    return Trial(**candidate(trial), **told)
