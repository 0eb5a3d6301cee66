"""`OptimizationStudy`: the search for a strategy's best parameters, and the evidence whether to believe what it found."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from tidewright.domain.metrics.table import METRICS
from tidewright.specs import cel
from tidewright.specs.backtest_run import Broker, Checks, Data, TestedStrategy
from tidewright.specs.pod import Pod
from tidewright.specs.problems import nearest
from tidewright.specs.quantities import PERCENT, ApiVersion, Duration, Expression, Name, Percent, Text, per_cent
from tidewright.specs.resource import CrossFieldRule, Metadata, Resource, Spec, exactly_one
from tidewright.specs.trading_strategy import ClassRef, Number

_METRICS = {metric.name[0].upper() + metric.name[1:]: metric for metric in METRICS}
_NEITHER = [name for name, metric in _METRICS.items() if metric.higher_is_better is None]
_RISK = "risk."


def _metric(value: object) -> object:
    if not isinstance(value, str) or value not in _METRICS:
        raise ValueError(f"not a metric{nearest(str(value), _METRICS)}; write one of {', '.join(_METRICS)}")
    return value


MetricName: TypeAlias = Annotated[
    str, BeforeValidator(_metric), WithJsonSchema({"type": "string", "enum": list(_METRICS)})
]
SearchedName: TypeAlias = Annotated[
    str,
    Text(
        "a field to search; write a parameter's name, such as fast, or a field of risk, such as risk.stopLoss",
        r"^((parameters\.)?[A-Za-z_][A-Za-z0-9_]*|risk(\.[a-z][A-Za-z]*){1,2})$",
        80,
    ),
]

Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]


class IntRange(Spec):
    """Whole numbers from `min` to `max`, both inclusive."""

    min: Annotated[int, Field(ge=-(10**9), le=10**9)]
    """Smallest value tried."""
    max: Annotated[int, Field(ge=-(10**9), le=10**9)]
    """Largest value tried."""
    step: Annotated[int, Field(ge=1, le=10**9)] = 1
    """Distance between the values tried."""
    log: bool = False
    """Whether to try small values as often as large ones, by their logarithm."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(lambda self: self.min <= self.max, "must not be below min", "max", cel="self.min <= self.max"),
        CrossFieldRule(
            lambda self: not self.log or (self.min >= 1 and self.step == 1),
            "a logarithmic range needs min of 1 or more and no step; change them, or remove log",
            "log",
            cel="!self.log || (self.min >= 1 && self.step == 1)",
        ),
    )


class FloatRange(Spec):
    """Numbers from `min` to `max`, both inclusive."""

    min: Number
    """Smallest value tried."""
    max: Number
    """Largest value tried."""
    step: Annotated[float, Field(gt=0, le=1e15)] | None = None
    """Distance between the values tried; absent, any value between."""
    log: bool = False
    """Whether to try small values as often as large ones, by their logarithm."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(lambda self: self.min <= self.max, "must not be below min", "max", cel="self.min <= self.max"),
        CrossFieldRule(
            lambda self: not self.log or (self.min > 0 and self.step is None),
            "a logarithmic range needs min above 0 and no step; change them, or remove log",
            "log",
            cel="!self.log || (self.min > 0.0 && !has(self.step))",
        ),
    )


class PercentRange(Spec):
    """Percent strings from `min` to `max`, both inclusive."""

    min: Annotated[str, Percent("0%", "1000%")]
    """Smallest value tried."""
    max: Annotated[str, Percent("0%", "1000%")]
    """Largest value tried."""
    step: Annotated[str, Percent("0.01%", "1000%")] | None = None
    """Distance between the values tried; absent, any value between."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: per_cent(self.min) <= per_cent(self.max),
            "must not be below min",
            "max",
            cel=f"!{cel.matches('self.min', PERCENT)} || !{cel.matches('self.max', PERCENT)}"
            f" || {cel.per_cent('self.min')} <= {cel.per_cent('self.max')}",
        ),
    )


class SearchedField(Spec):
    """One parameter, or one field of risk, and the values to try for it: exactly one of int, float, percent, numbers and choices."""

    name: SearchedName
    """A parameter of the strategy, such as `fast`, or a field of risk, such as `risk.stopLoss`."""
    int_range: IntRange | None = Field(default=None, alias="int")
    """Whole numbers in a range."""
    float_range: FloatRange | None = Field(default=None, alias="float")
    """Numbers in a range."""
    percent_range: PercentRange | None = Field(default=None, alias="percent")
    """Percent strings in a range; for fields of risk."""
    numbers: Annotated[tuple[Number, ...], Field(min_length=1, max_length=64, strict=False)] | None = None
    """A few numbers, in no order."""
    choices: Annotated[tuple[Word, ...], Field(min_length=1, max_length=64, strict=False)] | None = None
    """A few words, in no order: choices of the parameter, `true` and `false` of a truth value, or percent strings."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            exactly_one("int_range", "float_range", "percent_range", "numbers", "choices"),
            "set exactly one of int, float, percent, numbers and choices",
            cel=cel.exactly_one("int", "float", "percent", "numbers", "choices"),
        ),
        CrossFieldRule(
            lambda self: self.percent_range is None or self.name.startswith(_RISK),
            "percent strings are values of risk, not of parameters; use float, or name a field of risk",
            "percent",
            cel=f"!has(self.percent) || self.name.startsWith('{_RISK}')",
        ),
    )


class Objective(Spec):
    """A figure to make as large, or as small, as possible."""

    metric: MetricName
    """Figure of the trial: its mean over the in-sample parts of the windows. The search never sees what comes out of sample."""
    direction: Literal["Maximize", "Minimize"] | None = None
    """Whether more is better or less; absent, as is usual for the metric."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: self.direction is not None or self.metric not in _NEITHER,
            "more of this metric is neither better nor worse; set direction",
            "metric",
            cel=f"has(self.direction) || !(self.metric in {_NEITHER})",
        ),
    )


class Requirements(Spec):
    """What a trial must show in sample to be selected."""

    min_trades: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Fewest closed trades, over the in-sample parts together."""
    max_drawdown: Annotated[str, Percent("0%", "100%")] | None = None
    """Deepest drawdown of any in-sample part."""


class Sampler(Spec):
    """How the next values to try are chosen."""

    name: Literal["TPE", "NSGAII", "NSGAIII", "CMAES", "GP", "QMC", "Random", "Grid", "Custom"] = "TPE"
    """Optuna's sampler of this name; Grid tries every combination, Custom is the class of classRef."""
    class_ref: ClassRef | None = None
    """An Optuna sampler of one's own, for the name Custom."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Seed of the sampler: with Random and Grid the same trials on any number of workers."""
    startup_trials: Annotated[int, Field(ge=0, le=100_000)] = 10
    """Trials at random before the sampler learns from what it has seen."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: (self.name == "Custom") == (self.class_ref is not None),
            "name: Custom and classRef go together; set both, or neither",
            cel="(self.name == 'Custom') == has(self.classRef)",
        ),
    )


class Pruner(Spec):
    """Which trials are given up before their last window."""

    name: Literal["Median", "Hyperband", "None"] = "Median"
    """Optuna's pruner of this name; None gives no trial up."""
    startup_trials: Annotated[int, Field(ge=0, le=100_000)] = 5
    """Trials that are finished before any is given up."""
    warmup_windows: Annotated[int, Field(ge=0, le=64)] = 1
    """Windows of a trial that are evaluated before it may be given up; Grid, Random and studies of several objectives give none up."""


class WalkForward(Spec):
    """How the period is cut into windows, each with a part to choose on (in sample) and a later one to judge by (out of sample)."""

    windows: Annotated[int, Field(ge=1, le=64)] = 6
    """How many windows."""
    in_sample: Annotated[str, Percent("10%", "95%")] = "70%"
    """Share of a window that values are chosen on."""
    anchored: bool = False
    """Whether every in-sample part begins where the period does, rather than rolling along."""
    purge: Duration = "0d"
    """Time at the end of each in-sample part that is not chosen on, so that no holding reaches across."""
    embargo: Duration = "0d"
    """Time at the beginning of each out-of-sample part that is not judged by, so that nothing is judged by what depends on the last bars chosen on."""


class Overfitting(Spec):
    """How it is judged whether what was found is more than luck."""

    pbo_splits: Annotated[int, Field(ge=4, le=20, multiple_of=2)] = 16
    """Parts of the period that are combined into halves for the probability of backtest overfitting; an even number."""
    test: Literal["SuperiorPredictiveAbility", "RealityCheck"] = "SuperiorPredictiveAbility"
    """Test of the best trial against all: Hansen's, or White's."""
    bootstrap_samples: Annotated[int, Field(ge=100, le=100_000)] = 1_000
    """Resampled histories that the test draws."""


class WarmStart(Spec):
    """An earlier study to learn from."""

    study: Name
    """OptimizationStudy in the same namespace, or in one of the files given."""
    trials: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How many of its best trials are tried again first."""


class Tracking(Spec):
    """What is written to MLflow."""

    child_runs: Annotated[int, Field(ge=0, le=10_000)] = 20
    """How many of the best trials become runs of their own below the study's."""


class OptimizationStudySpec(Spec):
    """A study: strategy, data, broker, what to search, and how to judge it."""

    strategy: TestedStrategy
    """The strategy whose parameters are searched; those not searched keep their values."""
    data: Data
    """Which bars to search on."""
    broker: Broker = Broker()
    """The account and what trading costs."""
    checks: Checks = Checks()
    """What is examined in the final evaluation beside its result."""
    search_space: Annotated[tuple[SearchedField, ...], Field(max_length=32, strict=False)] = ()
    """What to search; left out, every parameter over the range that the strategy declares."""
    constraints: Annotated[tuple[Expression, ...], Field(max_length=16, strict=False)] = ()
    """Conditions on parameters, such as `fast < slow`; values that break one are not tried."""
    requirements: Requirements | None = None
    """What a trial must show to be considered at all."""
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=4, strict=False)] = (
        Objective(metric="Sharpe"),
    )
    """What to optimise; with several, the study ends with a Pareto front."""
    sampler: Sampler = Sampler()
    """How the next values to try are chosen."""
    pruner: Pruner = Pruner()
    """Which trials are given up early."""
    walk_forward: WalkForward = WalkForward()
    """How the period is cut into windows to choose on and to judge by."""
    overfitting: Overfitting = Overfitting()
    """How it is judged whether what was found is more than luck."""
    selection: Literal["Best", "Robust", "Knee"] = "Robust"
    """Which trial is called the best: of the first objective, of the median rank over windows, or at the knee of the Pareto front."""
    warm_start: WarmStart | None = None
    """An earlier study to learn from."""
    trials: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """How many combinations of values to try; may be raised later. Grid tries all of them and no more."""
    stagnation: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Trials without a better one after which the study ends early."""
    timeout: Duration | None = None
    """Longest time the study may search; what it has found by then is evaluated."""
    parallelism: Annotated[int, Field(ge=1, le=256)] = 1
    """Workers at a time; may be changed while the study runs."""
    tracking: Tracking = Tracking()
    """What is written to MLflow."""
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    """What becomes of the trials in the store when the resource is deleted."""
    suspend: bool = False
    """Whether to hold the study back; trials that are finished are kept."""
    ttl_after_finished: Duration | None = None
    """How long a finished study's Jobs are kept."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a failed worker is started again; refused input never is."""
    pod: Pod | None = None
    """How the workers' pods are scheduled."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: len({searched.name for searched in self.search_space}) == len(self.search_space),
            "a field is searched twice; remove one",
            "searchSpace",
            cel=cel.unique("self.searchSpace", lambda searched: f"{searched}.name"),
        ),
        CrossFieldRule(
            lambda self: len({objective.metric for objective in self.objectives}) == len(self.objectives),
            "a metric is an objective twice; remove one",
            "objectives",
            cel=cel.unique("self.objectives", lambda objective: f"{objective}.metric"),
        ),
        CrossFieldRule(
            lambda self: self.selection != "Knee" or len(self.objectives) >= 2,
            "a knee is of the front between two objectives or more; add one, or choose Best or Robust",
            "selection",
            cel="self.selection != 'Knee' || self.objectives.size() >= 2",
        ),
        CrossFieldRule(
            lambda self: self.sampler.name != "CMAES" or len(self.objectives) == 1,
            "CMAES takes one objective; leave one, or use NSGAII",
            "sampler",
            cel="self.sampler.name != 'CMAES' || self.objectives.size() == 1",
        ),
    )
    may_change: ClassVar = ("suspend", "ttlAfterFinished", "parallelism", "trials")


class OptimizationStudy(Resource):
    """A search for the best parameters of one strategy, judged by walk-forward windows and by how likely it is to be luck."""

    api_version: ApiVersion
    """Version of the resource's schema."""
    kind: Literal["OptimizationStudy"]
    """Kind of the resource."""
    metadata: Metadata
    """Name and namespace."""
    spec: OptimizationStudySpec
    """What is wanted."""
