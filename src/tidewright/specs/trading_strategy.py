"""`TradingStrategy`: what to trade, by which rules, at which risk, and on what evidence it may be executed."""

from itertools import pairwise
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from tidewright.domain.timeframe import milliseconds
from tidewright.specs import cel
from tidewright.specs.quantities import (
    DURATION,
    ApiVersion,
    Duration,
    Exchange,
    Expression,
    Identifier,
    ModuleName,
    Name,
    Percent,
    Symbol,
    Timeframe,
)
from tidewright.specs.resource import NULL_IS_ABSENT, CrossFieldRule, Metadata, Resource, Spec, exactly_one

_LARGEST = 1e15
_BOUNDS = {"minimum": -_LARGEST, "maximum": _LARGEST}


def _number(value: object) -> object:
    """A number without a fraction is a whole one, however it is written: JSON, and so a cluster, knows one kind of number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise ValueError("not a number between -1e15 and 1e15; write one, without quotes")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _scalar(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > 64:
            raise ValueError("longer than 64 characters; name one of the parameter's choices")
        return value
    if not isinstance(value, int | float):
        raise ValueError("a parameter's value is a number, true or false, or one of its choices; write one of these")
    return _number(value)


Number: TypeAlias = Annotated[int | float, BeforeValidator(_number), WithJsonSchema({"type": "number", **_BOUNDS})]
ParameterValue: TypeAlias = Annotated[
    int | float | bool | str,
    BeforeValidator(_scalar),
    WithJsonSchema({"type": ["number", "boolean", "string"], "maxLength": 64, **_BOUNDS}),
]
Parameters: TypeAlias = Annotated[dict[str, ParameterValue], Field(max_length=64), NULL_IS_ABSENT]
"""Values by name; whether a strategy has a parameter of that name is for the strategy to say."""


def _increasing(lengths: list[int]) -> bool:
    return all(a < b for a, b in pairwise(lengths))


class RuleParameter(Spec):
    """One parameter that the rules' text may name."""

    name: Identifier
    """Name by which the text refers to the parameter."""
    type: Literal["Int", "Float"] = "Int"
    """Whether the parameter is a whole number (a window) or any number (a level, a width)."""
    default: Number
    """Value where the strategy's `parameters` do not give one."""
    min: Number
    """Smallest value allowed, and the lower end of an optimisation's search."""
    max: Number
    """Largest value allowed, and the upper end of an optimisation's search."""
    description: Annotated[str, Field(max_length=500)] = ""
    """What the parameter does."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: self.min <= self.default <= self.max,
            "must lie between min and max",
            "default",
            cel="self.min <= self.default && self.default <= self.max",
        ),
        CrossFieldRule(
            lambda self: self.type == "Float" or all(isinstance(v, int) for v in (self.default, self.min, self.max)),
            "default, min and max of an Int parameter must be whole numbers; write them without a point, or set type: Float",
            cel="self.type == 'Float' || [self.default, self.min, self.max].all(value, value == double(int(value)))",
        ),
    )


class Rules(Spec):
    """A strategy as text in a closed language of indicators, comparisons and `and`, `or`, `not`."""

    parameters: Annotated[tuple[RuleParameter, ...], Field(max_length=32, strict=False)] = ()
    """Parameters that the texts may name."""
    columns: Annotated[dict[Identifier, Expression], Field(max_length=32), NULL_IS_ABSENT] = Field(default_factory=dict)
    """Named series, such as `fast: ema(close, 12)`, or on longer bars `trend: ema(close, 50) on 4h`; later texts may use the name, and the report draws them."""
    enter: Expression
    """Condition at a bar's close that asks for an entry at the next open, such as `rsi(14) crosses above 30`."""
    exit: Expression
    """Condition at a bar's close that asks for an exit at the next open."""
    enter_short: Expression | None = None
    """Condition that asks for a short position at the next open; needs exitShort, and a margin account in the backtest."""
    exit_short: Expression | None = None
    """Condition that asks to close a short position at the next open."""
    constraints: Annotated[tuple[Expression, ...], Field(max_length=16, strict=False)] = ()
    """Conditions on parameters alone that must hold, such as `fast < slow`."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: (self.enter_short is None) == (self.exit_short is None),
            "enterShort and exitShort go together; add the one that is missing",
            cel="has(self.enterShort) == has(self.exitShort)",
        ),
    )


class ClassRef(Spec):
    """A strategy as a Python class."""

    module: ModuleName
    """Dotted module that holds the class: on the Python path, or beside the manifest."""
    class_: Identifier = Field(alias="class")
    """Name of the class."""
    image: Annotated[str, Field(max_length=512)] | None = None
    """Image by digest that holds the module; needed on a cluster, ignored outside one."""


class SourceRef(Spec):
    """A strategy as a Python file in a ConfigMap: for research, where the namespace allows it."""

    config_map: Name
    """Name of the ConfigMap."""
    key: Annotated[str, Field(max_length=253)]
    """Key in it that holds the file."""


class Source(Spec):
    """Where the strategy's code comes from: exactly one of the fields."""

    builtin: Annotated[str, Field(max_length=64)] | None = None
    """Name of a built-in strategy: MovingAverageCross, RsiMeanReversion, BollingerBreakout, MacdCross or AiEnhanced."""
    rules: Rules | None = None
    """Conditions as text."""
    class_ref: ClassRef | None = None
    """A Python class."""
    source_ref: SourceRef | None = None
    """A Python file in a ConfigMap."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            exactly_one("builtin", "rules", "class_ref", "source_ref"),
            "set exactly one of builtin, rules, classRef and sourceRef",
            cel=cel.exactly_one("builtin", "rules", "classRef", "sourceRef"),
        ),
    )


class TrailingStop(Spec):
    """A stop that follows the highest price since the entry."""

    activate_at: Annotated[str, Percent("0%", "1000%")] = "0%"
    """Profit over the entry price from which the stop begins to follow."""
    distance: Annotated[str, Percent("0.01%", "99%")]
    """How far below the highest price the stop stays."""


class RoiStep(Spec):
    """One step of the ladder of profits at which a position is closed."""

    after: Duration
    """Age of the position from which this step holds."""
    profit: Annotated[str, Percent("0%", "1000%")]
    """Profit over the entry price that is enough to leave, before costs."""


class PositionSize(Spec):
    """How large a position is: exactly one of the fields."""

    fraction: Annotated[str, Percent("0.01%", "100%")] | None = None
    """Share of equity that an entry spends, commission included."""
    risk: Annotated[str, Percent("0.01%", "100%")] | None = None
    """Share of equity lost when the stop-loss fills at its price, costs included; needs risk.stopLoss."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            exactly_one("fraction", "risk"),
            "set exactly one of fraction and risk",
            cel=cel.exactly_one("fraction", "risk"),
        ),
    )


class Risk(Spec):
    """Stops, targets and sizes."""

    stop_loss: Annotated[str, Percent("0.01%", "99%")] | None = None
    """Loss below the entry price at which a position is closed."""
    take_profit: Annotated[str, Percent("0.01%", "1000%")] | None = None
    """Profit over the entry price at which a position is closed."""
    trailing_stop: TrailingStop | None = None
    """A stop that follows the price."""
    roi: Annotated[tuple[RoiStep, ...], Field(max_length=16, strict=False)] = ()
    """Profits that are enough to leave, by the position's age, youngest first."""
    position_size: PositionSize = PositionSize(fraction="100%")
    """Size of a new position."""
    max_open_positions: Annotated[int, Field(ge=1, le=1000)] = 1
    """Most positions open at a time, over all symbols."""
    max_entries: Annotated[int, Field(ge=1, le=100)] = 1
    """Most entries that one position is made of: while it is open, each further entry signal adds to it, up to so many."""
    cooldown: Duration | None = None
    """How long a symbol is not entered again, from the opening of the bar in which its position was closed."""
    max_symbol_exposure: Annotated[str, Percent("0.01%", "12500%")] | None = None
    """Most that the position in one symbol may be worth after an entry, as a share of equity; what is beyond it is cut off the entry."""
    max_total_exposure: Annotated[str, Percent("0.01%", "12500%")] | None = None
    """Most that all positions together may be worth after an entry, as a share of equity; what is beyond it is cut off the entry."""
    rank_by: Identifier | None = None
    """Column of the strategy that decides who goes first where several symbols would be entered at once: the highest value; absent, the order of symbols does."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: self.position_size.risk is None or self.stop_loss is not None,
            "risk needs a stopLoss to measure the risk by; add stopLoss, or use fraction",
            "positionSize",
            cel="!has(self.positionSize.risk) || has(self.stopLoss)",
        ),
        CrossFieldRule(
            lambda self: _increasing([milliseconds(step.after) for step in self.roi]),
            "the steps must be in order of after, each later than the one before; reorder them",
            "roi",
            cel=f"!self.roi.all(step, {cel.matches('step.after', DURATION)}) || "
            f"(self.roi.map(step, {cel.seconds('step.after')}).isSorted()"
            f" && {cel.unique('self.roi', lambda step: cel.seconds(f'{step}.after'))})",
        ),
    )


class Signals(Spec):
    """The live signal service of a strategy."""

    replicas: Annotated[int, Field(ge=0, le=10)] = 1
    """Pods that serve the strategy's signals."""


class Credentials(Spec):
    """Where the exchange's keys are."""

    secret_name: Name
    """Secret in the strategy's namespace; only the trading bot's pod ever sees it."""


class MemoryApproval(Spec):
    """Approval by the memory of similar markets."""

    max_risk: Annotated[str, Percent("0%", "100%")]
    """Highest risk at which an entry is approved."""


class PolicyApproval(Spec):
    """Approval by a trained policy."""

    training_name: Name
    """RLTraining whose policy is asked."""
    min_confidence: Annotated[str, Percent("0%", "100%")]
    """Lowest confidence at which an entry is approved."""


class Approval(Spec):
    """Who must approve an entry before it is placed; all that are set."""

    memory: MemoryApproval | None = None
    """Memory of similar markets."""
    policy: PolicyApproval | None = None
    """A trained policy."""


class Execution(Spec):
    """How the strategy trades; absent, it is research only."""

    mode: Literal["DryRun", "Live"] = "DryRun"
    """Whether orders are simulated or real."""
    exchange: Exchange
    """Exchange to trade on."""
    credentials: Credentials | None = None
    """Keys of the account; needed for Live."""
    approval: Approval | None = None
    """Approvals that an entry needs."""
    updates: Literal["Manual", "Auto"] = "Manual"
    """Whether a changed strategy waits for a restart, or takes effect at once."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: self.mode == "DryRun" or self.credentials is not None,
            "needs credentials.secretName; add it, or use mode: DryRun",
            "mode",
            cel="self.mode == 'DryRun' || has(self.credentials)",
        ),
    )


class BacktestEvidence(Spec):
    """What a completed backtest must show."""

    min_sharpe: Annotated[float, Field(ge=-10, le=100)] | None = None
    """Lowest annual Sharpe ratio."""
    max_drawdown: Annotated[str, Percent("0%", "100%")] | None = None
    """Deepest drawdown."""
    min_trades: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Fewest closed trades."""
    min_period: Duration | None = None
    """Shortest period tested."""


class StudyEvidence(Spec):
    """What a completed optimisation study must show."""

    min_deflated_sharpe: Annotated[str, Percent("0%", "100%")] | None = None
    """Lowest probability that the Sharpe ratio is positive after all trials are accounted for."""
    max_pbo: Annotated[str, Percent("0%", "100%")] | None = None
    """Highest probability of backtest overfitting."""
    min_walk_forward_efficiency: Annotated[str, Percent("0%", "1000%")] | None = None
    """Lowest share of the in-sample return that was earned out of sample."""


class DryRunEvidence(Spec):
    """What a dry run must show."""

    min_period: Duration | None = None
    """Shortest period run."""
    max_divergence: Annotated[str, Percent("0%", "100%")] | None = None
    """Largest divergence from the backtest of the same period."""


class Promotion(Spec):
    """The evidence that execution needs, beside the namespace's floor."""

    backtest: BacktestEvidence | None = None
    """From BacktestRuns."""
    study: StudyEvidence | None = None
    """From OptimizationStudies."""
    dry_run: DryRunEvidence | None = None
    """From a dry run."""


class StrategySpec(Spec):
    """The part of a strategy that decides what is traded: what a backtest snapshots and a digest covers."""

    source: Source
    """Where the strategy's code comes from."""
    parameters: Parameters = Field(default_factory=dict)
    """Values of the strategy's parameters; those left out take their defaults."""
    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1, max_length=100, strict=False)]
    """Symbols to trade, such as `BTC/USDT`."""
    timeframe: Timeframe
    """Length of the bars that the strategy sees."""
    risk: Risk = Risk()
    """Stops, targets and sizes."""


class TradingStrategySpec(StrategySpec):
    """A strategy with how it is served and executed."""

    signals: Signals = Signals()
    """The live signal service."""
    execution: Execution | None = None
    """How the strategy trades; absent, it is research only."""
    promotion: Promotion | None = None
    """The evidence that execution needs."""

    def snapshot(self) -> StrategySpec:
        """The part that a backtest tests."""
        return StrategySpec.model_construct(**{name: getattr(self, name) for name in StrategySpec.model_fields})


class TradingStrategy(Resource):
    """A trading strategy: what to trade, by which rules, at which risk."""

    api_version: ApiVersion
    """Version of the resource's schema."""
    kind: Literal["TradingStrategy"]
    """Kind of the resource."""
    metadata: Metadata
    """Name and namespace."""
    spec: TradingStrategySpec
    """What is wanted."""
