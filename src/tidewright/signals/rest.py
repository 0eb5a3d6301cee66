"""The REST interface: times are RFC 3339, a number that is undefined is null."""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from tidewright.domain.bars import COLUMNS
from tidewright.domain.bars import Market as DomainMarket
from tidewright.domain.instant import utc
from tidewright.domain.live import LiveSignal
from tidewright.domain.live import Provenance as DomainProvenance
from tidewright.serving.arguments import time_argument
from tidewright.serving.rest import Query, Router
from tidewright.signals.service import Served, SignalService


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True)


class Market(_Body):
    """What a bar series is of."""

    exchange: str
    symbol: str
    timeframe: str


class Bar(_Body):
    """One bar; prices are in the quote currency, volume in the base currency."""

    open_time: str
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None


class Signal(_Body):
    """What the strategy says at the close of a bar."""

    market: Market
    bar: Bar
    close_time: str
    """When it is known."""
    events: dict[str, bool] | None
    """What is asked for: enter, exit, and enterShort, exitShort where the strategy goes short; null where only columns are told."""
    columns: dict[str, float | bool | None]
    """The strategy's named series at this bar."""


class Anchor(_Body):
    """Where the history starts."""

    first_open_time: str
    warmup_bars: int
    warmup_digest: str


class Parity(_Body):
    """What was said live, held against the evaluation at the newest bar."""

    bars: int
    """Bars that have arrived since the process started; at each all that had been said was compared."""
    differences: int
    """Bars of which anything differed, in any bit."""


class Provenance(_Body):
    """What signals are made of: from the same bars and the same strategy they can be made again, bit for bit."""

    strategy_digest: str
    anchor: Anchor
    bars: int
    data_digest: str
    arithmetic_revision: int
    parity: Parity


class NewestSignal(_Body):
    """The newest signal."""

    signal: Signal
    provenance: Provenance
    overdue_bars: int
    """Bars that should have closed since, but have not arrived."""


class SignalPage(_Body):
    """Consecutive signals of one symbol."""

    signals: list[Signal]
    provenance: Provenance
    following: str | None
    """Where to go on: `from` of the next page, null where this is the last."""


class ServedMarket(_Body):
    """One market as it stands."""

    market: Market
    newest_open_time: str | None
    provenance: Provenance | None
    problem: str
    """Why there are no signals, and the remedy; empty where there are."""


class Strategy(_Body):
    """The strategy that is served."""

    name: str
    form: str
    """Signals, or Step: asked bar by bar with its position, so that only columns are served."""
    parameters: dict[str, int | float | bool | str]
    strategy_digest: str
    warmup_bars: int
    markets: list[ServedMarket]


Symbol = Annotated[
    str, Query(max_length=80, description="Symbol; may be left out where the strategy trades one alone.")
]
ColumnsOnly = Annotated[bool, Query(alias="columnsOnly", description="Leave out the events.")]


def router(service: SignalService) -> Router:
    """The routes of the service."""
    routes = Router()

    @routes.get("/strategy")
    async def strategy() -> Strategy:
        """The strategy that is served, and how far its histories go."""
        return Strategy(
            name=service.name,
            form="Step" if service.asked_bar_by_bar else "Signals",
            parameters=service.strategy.parameters,
            strategy_digest=service.strategy.digest,
            warmup_bars=service.strategy.warmup,
            markets=[_served(market) for market in service.served()],
        )

    @routes.get("/signal")
    async def signal(symbol: Symbol = "", columns_only: ColumnsOnly = False) -> NewestSignal:
        """The signal of the newest bar that has closed."""
        newest = service.newest(symbol, columns_only=columns_only)
        provenance = _provenance(newest.provenance)
        return NewestSignal(signal=_signal(newest.signal), provenance=provenance, overdue_bars=newest.overdue)

    @routes.get("/signals")
    async def signals(
        start: Annotated[str, Query(alias="from", max_length=40, description="Earliest open time of the bars.")],
        symbol: Symbol = "",
        end: Annotated[
            str | None, Query(alias="to", max_length=40, description="Open time of the first bar that is left out.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 500,
        columns_only: ColumnsOnly = False,
    ) -> SignalPage:
        """Signals of bars that open from `from` on and before `to`, in ascending time."""
        span = {"end": time_argument("to", end)} if end else {}
        said = service.said(symbol, time_argument("from", start), most=limit, columns_only=columns_only, **span)
        return SignalPage(
            signals=[_signal(one) for one in said.signals],
            provenance=_provenance(said.provenance),
            following=None if said.following is None else utc(said.following),
        )

    return routes


def _number(value: float | bool) -> float | bool | None:
    return value if isfinite(value) else None


def _market(market: DomainMarket) -> Market:
    return Market(**market._asdict())


def _signal(signal: LiveSignal) -> Signal:
    prices: Mapping[str, float | None] = dict(zip(COLUMNS, map(_number, signal.bar), strict=True))
    return Signal(
        market=_market(signal.market),
        bar=Bar(open_time=utc(signal.time), **prices),
        close_time=utc(signal.close_time),
        events=None if signal.events is None else {to_camel(name): yes for name, yes in signal.events.items()},
        columns={name: _number(value) for name, value in signal.columns.items()},
    )


def _provenance(provenance: DomainProvenance) -> Provenance:
    anchor, parity = provenance.anchor, provenance.parity
    return Provenance(
        strategy_digest=anchor.strategy,
        anchor=Anchor(first_open_time=utc(anchor.first), warmup_bars=anchor.warmup, warmup_digest=anchor.digest),
        bars=provenance.bars,
        data_digest=provenance.data,
        arithmetic_revision=provenance.revision,
        parity=Parity(bars=parity.bars, differences=parity.differences),
    )


def _served(served: Served) -> ServedMarket:
    history = served.history
    return ServedMarket(
        market=_market(served.market),
        newest_open_time=None if history is None else utc(history.newest),
        provenance=None if history is None else _provenance(history.provenance),
        problem=served.problem,
    )
