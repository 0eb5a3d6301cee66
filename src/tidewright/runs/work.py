"""A worker's work: from a payload to the record of what came of it, whatever came of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tidewright.domain.strategies.strategy import StrategyError
from tidewright.ports import BarStore, FindEngine
from tidewright.runs.backtest import STAGES, BacktestFindings, needs_compiling, run_backtest
from tidewright.runs.headlines import provenance_of, result_of, tested_of
from tidewright.runs.payload import Task
from tidewright.runs.plan import BacktestPlan, plan_backtest
from tidewright.runs.refusal import InputRefused
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


def work(
    task: Task, store: BarStore, keep: Keep, progress: Callable[[Progress], None], find_engine: FindEngine
) -> WorkRecord:
    """Run the backtest of `task`, put its result away with `keep`, and say how that ended; `progress` is told each step as it begins.

    What is refused, and what a strategy does wrong, is in the record; what may go right another time is raised: OSError, MemoryError and whatever nobody
    has foreseen.
    """

    def begin(step: str) -> None:
        progress(Progress(percent=100 * _STEPS.index(step) // len(_STEPS), stage=step))

    try:
        plan = _planned(task, find_engine)
        if needs_compiling(plan):
            progress(Progress(percent=0, stage=COMPILING))
        found = run_backtest(plan, store, begin)
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


def _planned(task: Task, find_engine: FindEngine) -> BacktestPlan:
    """The plan of a task. Raises InputRefused."""
    source = task.run.spec.strategy.source
    for name, code in (("classRef", source and source.class_ref), ("sourceRef", source and source.source_ref)):
        if code is not None:
            message = (
                "a worker runs nobody's code in its own process, and this version cannot ask a container that does; "
                "write the strategy as rules, or run it outside the cluster with `tidewright run`"
            )
            raise InputRefused([task.document.problem(("spec", "strategy", "source", name), message)])
    plan = plan_backtest(task.run, task.document, Manifest(), find_engine=find_engine)
    if task.strategy_digest not in ("", plan.strategy.digest):
        message = (
            f"the strategy comes to {plan.strategy.digest} here; the worker's image is of another version of Tidewright than "
            "who wrote this, or somebody has edited it: use images of one version"
        )
        raise InputRefused([task.document.problem(("strategyDigest",), message, task.strategy_digest)])
    return plan
