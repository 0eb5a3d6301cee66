"""What the operator writes about a resource: conditions, progress, times, provenance, and at most a dozen headline figures.

Nothing here grows with the work: what does (trades, trials, checkpoints) is behind the URIs of the result.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from tidewright.specs.quantities import Digest, Name, Percent, Text, Time
from tidewright.specs.resource import Spec
from tidewright.specs.trading_strategy import Parameters

Figure: TypeAlias = Annotated[str, Field(max_length=32)]
Uri: TypeAlias = Annotated[str, Field(max_length=1024)]
Reason: TypeAlias = Annotated[
    str, Text("a reason; write one word in CamelCase, such as DataMissing", r"^[A-Z][A-Za-z0-9]*$")
]
Count: TypeAlias = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Condition(Spec):
    """One thing that is true of the resource, or not, or not known."""

    type: Reason
    """What the condition is about."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    reason: Reason
    """Why, in one word that a script can switch on."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """Why, in words for a person."""
    last_transition_time: Time
    """Since when the status is what it is."""
    observed_generation: Count = 0
    """Generation of the resource that this was found of."""


class Progress(Spec):
    """How far the work is."""

    percent: Annotated[int, Field(ge=0, le=100)] = 0
    """Share of the work that is done, in percent."""
    stage: Annotated[str, Field(max_length=64)] = ""
    """Step that is being done."""
    eta: Time | None = None
    """When the work is likely to be done."""


class Provenance(Spec):
    """What a result was made of."""

    data_digest: Digest | None = None
    """Digest of the bars."""
    strategy_digest: Digest | None = None
    """Digest of the strategy, its parameters and its code."""
    result_digest: Digest | None = None
    """Digest of fills and equity: the same wherever the run is repeated."""
    arithmetic_revision: Count | None = None
    """Revision of the market arithmetic; another may give another result."""
    engine_version: Annotated[str, Field(max_length=64)] | None = None
    """Version of Tidewright that did the work."""
    seed: Count | None = None
    """Seed of everything random."""


class Status(Spec):
    """What every resource tells."""

    observed_generation: Count = 0
    """Generation of the resource that this status is of."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            strict=False,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """What is true of the resource."""


class RunStatus(Status):
    """What every piece of work tells.

    Its conditions are Accepted, Suspended, Finished, Complete and Failed. Finished is there from the beginning, and its reason is the one word for
    where the work stands: Pending, Running, Suspended, Complete, or why it failed.
    """

    progress: Progress | None = None
    """How far the work is."""
    start_time: Time | None = None
    """When the first attempt began."""
    completion_time: Time | None = None
    """When the work finished, either way."""
    attempts: Annotated[int, Field(ge=0, le=1000)] = 0
    """Attempts that were begun."""
    provenance: Provenance | None = None
    """What the result was made of."""


class BacktestResult(Spec):
    """The figures of a backtest that are asked for first, as they are shown, and where the rest is."""

    total_return: Figure | None = None
    """Final equity over initial cash, less one."""
    cagr: Figure | None = None
    """Growth a year, compounded."""
    sharpe: Figure | None = None
    """Sharpe ratio of daily returns, a year."""
    sortino: Figure | None = None
    """Sortino ratio of daily returns, a year."""
    max_drawdown: Figure | None = None
    """Deepest fall of equity below an earlier peak."""
    trades: Figure | None = None
    """Closed positions."""
    win_rate: Figure | None = None
    """Share of trades that made money after fees."""
    profit_factor: Figure | None = None
    """Sum of winning trades over sum of losing ones."""
    exposure: Figure | None = None
    """Share of bars that closed with a position open."""
    benchmark_return: Figure | None = None
    """What buying and holding would have returned, costs included."""
    warnings: Figure | None = None
    """Reasons to doubt the result; the report lists them."""
    report: Uri | None = None
    """The report, a page to open in a browser."""
    artifacts: Uri | None = None
    """The folder of the record and its tables."""
    experiment: Uri | None = None
    """The run in MLflow."""


class TestedOn(Spec):
    """What a result was tested on and at what cost, and how it stood its checks: what a promotion asks about before it asks for figures."""

    start: Time
    """First bar, by its open time."""
    end: Time
    """Close of the last bar."""
    bars: Count
    """Bars of the period, of all symbols."""
    simulated: bool
    """Whether any of the bars were made by a generator."""
    commission: Annotated[str, Percent("0%", "10%")]
    """Share of each fill's value that the exchange took."""
    maker_commission: Annotated[str, Percent("0%", "10%")] | None = None
    """Share of a limit order's value that the exchange took; absent, the same as commission."""
    slippage: Annotated[str, Percent("0%", "10%")]
    """Share by which market and stop orders filled worse than their price."""
    look_ahead: bool | None = None
    """Whether the strategy was proved to use no bar before its close; absent where nobody looked."""
    data_quality: bool | None = None
    """Whether the data broke no rule of severity Error; absent where nobody looked."""


class Tested(TestedOn):
    """What a backtest was made on, and its figures that a promotion asks about."""

    sharpe: Annotated[float, Field(ge=-1e300, le=1e300)] | None = None
    """Sharpe ratio of daily returns, a year, unrounded; absent where it is undefined."""
    max_drawdown: Annotated[float, Field(ge=0, le=1e300)] | None = None
    """Deepest fall of equity below an earlier peak, as a ratio, unrounded; absent where it is undefined."""
    trades: Count | None = None
    """Closed positions."""


class BacktestRunStatus(RunStatus):
    """How the backtest stands, and what came of it."""

    result: BacktestResult | None = None
    """What came of it."""
    tested: Tested | None = None
    """What the result was tested on."""


class Evidence(Spec):
    """The work that a promotion rests on."""

    backtest: Name | None = None
    """BacktestRun whose figures count."""
    study: Name | None = None
    """OptimizationStudy whose figures count."""


class TradingStrategyStatus(Status):
    """How the strategy is served, and whether it may be executed: conditions Ready, Progressing, Degraded and Promoted."""

    strategy_digest: Digest | None = None
    """Digest of the strategy as it is written now."""
    running_digest: Digest | None = None
    """Digest of the strategy that is served; another than the one written waits for a restart."""
    evidence: Evidence | None = None
    """The work that the promotion rests on."""
    replicas: Annotated[int, Field(ge=0, le=1000)] = 0
    """Pods of the signal service."""
    ready_replicas: Annotated[int, Field(ge=0, le=1000)] = 0
    """Pods of the signal service that are ready."""
    selector: Annotated[str, Field(max_length=512)] = ""
    """Label selector of these pods, for whoever scales them."""


class StudyTested(TestedOn):
    """What a study was made on, which strategy it selects, and its figures that a promotion asks about."""

    strategy_digest: Digest
    """Digest of the strategy with the parameters that the study selects: what `tidewright apply-best` writes has the same."""
    deflated_sharpe: Annotated[float, Field(ge=0, le=1)] | None = None
    """Probability that the Sharpe ratio is positive after all trials are accounted for, unrounded; absent where it is undefined."""
    pbo: Annotated[float, Field(ge=0, le=1)] | None = None
    """Probability of backtest overfitting, unrounded; absent where it is undefined."""
    walk_forward_efficiency: Annotated[float, Field(ge=-1e300, le=1e300)] | None = None
    """Share of the in-sample growth that was earned out of sample, unrounded; absent where it is undefined."""


class Trials(Spec):
    """How many trials there are of each state."""

    asked: Count | None = None
    """Trials that were asked for when this was written; a finished study goes on where more are asked for by now."""
    complete: Count = 0
    """Trials that were evaluated to their end."""
    pruned: Count = 0
    """Trials that were given up early."""
    failed: Count = 0
    """Trials that ended with an error."""
    running: Count = 0
    """Trials under way."""


class BestTrial(Spec):
    """The trial that the study selects, so far."""

    trial: Count
    """Its number."""
    value: Figure
    """Its value of the first objective."""
    parameters: Parameters = Field(default_factory=dict)
    """The values that were searched."""


class StudyResult(Spec):
    """What the study found, whether to believe it, and where the rest is."""

    verdict: Literal["Robust", "Suspect", "Overfit"] | None = None
    """Whether to believe it; the report gives the reasons."""
    deflated_sharpe: Figure | None = None
    """Probability that the Sharpe ratio is positive after all trials are accounted for."""
    pbo: Figure | None = None
    """Probability of backtest overfitting."""
    walk_forward_efficiency: Figure | None = None
    """Share of the in-sample return that was earned out of sample."""
    out_of_sample_return: Figure | None = None
    """Total return of the out-of-sample parts, one after the other."""
    out_of_sample_sharpe: Figure | None = None
    """Sharpe ratio of the out-of-sample parts, a year."""
    p_value: Figure | None = None
    """Probability of so good a best trial without skill."""
    report: Uri | None = None
    """The report, a page to open in a browser."""
    artifacts: Uri | None = None
    """The folder of the record and all trials."""
    experiment: Uri | None = None
    """The study's run in MLflow."""


class OptimizationStudyStatus(RunStatus):
    """How the study stands, and what it found."""

    trials: Trials | None = None
    """How many trials there are of each state."""
    best: BestTrial | None = None
    """The trial that the study selects, so far."""
    result: StudyResult | None = None
    """What the study found."""
    tested: StudyTested | None = None
    """What the result was tested on."""


class TrainingResult(Spec):
    """How good the policy is on the part that was kept from its training, and where it is."""

    total_return: Figure | None = None
    """Final equity over initial cash, less one."""
    sharpe: Figure | None = None
    """Sharpe ratio of daily returns, a year."""
    max_drawdown: Figure | None = None
    """Deepest fall of equity below an earlier peak."""
    trades: Figure | None = None
    """Closed positions."""
    benchmark_return: Figure | None = None
    """What buying and holding would have returned, costs included."""
    mean_reward: Figure | None = None
    """Mean reward of an evaluation."""
    model: Uri | None = None
    """The trained policy."""
    report: Uri | None = None
    """The report, a page to open in a browser."""
    artifacts: Uri | None = None
    """The folder of the record and its tables."""
    experiment: Uri | None = None
    """The training's run in MLflow."""


class RLTrainingStatus(RunStatus):
    """How the training stands, and how good the policy is."""

    iteration: Count = 0
    """Iterations that are done."""
    checkpoint: Uri | None = None
    """The last checkpoint."""
    result: TrainingResult | None = None
    """How good the policy is."""
