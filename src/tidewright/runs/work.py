"""A worker's work: from a payload to the record of what came of it, whatever came of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tidewright.domain.strategies.strategy import Strategy, StrategyError
from tidewright.ports import BarStore, FindEngine
from tidewright.runs.backtest import STAGES, BacktestFindings, needs_compiling, run_backtest
from tidewright.runs.headlines import provenance_of, result_of, tested_of
from tidewright.runs.payload import Task
from tidewright.runs.plan import BacktestPlan, plan_backtest
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Manifest
from tidewright.specs.status import Progress
from tidewright.specs.work_record import WorkRecord

COMPILING = "Compiling the market arithmetic"
"""The step before all others where nobody has compiled it yet, which takes up to half a minute."""

WRITING = "Writing results"
"""The last step, after those of `tidewright.runs.backtest.STAGES`."""

_STEPS = (*STAGES, WRITING)


@dataclass(frozen=True)
class Kept:
    """A result that has been put away: its record, and the URLs of its report and of the folder with all of it."""

    document: dict[str, Any]
    report: str
    artifacts: str


Keep = Callable[[BacktestFindings], Kept]
"""Puts a result away, all of it or nothing. Raises OSError."""


Connect = Callable[[], Strategy]
"""Gives the strategy that another process has the code of. Raises StrategyError, InputRefused, and StrategyUnreachable."""


def work(
    task: Task[BacktestRun],
    store: BarStore,
    keep: Keep,
    progress: Callable[[Progress], None],
    find_engine: FindEngine,
    connect: Connect | None = None,
) -> WorkRecord:
    """Run the backtest of `task`, put its result away with `keep`, and say how that ended; `progress` is told each step as it begins.

    A strategy of `classRef` is asked through `connect`: its module is never imported here. What is raised and what is in the record is as of `work_on`.
    """
    return work_on(lambda: _planned(task, find_engine, connect), store, keep, progress)


def work_on(
    plan: Callable[[], BacktestPlan], store: BarStore, keep: Keep, progress: Callable[[Progress], None]
) -> WorkRecord:
    """Run the backtest that `plan` makes ready, put its result away with `keep`, and say how that ended; `progress` is told each step as it begins.

    What is refused, and what a strategy does wrong, is in the record; what may go right another time is raised: OSError, MemoryError and whatever nobody
    has foreseen.
    """

    def begin(step: str) -> None:
        progress(Progress(percent=100 * _STEPS.index(step) // len(_STEPS), stage=step))

    try:
        planned = plan()
        if needs_compiling(planned):
            progress(Progress(percent=0, stage=COMPILING))
        found = run_backtest(planned, store, begin)
        begin(WRITING)
        kept = keep(found)
    except InputRefused as refusal:
        return refused(refusal)
    except StrategyError as error:
        return WorkRecord(reason="StrategyFailed", message=str(error))
    return WorkRecord(
        reason="Complete",
        result=result_of(kept.document, kept.report, kept.artifacts),
        provenance=provenance_of(kept.document),
        tested=tested_of(kept.document),
    )


def refused(refusal: InputRefused) -> WorkRecord:
    """The record of input that was refused, or that waits for data; fields are those of the resource, as nobody sees the worker's file."""
    problems = [
        str(replace(problem, file="", line=0) if problem.path else problem)
        for problem in dict.fromkeys(refusal.problems)
    ]
    return WorkRecord.of_problems("DataMissing" if refusal.for_want_of_data else "Refused", problems)


def _planned(task: Task[BacktestRun], find_engine: FindEngine, connect: Connect | None) -> BacktestPlan:
    """The plan of a task. Raises InputRefused, StrategyError and OSError."""
    source = task.run.spec.strategy.source
    served = None
    if source is not None and source.source_ref is not None:
        message = (
            "this version runs no code from a ConfigMap: nothing says which code was tested once that is edited; "
            "write the strategy as rules, or put it into an image and use classRef"
        )
        raise InputRefused([task.document.problem(("spec", "strategy", "source", "sourceRef"), message)])
    if source is not None and source.class_ref is not None:
        if connect is None:
            message = (
                "a worker imports nobody's code; name with --strategy-endpoint where `python -m tidewright.strategy_service` "
                "serves it, or run it with `tidewright run`"
            )
            raise InputRefused([task.document.problem(("spec", "strategy", "source", "classRef"), message)])
        served = connect()
    plan = plan_backtest(task.run, task.document, Manifest(), find_engine=find_engine, served=served)
    if task.strategy_digest not in ("", plan.strategy.digest):
        message = (
            f"the strategy comes to {plan.strategy.digest} here; the worker's image is of another version of Tidewright than "
            "who wrote this, or somebody has edited it: use images of one version"
        )
        raise InputRefused([task.document.problem(("strategyDigest",), message, task.strategy_digest)])
    return plan
