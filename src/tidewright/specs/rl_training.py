"""`RLTraining`: a policy that learns to trade by reinforcement, on the market arithmetic of every backtest."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tidewright.specs.backtest_run import Broker, Data
from tidewright.specs.pod import Pod
from tidewright.specs.quantities import ApiVersion, Duration, Expression, Name, Percent, Symbol, Timeframe
from tidewright.specs.resource import CrossFieldRule, Metadata, Resource, Spec
from tidewright.specs.trading_strategy import Parameters


class Reward(Spec):
    """What the policy is rewarded for, bar by bar."""

    kind: Literal["LogReturn", "Return", "DifferentialSharpe"] = "LogReturn"
    """Growth of equity, by its logarithm or as it is, or its contribution to the Sharpe ratio."""
    drawdown_penalty: Annotated[str, Percent("0%", "1000%")] = "0%"
    """Share of the bar's fall below the highest equity so far that is taken off."""
    turnover_penalty: Annotated[str, Percent("0%", "100%")] = "0%"
    """Share of the bar's turnover that is taken off, beside the costs that the broker takes."""


class Environment(Spec):
    """The market as the policy sees it."""

    window: Annotated[int, Field(ge=1, le=4_096)] = 64
    """How many bars back the policy sees."""
    features: Annotated[tuple[Expression, ...], Field(min_length=1, max_length=64, strict=False)] = (
        "close / open - 1",
        "(high - low) / close",
        "rsi(close, 14) / 100",
        "close / sma(close, 20) - 1",
    )
    """Series that the policy sees, in the language of rules, such as `rsi(close, 14) / 100`; standardised on the training part."""
    actions: Literal["LongFlat", "LongShort"] = "LongFlat"
    """Whether the policy may be long or flat, or short too."""
    reward: Reward = Reward()
    """What the policy is rewarded for."""
    evaluation: Annotated[str, Percent("1%", "90%")] = "20%"
    """Share at the period's end that is kept from the training and that the policy is judged by."""


class Algorithm(Spec):
    """How the policy learns."""

    name: Literal["PPO", "APPO", "IMPALA", "DQN", "SAC"] = "PPO"
    """RLlib's algorithm of this name."""
    hidden_layers: Annotated[
        tuple[Annotated[int, Field(ge=1, le=4_096)], ...], Field(min_length=1, max_length=8, strict=False)
    ] = (64, 64)
    """Widths of the policy network's layers."""
    config: Parameters = Field(default_factory=dict)
    """Settings of the algorithm, such as `lr: 0.0003`; those left out take RLlib's defaults."""


class Stop(Spec):
    """When the training ends: at the first that is reached."""

    iterations: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Iterations of training."""
    steps: Annotated[int, Field(ge=1, le=10**12)] | None = None
    """Bars acted on."""
    stagnation: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Iterations without a better evaluation."""


class Runners(Spec):
    """The workers that play the market while one learner learns."""

    replicas: Annotated[int, Field(ge=0, le=256)] = 0
    """Workers at first; with none, the learner plays itself."""
    max_replicas: Annotated[int, Field(ge=0, le=256)] | None = None
    """Most workers, where the cluster adds them as needed; absent, as many as replicas."""
    pod: Pod | None = None
    """How the workers' pods are scheduled; absent, as the learner's."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: self.max_replicas is None or self.max_replicas >= self.replicas,
            "must not be below replicas",
            "maxReplicas",
            cel="!has(self.maxReplicas) || self.maxReplicas >= self.replicas",
        ),
    )


class Register(Spec):
    """Where the trained policy is put."""

    model: Name
    """Name in MLflow's registry of models; every training adds a version."""


class RLTrainingSpec(Spec):
    """A training: market, environment, algorithm and its end."""

    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1, max_length=100, strict=False)]
    """Symbols to learn on, such as `BTC/USDT`."""
    timeframe: Timeframe
    """Length of the bars that the policy acts on."""
    data: Data
    """Which bars to learn and to be judged on."""
    broker: Broker = Broker()
    """The account and what trading costs."""
    environment: Environment = Environment()
    """The market as the policy sees it."""
    algorithm: Algorithm = Algorithm()
    """How the policy learns."""
    stop: Stop = Stop()
    """When the training ends."""
    checkpoint_every: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """Iterations between the checkpoints that a training goes on from after a disruption."""
    runners: Runners = Runners()
    """The workers that play the market."""
    backend: Literal["Auto", "RayJob", "Job"] = "Auto"
    """What runs the training on a cluster; Auto takes a RayJob where KubeRay is installed, else a Job."""
    register_: Register | None = Field(default=None, alias="register")
    """Where the trained policy is put; absent, it is kept with the result only."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Seed of everything random; with runners, their timing is chance all the same."""
    suspend: bool = False
    """Whether to hold the training back; it goes on from its last checkpoint."""
    ttl_after_finished: Duration | None = None
    """How long a finished training's Job is kept."""
    deadline: Duration | None = None
    """Longest time the training may take."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a failed attempt is repeated, from its last checkpoint; refused input never is."""
    pod: Pod | None = None
    """How the learner's pod is scheduled."""

    cross_field_rules: ClassVar = (
        CrossFieldRule(
            lambda self: self.environment.actions == "LongFlat" or self.broker.account == "Margin",
            "going short needs broker.account: Margin; set it, or use actions: LongFlat",
            "environment",
            cel="self.environment.actions == 'LongFlat' || self.broker.account == 'Margin'",
        ),
    )
    may_change: ClassVar = ("suspend", "ttlAfterFinished")


class RLTraining(Resource):
    """The training of a trading policy by reinforcement learning."""

    api_version: ApiVersion
    """Version of the resource's schema."""
    kind: Literal["RLTraining"]
    """Kind of the resource."""
    metadata: Metadata
    """Name and namespace."""
    spec: RLTrainingSpec
    """What is wanted."""
