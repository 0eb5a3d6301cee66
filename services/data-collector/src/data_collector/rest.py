"""The REST interface: times are RFC 3339, positions are as the exchange counts them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from data_collector.backfill import Backfill as DomainBackfill
from data_collector.backfill import State
from data_collector.service import CollectorService
from data_collector.status import SymbolStatus
from tidewright.domain.bars import Market
from tidewright.domain.instant import utc
from tidewright.ports import Stretch
from tidewright.serving.arguments import time_argument
from tidewright.serving.rest import Router


class _Body(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True, extra="forbid"
    )


class Lane(_Body):
    """The trades of a symbol, or its bars of one timeframe."""

    timeframe: str
    """Empty for trades."""
    last: int
    """The id, or the open time in milliseconds, of what was passed on last."""
    behind: bool
    """Whether something before the newest that is known of is missing."""
    waiting: int
    """Messages that wait for those before them."""
    gaps_found: int
    """Gaps that did not close by themselves."""
    gaps_repaired: int
    """Those of them that were closed."""
    repeated: int
    """Messages that came again, and were dropped."""
    dropped: int
    """Messages that were dropped for want of room, and asked for again."""
    absent: int
    """Ids, or bars, that the exchange itself does not have."""


class Symbol(_Body):
    """One symbol that is collected."""

    symbol: str
    problem: str
    """Why not all of it is collected; empty where it is."""
    lag_ms: float | None
    """How long the newest event took from the exchange to here, by the exchange's clock."""
    connection_age_seconds: float | None
    """How long its connection has been there; null while there is none."""
    lanes: list[Lane]


class Symbols(_Body):
    """All that is collected."""

    symbols: list[str]


class Skew(_Body):
    """How many milliseconds the exchange's clock is ahead of this machine's, give or take `error_ms`: half of the round trip."""

    offset_ms: float
    error_ms: float


class Collection(_Body):
    """How all that is collected stands."""

    symbols: list[Symbol]
    skew: Skew | None
    queued: dict[str, int]
    """Messages that wait to be published, by topic."""
    weight_used: int
    """Weight of REST requests in the present minute, by the exchange's own count."""
    problem: str
    """Why not everything is collected and published; empty where it is."""


class BackfillRequest(_Body):
    """Which bars: those that open from `start` on and before `end`."""

    exchange: Annotated[str, Field(max_length=80)] = "binance"
    """Binance, or any exchange that ccxt knows."""
    symbol: Annotated[str, Field(min_length=1, max_length=80, examples=["BTC/USDT"])]
    timeframe: Annotated[str, Field(max_length=10, examples=["1h"])]
    start: Annotated[str, Field(max_length=40, examples=["2024-01-01"])]
    end: Annotated[str, Field(max_length=40, examples=["2024-02-01"])]


class Backfill(_Body):
    """Past bars on their way to the stream `raw.history`."""

    id: str
    exchange: str
    symbol: str
    timeframe: str
    start: str
    end: str
    state: State
    done: float
    """The share that has been asked for, from 0 to 1."""
    bars: int
    """Bars that were published since the process began."""
    problem: str
    """Why it failed, or what it waits for."""


def router(service: CollectorService) -> Router:
    """The routes of the service."""
    routes = Router()

    @routes.get("/symbols")
    async def symbols() -> Symbols:
        """Which symbols are collected."""
        return Symbols(symbols=[one.symbol for one in service.status().symbols])

    @routes.get("/symbols/{symbol:path}")
    async def symbol_status(symbol: str) -> Symbol:
        """How one symbol stands; BTC-USDT is BTC/USDT."""
        return _symbol(service.symbol(_named(symbol)))

    @routes.put("/symbols/{symbol:path}")
    async def add(symbol: str) -> Symbol:
        """Collect a symbol from now on, and after a restart; repeating does no harm. BTC-USDT is BTC/USDT."""
        return _symbol(await service.add(_named(symbol)))

    @routes.delete("/symbols/{symbol:path}", status_code=204)
    async def remove(symbol: str) -> None:
        """Collect a symbol no longer."""
        service.remove(_named(symbol))

    @routes.get("/status")
    async def status() -> Collection:
        """How all that is collected stands."""
        told = service.status()
        return Collection(
            symbols=[_symbol(one) for one in told.symbols],
            skew=Skew(offset_ms=told.skew.offset, error_ms=told.skew.error) if told.skew else None,
            queued=dict(told.queued),
            weight_used=told.weight_used,
            problem=told.problem,
        )

    @routes.post("/backfill", status_code=202)
    async def backfill(request: BackfillRequest) -> Backfill:
        """Publish past bars. The same request has the same id: asking again tells how far it is, and goes on where it was interrupted."""
        market = Market(request.exchange, request.symbol, request.timeframe)
        period = Stretch(time_argument("start", request.start), time_argument("end", request.end))
        return _backfill(service.backfill(market, period))

    @routes.get("/backfill/{identity}")
    async def known_backfill(identity: str) -> Backfill:
        """How far a backfill is."""
        return _backfill(service.known_backfill(identity))

    return routes


def _named(symbol: str) -> str:
    return symbol.upper().replace("-", "/")


def _symbol(status: SymbolStatus) -> Symbol:
    lanes = [Lane.model_validate({name: getattr(lane, name) for name in Lane.model_fields}) for lane in status.lanes]
    return Symbol(
        symbol=status.symbol,
        problem=status.problem,
        lag_ms=status.lag,
        connection_age_seconds=status.connection_age,
        lanes=lanes,
    )


def _backfill(backfill: DomainBackfill) -> Backfill:
    return Backfill(
        id=backfill.id,
        **backfill.market._asdict(),
        start=utc(backfill.period.start),
        end=utc(backfill.period.end),
        state=backfill.state,
        done=backfill.done,
        bars=backfill.bars,
        problem=backfill.problem,
    )
