"""`BacktestRun`: one strategy over one stretch of history, with its costs and its checks."""

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tidewright.specs import cel
from tidewright.specs.pod import Pod
from tidewright.specs.quantities import (
    PERCENT,
    TIME,
    ApiVersion,
    Digest,
    Duration,
    Exchange,
    Name,
    Percent,
    Symbol,
    Time,
    Timeframe,
    epoch_milliseconds,
    per_cent,
)
from tidewright.specs.resource import CrossFieldRule, Metadata, Resource, Spec, exactly_one
from tidewright.specs.trading_strategy import Parameters, Risk, Source, StrategySpec


class TestedStrategy(Spec):
    """The strategy to test: the name of a TradingStrategy, or one written in place."""

    name: Name | None = None
    """TradingStrategy in the same namespace, or in one of the files given."""
    source: Source | None = None
    """Where the code comes from, for a strategy written in place."""
    parameters: Parameters | None = None
    """Values of the parameters, for a strategy written in place."""
    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1, max_length=100, strict=False)] | None = None
    """Symbols to trade, for a strategy written in place."""
    timeframe: Timeframe | None = None
    """Length of the bars, for a strategy written in place."""
    risk: Risk | None = None
    """Stops, targets and sizes, for a strategy written in place."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            exactly_one("name", "source"),
            "set exactly one of name (of a TradingStrategy) and source (of a strategy written in place)",
            cel=cel.exactly_one("name", "source"),
        ),
        CrossFieldRule(
            lambda self: self.source is None or (self.symbols is not None and self.timeframe is not None),
            "a strategy written in place needs symbols and timeframe; add them",
            cel="!has(self.source) || (has(self.symbols) && has(self.timeframe))",
        ),
        CrossFieldRule(
            lambda self: (
                self.name is None
                or self.source is not None
                or not any((self.parameters, self.symbols, self.timeframe, self.risk))
            ),
            "a strategy by name brings its own parameters, symbols, timeframe and risk; remove them here",
            "name",
            cel="!has(self.name) || has(self.source) || !(has(self.symbols) || has(self.timeframe) || has(self.risk))",
            structure={"anyOf": [{"required": ["source"]}, {"properties": {"parameters": {"maxProperties": 0}}}]},
        ),
    )

    def inline(self) -> StrategySpec:
        """The strategy written in place; only where `source` is set."""
        return StrategySpec.model_validate(self.model_dump(by_alias=True, exclude_none=True))


class Data(Spec):
    """Which bars to test on."""

    exchange: Exchange
    """Exchange whose bars are used; `simulated` is the market that comes with Tidewright."""
    start: Time | None = None
    """First bar, by its open time; absent, the first one there is."""
    end: Time | None = None
    """End of the period, exclusive; absent, all bars there are."""
    digest: Digest | None = None
    """Digest that the bars must have; others are refused."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: (
                self.start is None or self.end is None or epoch_milliseconds(self.start) < epoch_milliseconds(self.end)
            ),
            "must be after start; end is exclusive, so the last day tested is the day before it",
            "end",
            cel=f"!has(self.start) || !has(self.end) || !{cel.matches('self.start', TIME)} || !{cel.matches('self.end', TIME)}"
            f" || {cel.moment('self.start')} < {cel.moment('self.end')}",
        ),
    )


class Bracket(Spec):
    """What the exchange allows positions up to one size."""

    notional: Annotated[float, Field(gt=0, le=1e15)]
    """Largest value of a position in this bracket, in quote currency."""
    leverage: Annotated[float, Field(ge=1, le=125)]
    """Highest leverage of a position in this bracket."""
    maintenance_margin: Annotated[str, Percent("0%", "50%")]
    """Share of such a position's value at which the exchange takes it over; takes the place of the broker's own."""


class Filters(Spec):
    """What the exchange asks of orders of one symbol."""

    symbol: Symbol
    """Symbol that they are asked of."""
    tick: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Prices are whole multiples of this; they are rounded to the trader's disadvantage."""
    lot: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Quantities are whole multiples of this; they are rounded down."""
    min_notional: Annotated[float, Field(ge=0, le=1e12)] | None = None
    """Least value of an entry, in quote currency; a smaller one is refused."""
    brackets: Annotated[tuple[Bracket, ...], Field(max_length=32, strict=False)] = ()
    """Leverage and maintenance margin by the size of the position, smallest first; an entry beyond what the account's leverage allows is cut down."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: all(a.notional < b.notional and a.leverage >= b.leverage for a, b in pairwise(self.brackets)),
            "each bracket must be larger than the one before it, and allow no more leverage; reorder them",
            "brackets",
            cel="self.brackets.map(one, one.notional).isSorted() && "
            + cel.unique("self.brackets", lambda one: f"{one}.notional")
            + " && self.brackets.map(one, -one.leverage).isSorted()",
        ),
    )


class Broker(Spec):
    """The account and what trading costs."""

    cash: Annotated[float, Field(gt=0, le=1e12)] = 10_000.0
    """Money in the account before the first bar, in quote currency."""
    commission: Annotated[str, Percent("0%", "10%")] = "0.1%"
    """Share of each fill's value that the exchange takes."""
    slippage: Annotated[str, Percent("0%", "10%")] = "0.05%"
    """Share by which market and stop orders fill worse than their price, within the bar's range."""
    maker_commission: Annotated[str, Percent("0%", "10%")] | None = None
    """Share of a fill's value that the exchange takes of limit orders (targets); absent, the same as commission."""
    account: Literal["Spot", "Margin"] = "Spot"
    """Spot buys outright; Margin may sell short and use leverage, with isolated margin as on linear perpetuals."""
    leverage: Annotated[float, Field(ge=1, le=125)] = 1.0
    """How many times its margin a position may be worth."""
    maintenance_margin: Annotated[str, Percent("0%", "50%")] = "0.5%"
    """Share of a position's value at which the exchange takes it over; the loss ends with the margin."""
    funding: Literal["Ignore", "Stored"] = "Ignore"
    """Whether perpetuals pay and receive the funding rates that the store has of them (`tidewright data download --funding`, or `import --funding`)."""
    volume_share: Annotated[str, Percent("0.01%", "100%")] | None = None
    """Most of a bar's volume that the account's fills may take: an entry is cut down to it, an exit goes on in the bars after it; absent, any quantity fills."""
    filters: Annotated[tuple[Filters, ...], Field(max_length=100, strict=False)] = ()
    """What the exchange asks of orders, by symbol; a symbol without an entry has none."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: self.account == "Margin" or self.leverage == 1,
            "leverage needs account: Margin; set it, or remove leverage",
            "leverage",
            cel="self.account == 'Margin' || self.leverage == 1.0",
        ),
        CrossFieldRule(
            lambda self: self.account == "Margin" or self.funding == "Ignore",
            "funding is of perpetuals and needs account: Margin; set it, or remove funding",
            "funding",
            cel="self.account == 'Margin' || self.funding == 'Ignore'",
        ),
        CrossFieldRule(
            lambda self: len({one.symbol for one in self.filters}) == len(self.filters),
            "each symbol may be named once; put all that is asked of it in one entry",
            "filters",
            cel=cel.unique("self.filters", lambda one: f"{one}.symbol"),
        ),
        CrossFieldRule(
            lambda self: all(not one.brackets or one.brackets[0].leverage >= self.leverage for one in self.filters),
            "the leverage is beyond what the exchange's first bracket allows; lower it to that",
            "leverage",
            cel="self.filters.all(one, one.brackets.size() == 0 || one.brackets[0].leverage >= self.leverage)",
        ),
        CrossFieldRule(
            lambda self: per_cent(self.maintenance_margin) * self.leverage < 100,
            "the maintenance margin must be smaller than the margin itself, 100% over leverage; lower one of the two",
            "maintenanceMargin",
            cel=f"!{cel.matches('self.maintenanceMargin', PERCENT)} || {cel.per_cent('self.maintenanceMargin')} * self.leverage < 100.0",
        ),
    )


class Checks(Spec):
    """What is examined beside the result itself."""

    look_ahead: bool = True
    """Whether to prove that the strategy never uses a bar before its close."""
    data_quality: Literal["Block", "Warn", "Ignore"] = "Block"
    """Whether findings of severity Error end the run, are reported, or are not looked for."""
    max_gap: Duration = "1d"
    """Longest stretch without bars that is a warning only."""
    monte_carlo: Annotated[int, Field(ge=0, le=100_000)] = 0
    """How many other histories to make of the run's own returns and trades, for the spread of its drawdown and final equity; 0 for none."""


class BacktestRunSpec(Spec):
    """A backtest: strategy, data, broker and checks."""

    strategy: TestedStrategy
    """The strategy to test."""
    data: Data
    """Which bars to test on."""
    broker: Broker = Broker()
    """The account and what trading costs."""
    engine: Literal["Fast", "Backtrader", "Both"] = "Fast"
    """Which engine fills the orders; Both compares the two trade by trade."""
    checks: Checks = Checks()
    """What is examined beside the result itself."""
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    """Seed of everything random: the resampling of the intervals."""
    suspend: bool = False
    """Whether to hold the run back."""
    ttl_after_finished: Duration | None = None
    """How long a finished run's Job is kept."""
    deadline: Duration | None = None
    """Longest time the run may take."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a failed attempt is repeated; refused input never is."""
    pod: Pod | None = None
    """How the run's pod is scheduled."""

    may_change: ClassVar = ("suspend", "ttlAfterFinished")


class BacktestRun(Resource):
    """A backtest of one strategy over one stretch of history."""

    api_version: ApiVersion
    """Version of the resource's schema."""
    kind: Literal["BacktestRun"]
    """Kind of the resource."""
    metadata: Metadata
    """Name and namespace."""
    spec: BacktestRunSpec
    """What is wanted."""
