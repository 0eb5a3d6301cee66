"""The kinds of resources: their models, and how `kubectl` names and lists each."""

from dataclasses import dataclass

from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.specs.resource import Resource
from tidewright.specs.rl_training import RLTraining
from tidewright.specs.status import (
    BacktestRunStatus,
    OptimizationStudyStatus,
    RLTrainingStatus,
    RunStatus,
    Status,
    TradingStrategyStatus,
)
from tidewright.specs.trading_strategy import TradingStrategy


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`: its heading, the JSON path of its values, and whether it is shown with `-o wide` only."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True)
class Scale:
    """Where `kubectl scale` finds the number of pods that is wanted, the number that there is, and their label selector."""

    wanted: str
    there: str
    selector: str


@dataclass(frozen=True)
class Kind:
    """One kind. `columns` answer, in one line a resource: is it done, how far is it, how good is it."""

    model: type[Resource]
    status: type[Status]
    plural: str
    short: str
    columns: tuple[Column, ...]
    scale: Scale | None = None

    @property
    def name(self) -> str:
        return self.model.__name__

    @property
    def is_work(self) -> bool:
        """Whether a resource of this kind is work that ends, rather than something that is kept."""
        return issubclass(self.status, RunStatus)


def _condition(type_: str, part: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{part}'


_FROM = ".metadata.annotations.tidewright\\.io/study"
"""Where `tidewright apply-best` notes the study."""

_AGE = Column("Age", ".metadata.creationTimestamp", "Time since the resource was created.", "date")
_STRATEGY = Column("Strategy", ".spec.strategy.name", "TradingStrategy by name; empty where it is written in place.")
_STATUS = Column("Status", _condition("Finished", "reason"), "Where the work stands, or why it failed.")
_PROGRESS = Column("Percent", ".status.progress.percent", "Share of the work that is done.", "integer")
_ETA = Column("ETA", ".status.progress.eta", "When the work is likely to be done.", wide=True)
_REPORT = Column("Report", ".status.result.report", "The report, a page to open in a browser.", wide=True)
_WHY = Column("Message", _condition("Finished", "message"), "Why, in words.", wide=True)

KINDS: tuple[Kind, ...] = (
    Kind(
        TradingStrategy,
        TradingStrategyStatus,
        "tradingstrategies",
        "strat",
        (
            Column("Symbols", ".spec.symbols", "What is traded."),
            Column("Timeframe", ".spec.timeframe", "Length of the bars."),
            Column("Ready", _condition("Ready", "status"), "Whether the strategy's signals are served."),
            Column("Mode", ".spec.execution.mode", "How the strategy trades; empty for research only."),
            Column("Promoted", _condition("Promoted", "status"), "Whether its evidence is enough to be executed."),
            Column("Why", _condition("Promoted", "reason"), "Why it is, or is not."),
            Column("Replicas", ".status.readyReplicas", "Pods that serve its signals.", "integer", wide=True),
            Column("Backtest", ".status.evidence.backtest", "BacktestRun that the promotion rests on.", wide=True),
            Column("Study", ".status.evidence.study", "OptimizationStudy that the promotion rests on.", wide=True),
            Column("From", _FROM, "OptimizationStudy that its parameters came from.", wide=True),
            _AGE,
        ),
        Scale(".spec.signals.replicas", ".status.replicas", ".status.selector"),
    ),
    Kind(
        BacktestRun,
        BacktestRunStatus,
        "backtestruns",
        "bt",
        (
            _STRATEGY,
            _STATUS,
            _PROGRESS,
            Column("Return", ".status.result.totalReturn", "Total return."),
            Column("Sharpe", ".status.result.sharpe", "Sharpe ratio, a year."),
            Column("Drawdown", ".status.result.maxDrawdown", "Deepest fall below an earlier peak."),
            Column("Trades", ".status.result.trades", "Closed positions."),
            _ETA,
            _WHY,
            _REPORT,
            _AGE,
        ),
    ),
    Kind(
        OptimizationStudy,
        OptimizationStudyStatus,
        "optimizationstudies",
        "opt",
        (
            _STRATEGY,
            _STATUS,
            _PROGRESS,
            Column("Trials", ".status.trials.complete", "Trials evaluated to their end.", "integer"),
            Column("Best", ".status.best.value", "Best value of the first objective so far."),
            Column("Verdict", ".status.result.verdict", "Whether to believe it."),
            _ETA,
            _WHY,
            _REPORT,
            _AGE,
        ),
    ),
    Kind(
        RLTraining,
        RLTrainingStatus,
        "rltrainings",
        "rlt",
        (
            Column("Algorithm", ".spec.algorithm.name", "How the policy learns."),
            _STATUS,
            _PROGRESS,
            Column("Iteration", ".status.iteration", "Iterations that are done.", "integer"),
            Column("Return", ".status.result.totalReturn", "Total return on the part kept from the training."),
            Column("Sharpe", ".status.result.sharpe", "Sharpe ratio on that part, a year."),
            _ETA,
            _WHY,
            Column("Model", ".status.result.model", "The trained policy.", wide=True),
            _AGE,
        ),
    ),
)
"""Every kind that this version knows."""
