"""The REST interface: times are milliseconds since the epoch, a number that is undefined is null."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from data_validation.messages import content_of
from data_validation.service import PAGE, Drifted, Validated, ValidationService, Verdict, number
from tidewright.domain.bars import COLUMNS, Bars
from tidewright.domain.bars import Market as DomainMarket
from tidewright.domain.instant import utc
from tidewright.domain.tape import Tape
from tidewright.domain.timeframe import TIMEFRAMES, milliseconds
from tidewright.ports import Reject, StoredReport
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rest import Query, Response, Router

_MOST_ROWS = 100_000


class _Body(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True, extra="forbid", strict=True
    )


Name = Annotated[str, Field(min_length=1, max_length=80)]
Timeframe = Literal[TIMEFRAMES]  # type: ignore[valid-type]  # it is a constant of another module
Milliseconds = Annotated[int, Field(ge=-(2**53), le=2**53)]
Prices = Annotated[list[float | None], Field(max_length=_MOST_ROWS)]


class Market(_Body):
    """What a bar series is of."""

    exchange: Name = Field(examples=["binance"])
    symbol: Name = Field(examples=["BTC/USDT"])
    timeframe: Timeframe = Field(examples=["1h"])


class Columns(_Body):
    """Bars as columns that are all equally long; null where a number is missing."""

    time: Annotated[list[Milliseconds], Field(max_length=_MOST_ROWS, examples=[[1704067200000, 1704070800000]])]
    """Open times."""
    open: Prices = Field(examples=[[42283.58, 42475.23]])
    high: Prices = Field(examples=[[42554.57, 42775.0]])
    low: Prices = Field(examples=[[42261.02, 42431.65]])
    close: Prices = Field(examples=[[42475.23, 42613.56]])
    volume: Prices = Field(examples=[[1271.68108, 1196.37856]])


class Row(_Body):
    """One bar; null where a number is missing."""

    time: Milliseconds = Field(examples=[1704067200000])
    """Open time."""
    open: float | None = Field(examples=[42283.58])
    high: float | None = Field(examples=[42554.57])
    low: float | None = Field(examples=[42261.02])
    close: float | None = Field(examples=[42475.23])
    volume: float | None = Field(examples=[1271.68108])


Table = Columns | Annotated[list[Row], Field(max_length=_MOST_ROWS)]


class Shorter(_Body):
    """Bars of a shorter timeframe of the same symbol."""

    timeframe: Timeframe
    bars: Table


class BarsToValidate(_Body):
    """Bars of one market, as columns or as rows."""

    market: Market
    bars: Table
    shorter: Shorter | None = None
    """What the bars are held against."""


class BarToValidate(_Body):
    """One bar."""

    market: Market
    bar: Row
    previous: Row | None = None
    """The bar before it; without it the bar is judged alone."""


class TradeRow(_Body):
    """One trade; null where a number is missing."""

    id: Milliseconds = Field(examples=[3730000001])
    time: Milliseconds = Field(examples=[1704067200123])
    price: float | None = Field(examples=[42283.58])
    quantity: float | None = Field(examples=[0.0125])


class TradeToValidate(_Body):
    """One trade."""

    symbol: Name = Field(examples=["BTC/USDT"])
    trade: TradeRow
    previous: TradeRow | None = None
    """The trade before it; without it the trade is judged alone."""


class Windows(_Body):
    """Two windows of bars of one market."""

    market: Market
    reference: Table
    """What it was like."""
    current: Table
    """What it is like now."""


class Broken(_Body):
    """A rule that a row breaks."""

    rule: str
    severity: str
    description: str
    remedy: str


class RealtimeVerdict(_Body):
    """What is said of one row."""

    valid: bool
    """Whether it breaks no rule of severity Error."""
    broken: list[Broken]


class ReportHead(_Body):
    """A report, without its content."""

    id: str
    kind: str
    """bars, drift or crosscheck."""
    subject: str
    created_at: str
    passed: bool


class Report(ReportHead):
    """A report."""

    content: dict[str, Any]


class Reports(_Body):
    """The newest reports."""

    reports: list[ReportHead]


class Finding(_Body):
    """A rule that rows break."""

    rule: str
    severity: str
    count: int
    message: str
    remedy: str
    rows: list[int]
    """The first of the rows, counted from 0."""


class BarsReport(ReportHead):
    """What was found of bars."""

    rows: int
    sound: int
    """Rows that break no rule of severity Error."""
    agreed: bool
    """Whether the two executions of the rules say the same of every row."""
    findings: list[Finding]


class SeriesDrift(_Body):
    """The distances of one series."""

    series: str
    verdict: str
    ks: float | None
    """Kolmogorov-Smirnov statistic."""
    p_value: float | None
    psi: float | None
    """Population stability index."""
    wasserstein: float | None
    """In standard deviations of the reference."""


class DriftReport(ReportHead):
    """How far two windows are apart."""

    verdict: str
    """Steady, Moderate, Shifted, or Unknown where there is too little to say."""
    series: list[SeriesDrift]


class Held(_Body):
    """A message that was refused."""

    id: str
    topic: str
    reasons: list[str]
    rejected_at: str
    attempts: int
    content: dict[str, Any] | None
    """What it says; null where it says nothing."""


class Quarantine(_Body):
    """What is held, by id."""

    messages: list[Held]
    following: str | None
    """Where to go on: `after` of the next page, null where this is the last."""


class Replay(_Body):
    """What is to be judged again."""

    ids: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=1_000)] = []
    """Ids; none: all, or all of the topic."""
    topic: Literal["", "raw.trades", "raw.bars", "raw.history"] = ""
    replace: bool = False
    """Let bars that differ from the archive's replace these."""


class Replayed(_Body):
    """What became of it."""

    judged: int
    released: int
    held: int


Limit = Annotated[int, Query(ge=1, le=PAGE)]


def router(service: ValidationService) -> Router:  # noqa: C901 - a route is no branch
    """The routes of the service."""
    routes = Router()

    @routes.post("/validate/ohlcv")
    async def validate_bars(body: BarsToValidate) -> BarsReport:
        """Judge many bars of a market, by two programs that must agree, and keep a report."""
        bars = _bars(body.bars, body.market, "bars")
        shorter = None
        if body.shorter is not None:
            of = body.market.model_copy(update={"timeframe": body.shorter.timeframe})
            shorter = _bars(body.shorter.bars, of, "shorter.bars")
        return _bars_report(await service.validate(bars, shorter))

    @routes.post("/validate/realtime")
    async def validate_row(body: BarToValidate | TradeToValidate) -> RealtimeVerdict:
        """Judge one bar or one trade at once; nothing is kept."""
        if isinstance(body, TradeToValidate):
            previous = None if body.previous is None else _tape(body.previous)
            return _verdict(service.validate_trade(body.symbol, _tape(body.trade), previous))
        before = None if body.previous is None else _bars([body.previous], body.market, "previous")
        return _verdict(service.validate_bar(_bars([body.bar], body.market, "bar"), before))

    @routes.post("/drift")
    async def drift(body: Windows) -> DriftReport:
        """Hold a window of bars against another, and keep a report."""
        reference, current = (_bars(getattr(body, name), body.market, name) for name in ("reference", "current"))
        return _drift_report(await service.drift(reference, current))

    @routes.get("/reports")
    async def reports(limit: Limit = 50) -> Reports:
        """The newest reports."""
        return Reports(reports=[ReportHead(**_head(one)) for one in await service.reports(limit)])

    @routes.get("/reports/{id}", response_model=Report, responses={200: {"content": {"text/html": {}}}})
    async def report(
        id: Annotated[str, StringConstraints(max_length=80)],  # noqa: A002 - its name in the path
        form: Annotated[
            Literal["json", "html"], Query(alias="format", description="html: the data docs of a report of bars.")
        ] = "json",
    ) -> Any:  # noqa: ANN401 - one of the two
        """A report, as JSON or as a page for people."""
        if form == "html":
            return Response(await service.page(id), media_type="text/html", headers=_NOTHING_FROM_ELSEWHERE)
        found = await service.report(id)
        return Report(**_head(found), content=dict(found.content))

    @routes.get("/quarantine")
    async def quarantine(
        topic: Annotated[Literal["", "raw.trades", "raw.bars", "raw.history"], Query()] = "",
        after: Annotated[str, Query(max_length=80, description="Go on after this id.")] = "",
        limit: Limit = 50,
    ) -> Quarantine:
        """What was refused, and why."""
        held = await service.held(limit, topic, after)
        following = held[-1].id if len(held) == limit else None
        return Quarantine(messages=[_held(one) for one in held], following=following)

    @routes.post("/quarantine/replay")
    async def replay(body: Replay) -> Replayed:
        """Judge what is held again, after a fix; what is sound now is archived, passed on and let out."""
        done = await service.replay(body.ids, body.topic, overwrite=body.replace)
        return Replayed(judged=done.judged, released=done.released, held=done.held)

    return routes


_NOTHING_FROM_ELSEWHERE = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""Great Expectations' page asks for styles and scripts of other hosts, and says who reads it by doing so; it can be read without."""


def _bars(table: Columns | Sequence[Row], market: Market, field: str) -> Bars:
    """Raises Failure where columns are not equally long."""
    names = ("time", *COLUMNS)
    if isinstance(table, Columns):
        columns = {name: getattr(table, name) for name in names}
        for name, values in columns.items():
            if len(values) != len(table.time):
                detail = f"{field}.{name}: {len(values):,} values for {len(table.time):,} times; give one for every bar"
                raise Failure(Kind.INVALID, detail)
    else:
        columns = {name: [getattr(row, name) for row in table] for name in names}
    arrays: dict[str, NDArray[Any]] = {
        name: np.array(columns[name], np.int64 if name == "time" else np.float64) for name in names
    }
    of = DomainMarket(market.exchange, market.symbol, market.timeframe)
    return Bars(**arrays, step=milliseconds(market.timeframe), market=of)


def _tape(trade: TradeRow) -> Tape:
    price, quantity = (np.array([value], np.float64) for value in (trade.price, trade.quantity))
    return Tape(np.array([trade.id]), np.array([trade.time]), price, quantity, np.zeros(1, np.bool_))


def _verdict(verdict: Verdict) -> RealtimeVerdict:
    broken = [
        Broken(rule=rule.name, severity=rule.severity.value, description=rule.description, remedy=rule.remedy)
        for rule in verdict.broken
    ]
    return RealtimeVerdict(valid=verdict.valid, broken=broken)


def _head(report: StoredReport) -> dict[str, Any]:
    created = utc(report.created_ms)
    return {
        "id": report.id,
        "kind": report.kind,
        "subject": report.subject,
        "created_at": created,
        "passed": report.passed,
    }


def _bars_report(validated: Validated) -> BarsReport:
    findings = [
        Finding(
            rule=one.rule, severity=one.severity.value, count=one.count, message=one.message, remedy=one.remedy, rows=list(one.bars)
        )
        for one in validated.findings
    ]  # fmt: skip
    content = validated.report.content
    told = {name: content[name] for name in ("rows", "sound", "agreed")}
    return BarsReport(**_head(validated.report), **told, findings=findings)


def _drift_report(drifted: Drifted) -> DriftReport:
    series = [
        SeriesDrift(
            series=one.series, verdict=one.verdict.value, ks=number(one.ks), p_value=number(one.p_value), psi=number(one.psi),
            wasserstein=number(one.wasserstein),
        )
        for one in drifted.drift.series
    ]  # fmt: skip
    return DriftReport(**_head(drifted.report), verdict=drifted.drift.verdict.value, series=series)


def _held(reject: Reject) -> Held:
    return Held(
        id=reject.id, topic=reject.topic, reasons=list(reject.reasons), rejected_at=utc(reject.rejected_ms), attempts=reject.attempts,
        content=content_of(reject),
    )  # fmt: skip
