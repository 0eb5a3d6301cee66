"""The REST interface: times are RFC 3339, ratios plain numbers, a figure that is undefined is null."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from backtest_engine.finished import Row, headline
from backtest_engine.jobs import State
from backtest_engine.service import MOST_COMPARED, MOST_LISTED, BacktestService, ToCompare, View
from tidewright.domain.instant import utc
from tidewright.ports import RANKED_BY
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rest import Header, Query, Request, Response, Router

Figures = dict[str, float | None]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True)


class Caution(_Body):
    """A reason to doubt a result."""

    reason: str
    message: str


class Job(_Body):
    """A piece of work as it stands."""

    id: str
    """The same whenever the same is asked for over the same bars."""
    state: State
    """How it stands or, in the words of a worker's record, how it ended."""
    percent: int
    """Share of the work that is done."""
    stage: str
    """Step that is being done; empty where none is."""
    message: str
    """Why it ended without a result, and the remedy; empty otherwise."""
    bars: int
    """About how many bars it looks at."""
    created: str | None
    started: str | None
    ended: str | None


class Result(_Body):
    """What came of a backtest; all of it is at `record`."""

    name: str
    figures: Figures
    """The figures that are asked for first (docs/reference/metrics.md)."""
    warnings: list[Caution]
    provenance: dict[str, JsonValue]
    """What the result was made of, with the digest of its fills and equity."""
    record: str
    """Where the whole record is."""
    report: str
    """Where the report is."""


class Backtest(Job):
    """A backtest as it stands."""

    result: Result | None
    """What came of it, once it is complete."""


class Trial(_Body):
    """A parameter set and its figures."""

    parameters: dict[str, int | float | bool | str]
    total_return: float | None
    sharpe: float | None
    max_drawdown: float | None
    trades: int


class Overfitting(_Body):
    """How far the best is to be believed."""

    trials: int
    """How many sets were tried; they count as independent."""
    sharpe_of_luck: float | None
    """The Sharpe ratio that the best of so many is expected to have without any skill, a year."""
    deflated_sharpe: float | None
    """The probability that the best has skill beyond that."""


class Search(_Body):
    """What came of an optimization."""

    name: str
    metric: str
    trials: int
    """Sets that were tried."""
    skipped: int
    """Sets that break a constraint of the strategy."""
    bars: int
    best: Trial
    results: list[Trial]
    """The best sets, best first."""
    overfitting: Overfitting
    warnings: list[Caution]
    run: dict[str, JsonValue]
    """The backtest of the best, to be sent to `POST /backtest` with other bars."""
    provenance: dict[str, JsonValue]


class Optimization(Job):
    """An optimization as it stands."""

    result: Search | None
    """What came of it, once it is complete."""


class GivenResult(_Body):
    """A result that this service has not got: what `tidewright run` wrote, tables by their columns, times in milliseconds."""

    model_config = ConfigDict(extra="forbid")

    record: dict[str, JsonValue]
    """result.json."""
    equity: dict[str, list[float | None]]
    """Columns time, equity and holding of equity.parquet; of several symbols a holding each."""
    trades: dict[str, list[float | str | None]]
    """Columns entryTime, exitTime, pnl and netReturn of trades.parquet."""


class ComparisonRequest(_Body):
    """Runs to hold against each other."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"runs": ["demo-0123456789abcdef", "demo-fedcba9876543210"], "by": "sharpe"}]},
    )

    runs: Annotated[
        list[Annotated[str, Field(max_length=201)] | GivenResult], Field(min_length=2, max_length=MOST_COMPARED)
    ]
    """Ids of finished runs, or results."""
    by: Annotated[str, Field(max_length=40)] = "sharpe"
    """What to rank by."""
    against: Literal["best", "first"] = "best"
    """Whose Sharpe ratio the others are held against."""
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    """Seed of the resampling."""


class Parameter(_Body):
    """What a strategy can be tuned by."""

    name: str
    type: str
    default: int | float | bool | str
    min: float | None
    max: float | None
    step: float | None
    choices: list[str]
    description: str


class Strategy(_Body):
    """A built-in strategy."""

    name: str
    description: str
    parameters: list[Parameter]


class Stretch(_Body):
    """A stretch of time; `to` is exclusive."""

    start: Annotated[str, Field(alias="from")]
    to: str


class Symbol(_Body):
    """What the store holds of one market."""

    exchange: str
    symbol: str
    timeframe: str
    start: Annotated[str | None, Field(alias="from")]
    """Open time of the first bar."""
    to: str | None
    """Close of the last bar."""
    bars: int
    gaps: int
    """Places where bars are missing."""
    absent: list[Stretch]
    """Where the exchange itself has none."""
    simulated: bool
    digest: str
    problem: str
    """Why it cannot be used; empty where it can."""


class Run(_Body):
    """A finished run."""

    id: str
    name: str
    created: str
    strategy: str
    symbols: list[str]
    timeframe: str
    start: str
    end: str
    simulated: bool
    figures: Figures
    warnings: list[str]
    digest: str
    record: str
    report: str


_SPEC = {
    "strategy": {
        "source": {"builtin": "MovingAverageCross"},
        "parameters": {"fast": 24, "slow": 96},
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
        "risk": {"stopLoss": "8%"},
    },
    "data": {"exchange": "simulated", "start": "2023-01-01", "end": "2023-07-01"},
    "seed": 7,
}
_SEARCH = {
    "run": _SPEC,
    "searchSpace": [
        {"name": "fast", "int": {"min": 10, "max": 50, "step": 10}},
        {"name": "slow", "int": {"min": 60, "max": 240, "step": 60}},
    ],
    "metric": "sharpe",
}


def _takes(description: str, example: Mapping[str, Any]) -> dict[str, Any]:
    """A body that the routes read themselves, as the command line reads a file: JSON is YAML too."""
    schema = {"type": "object", "description": description}
    content = {kind: {"schema": schema, "example": example} for kind in ("application/json", "application/yaml")}
    return {"requestBody": {"required": True, "content": content}}


_BACKTEST = _takes("A BacktestRun, or its spec (docs/reference/BacktestRun.md, `tidewright schema BacktestRun`)", _SPEC)
_OPTIMIZATION = _takes("A backtest, and the parameters searched as in an OptimizationStudy", _SEARCH)
_LATER: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "It goes on; `Location` says where to ask",
        "headers": {"Location": {"schema": {"type": "string"}}},
    }
}

Wait = Annotated[
    float | None,
    Query(
        ge=0,
        le=3_600,
        description="Seconds to wait for the result; by default long for few bars and none for many.",
        allow_inf_nan=False,
    ),
]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        description="The same key stands for the same work for good, even where bars have been added since.",
    ),
]
Word = Annotated[str, Query(max_length=80)]


def router(service: BacktestService) -> Router:
    """The routes of the service."""
    routes = Router()
    _add_jobs(routes, service)
    _add_what_there_is(routes, service)
    return routes


def _add_jobs(routes: Router, service: BacktestService) -> None:
    @routes.post("/backtest", openapi_extra=_BACKTEST, responses=_LATER)
    async def backtest(request: Request, response: Response, wait: Wait = None, key: Key = "") -> Backtest:
        """Run a backtest. The same request over the same bars is one run, with one id, and is done once."""
        view = await service.backtest(await _text(request), key, wait)
        _point(response, view, "backtest")
        return _backtest(view)

    @routes.get("/backtest/{work}")
    async def backtest_as_it_stands(work: str) -> Backtest:
        """How a backtest stands, and what came of it."""
        return _backtest(await service.look(work, "backtest"))

    @routes.delete("/backtest/{work}")
    async def cancel_backtest(work: str) -> Backtest:
        """Cancel a backtest that waits or runs, for everyone who has asked for it."""
        return _backtest(await service.cancel(work, "backtest"))

    @routes.post("/optimize", openapi_extra=_OPTIMIZATION, responses=_LATER)
    async def optimize(request: Request, response: Response, wait: Wait = None, key: Key = "") -> Optimization:
        """Try every combination of some parameters, and say how far the best is to be believed."""
        view = await service.optimize(await _text(request), key, wait)
        _point(response, view, "optimize")
        return _optimization(view)

    @routes.get("/optimize/{work}")
    async def optimization_as_it_stands(work: str) -> Optimization:
        """How an optimization stands, and what came of it."""
        return _optimization(await service.look(work, "optimization"))

    @routes.delete("/optimize/{work}")
    async def cancel_optimization(work: str) -> Optimization:
        """Cancel an optimization that waits or runs."""
        return _optimization(await service.cancel(work, "optimization"))

    @routes.post("/compare")
    async def compare(wanted: ComparisonRequest) -> dict[str, JsonValue]:
        """Rank finished runs, and tell skill from luck: what `tidewright compare --json` says."""
        runs = [one if isinstance(one, str) else one.model_dump() for one in wanted.runs]
        return dict(await service.compare(ToCompare(runs, wanted.by, wanted.against, wanted.seed)))


def _add_what_there_is(routes: Router, service: BacktestService) -> None:
    @routes.get("/strategies")
    async def strategies() -> list[Strategy]:
        """The built-in strategies, with their parameters and ranges."""
        return [Strategy.model_validate(one) for one in service.strategies()]

    @routes.get("/symbols")
    async def symbols(exchange: Word = "", symbol: Word = "") -> list[Symbol]:
        """What the store holds, from when to when."""
        return [Symbol.model_validate(one) for one in await service.symbols(exchange, symbol)]

    @routes.get("/runs")
    async def runs(
        name: Word = "",
        strategy: Word = "",
        symbol: Word = "",
        timeframe: Word = "",
        by: Annotated[str, Query(max_length=40, description=f"Best first by one of {', '.join(RANKED_BY)}.")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    ) -> list[Run]:
        """Finished runs, the newest first, or the best."""
        wanted = {"name": name, "strategy": strategy, "symbol": symbol, "timeframe": timeframe}
        return [_run(row) for row in await service.runs(limit, by, **wanted)]

    @routes.get("/runs/{run}")
    async def run(run: str) -> dict[str, JsonValue]:
        """The whole record of a finished run, as in its result.json."""
        return dict(await service.run(run))

    @routes.get("/runs/{run}/report", responses={200: {"content": {"text/html": {}}}}, response_class=Response)
    async def report(run: str) -> Response:
        """The report of a finished run: one HTML page that needs nothing else."""
        headers = {"content-security-policy": "sandbox allow-scripts", "x-content-type-options": "nosniff"}
        return Response(await service.report(run), media_type="text/html; charset=utf-8", headers=headers)


async def _text(request: Request) -> str:
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise Failure(
            Kind.INVALID, f"the body is no text in UTF-8 ({error.reason} at byte {error.start}); send YAML or JSON"
        ) from None


def _point(response: Response, view: View, path: str) -> None:
    response.headers["location"] = f"/{path}/{view.id}"
    if view.active:
        response.status_code = 202


def _job(view: View) -> dict[str, Any]:
    times = {name: getattr(view, name) for name in ("created", "started", "ended")}
    told = {name: getattr(view, name) for name in ("id", "state", "percent", "stage", "message", "bars")}
    return {**told, **{name: None if time is None else utc(time) for name, time in times.items()}}


def _backtest(view: View) -> Backtest:
    document = view.document
    result = None
    if document is not None:
        result = Result(
            name=document["name"],
            figures=headline(document),
            warnings=[Caution(**one) for one in document["warnings"]],
            provenance=document["provenance"],
            record=f"/runs/{view.id}",
            report=f"/runs/{view.id}/report",
        )
    return Backtest(**_job(view), result=result)


def _optimization(view: View) -> Optimization:
    result = None if view.document is None else Search.model_validate(view.document)
    return Optimization(**_job(view), result=result)


def _run(row: Row) -> Run:
    return Run(
        id=row.id,
        name=row.name,
        created=utc(row.created),
        strategy=row.strategy,
        symbols=list(row.symbols),
        timeframe=row.timeframe,
        start=row.start,
        end=row.end,
        simulated=row.simulated,
        figures=dict(row.figures),
        warnings=list(row.warnings),
        digest=row.digest,
        record=f"/runs/{row.id}",
        report=f"/runs/{row.id}/report",
    )
