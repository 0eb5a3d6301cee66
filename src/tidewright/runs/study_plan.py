"""A study made ready: what it refers to resolved, its space, its windows, and the setting that its trials are tried on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

from tidewright.domain.metrics.table import METRICS
from tidewright.domain.provenance import record_digest
from tidewright.domain.selection import Direction
from tidewright.domain.strategies.evaluation import declared_warmup
from tidewright.domain.strategies.parameters import ParameterErrors
from tidewright.domain.strategies.strategy import Strategy, StrategyError, Value
from tidewright.domain.timeframe import DAY, milliseconds
from tidewright.domain.trials import Dimension, Trial
from tidewright.domain.trying import Attempt, Report, Requirements, Setting, try_out
from tidewright.domain.walk_forward import NoRoom, Span, WalkForward, Window, walk_forward
from tidewright.ports import BarStore
from tidewright.runs.plan import BacktestPlan, Judged, Written, broker_of, data_digest, judged, plan_backtest
from tidewright.runs.refusal import InputRefused, collected
from tidewright.runs.study_space import SearchSpace, resolve_space
from tidewright.specs.backtest_run import BacktestRun, BacktestRunSpec, TestedStrategy
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.optimization_study import OptimizationStudy, OptimizationStudySpec
from tidewright.specs.problems import Problem
from tidewright.specs.quantities import ratio

_METRICS = {metric.name[0].upper() + metric.name[1:]: metric for metric in METRICS}


@dataclass(frozen=True)
class StudyPlan:
    """A study that is ready to be searched; `backtest` is the same data, broker and checks with the strategy's own parameters."""

    name: str
    spec: OptimizationStudySpec
    backtest: BacktestPlan
    space: SearchSpace
    planned: Callable[[BacktestRunSpec], BacktestPlan]

    def with_values(self, named: Mapping[str, Value]) -> BacktestPlan:
        """The backtest with searched values in place."""
        return self.planned(self.backtest_with(named))

    def backtest_with(self, named: Mapping[str, Value]) -> BacktestRunSpec:
        """The spec of the backtest with searched values in place, its strategy written out."""
        strategy = TestedStrategy.model_validate(self.space.written(named).record())
        return self.backtest.spec.model_copy(update={"strategy": strategy})

    @property
    def written(self) -> Written:
        """Where the study is written."""
        return self.backtest.written

    @cached_property
    def objectives(self) -> tuple[str, ...]:
        """The objectives, by their names in the table of metrics."""
        return tuple(_METRICS[one.metric].name for one in self.spec.objectives)

    @cached_property
    def directions(self) -> tuple[Direction, ...]:
        """Of each objective whether more or less of it is better."""
        return tuple(
            one.direction or ("Maximize" if _METRICS[one.metric].higher_is_better else "Minimize")
            for one in self.spec.objectives
        )

    @cached_property
    def definition(self) -> dict[str, Any]:
        """What a study is: its trials belong together only where all of this is the same. Data come to it by their digest, once they are known."""
        changing = {*self.spec.may_change, "timeout", "stagnation", "retries", "pod", "tracking", "selection", "overfitting", "deletionPolicy", "warmStart", "strategy"}  # fmt: skip
        return {
            "spec": {name: value for name, value in self.spec.record().items() if name not in changing},
            "strategy": self.backtest.strategy.digest,
            "space": [_record(dimension) for dimension in self.space.dimensions],
        }


@dataclass(frozen=True)
class StudyData:
    """The data of a study, judged, and the setting that its trials are tried on."""

    symbols: tuple[Judged, ...]
    setting: Setting
    digest: str
    simulated: bool

    def definition_digest(self, plan: StudyPlan) -> str:
        """The digest of all that trials of one study have in common, its data among it."""
        return record_digest({**plan.definition, "data": self.digest})


def plan_study(
    study: OptimizationStudy,
    document: Document,
    manifest: Manifest,
    import_from: Sequence[Path] = (),
    store: BarStore | None = None,
    served: Strategy | None = None,
) -> StudyPlan:
    """Resolve everything that `study` refers to, and judge its data where a `store` is given. Raises InputRefused with every problem, StrategyFailed when the strategy cannot say how long it warms up."""
    wanted = study.spec

    def planned(spec: BacktestRunSpec) -> BacktestPlan:
        run = BacktestRun.model_construct(
            api_version=study.api_version, kind="BacktestRun", metadata=study.metadata, spec=spec
        )
        return plan_backtest(run, document, manifest, import_from, served=served)

    same = {name: getattr(wanted, name) for name in ("strategy", "data", "broker", "checks")}
    plan = planned(BacktestRunSpec(**same, seed=wanted.sampler.seed))
    problems: list[Problem] = []
    space = None
    with collected(problems):
        space = resolve_space(wanted, plan.strategy, plan.written)
    if problems or space is None:
        raise InputRefused(problems)
    found = StudyPlan(study.metadata.name, wanted, plan, space, planned)
    if store is not None:
        load_study(found, store)
    return found


def load_study(plan: StudyPlan, store: BarStore, history: Sequence[int] | None = None) -> StudyData:
    """The data and the setting of a study; before the period there are as many bars as the longest warm-up in the space wants, or as `history` says of each symbol. Raises InputRefused, StrategyFailed."""
    backtest, written = plan.backtest, plan.written
    symbols = judged(backtest.markets, backtest.spec, longest_warmup(plan), history, store, written)
    opens = min(int(one.series.period.time[0]) for one in symbols)
    closes = max(int(one.series.period.time[-1]) for one in symbols) + symbols[0].series.bars.step
    period = Span(opens, closes)
    try:
        windows = cut_windows(plan.spec, period, symbols[0].series.bars.step)
    except NoRoom as error:
        raise InputRefused([written.problem("walkForward", message=str(error))]) from None
    asked = plan.spec.requirements
    setting = Setting(
        series=[one.series for one in symbols],
        strategy=backtest.strategy.strategy,
        unasked=backtest.strategy.unasked,
        broker=broker_of(backtest.spec.broker),
        period=period,
        windows=windows,
        objectives=plan.objectives,
        requirements=Requirements(
            min_trades=(asked and asked.min_trades) or 0,
            max_drawdown=ratio(asked.max_drawdown) if asked and asked.max_drawdown else inf,
        ),
        rank_by=backtest.strategy.spec.risk.rank_by or "",
    )
    simulated = any(store.describe(one.market).simulated for one in symbols)
    return StudyData(symbols, setting, data_digest(symbols), simulated)


def cut_windows(wanted: OptimizationStudySpec, period: Span, step: int) -> tuple[Window, ...]:
    """The windows of a study; boundaries are at whole days where the bars are shorter and the period is long enough. Raises NoRoom."""
    asked = wanted.walk_forward
    cut = WalkForward(
        windows=asked.windows,
        in_sample=Fraction(asked.in_sample.removesuffix("%")) / 100,
        anchored=asked.anchored,
        purge=milliseconds(asked.purge),
        embargo=milliseconds(asked.embargo),
    )
    by_day = step < DAY and (period.end - period.start) >= 10 * DAY * asked.windows
    return walk_forward(period, DAY if by_day else step, cut)


def longest_warmup(plan: StudyPlan) -> int:
    """The longest warm-up at the ends of the space, in bars."""
    strategy = plan.backtest.strategy.strategy
    longest = plan.backtest.strategy.warmup
    for parameters in plan.space.extremes():
        try:
            longest = max(longest, declared_warmup(strategy, parameters))
        except StrategyError:
            continue  # not every corner of a space can be traded: a trial there fails, and says why
    return longest


class Evaluator:
    """Tries values on a study's setting: what a search calls, in whatever process."""

    def __init__(self, plan: StudyPlan, data: StudyData) -> None:
        self._plan, self._setting = plan, data.setting
        self._spot = plan.spec.broker.account == "Spot"

    @property
    def cash(self) -> float:
        """What every account begins with."""
        return self._setting.broker.cash

    def attempt(self, named: Mapping[str, Value]) -> Attempt:
        """The values at work. Raises StrategyError, and InputRefused for a strategy that a spot account cannot trade."""
        found = Attempt(self._setting, *self._plan.space.applied(named))
        if self._spot and found.sells_short:
            message = "the strategy sells short, which a spot account cannot; set account: Margin, or remove its short signals"
            raise InputRefused([self._plan.written.problem("broker", "account", message=message, value="Spot")])
        return found

    def __call__(self, number: int, named: Mapping[str, Value], report: Report = lambda step, value: False) -> Trial:
        """Trial `number` of the values `named`; what the strategy does wrong is in the trial."""
        try:
            return try_out(self._setting, number, named, self.attempt(named), report)
        except ParameterErrors as error:
            return Trial(number, named, "Failed", reason="InvalidParameters", message=str(error))
        except StrategyError as error:
            return Trial(number, named, "Failed", reason="StrategyFailed", message=str(error))


def _record(dimension: Dimension) -> dict[str, Any]:
    return {name: getattr(dimension, name) for name in ("name", "kind", "low", "high", "step", "log")} | {
        "choices": list(dimension.choices)
    }
