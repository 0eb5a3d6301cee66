"""``python -m optuna_optimizer.studying``: the process of one study, which is a line on stdin; what it tells is a line each on stdout.

On SIGTERM it gives back its trials and ends; so it does when its stdin ends, in the middle of work too: whoever started it is gone then. What a strategy prints goes to stderr.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from optuna_optimizer.concluding import concluded
from optuna_optimizer.headlines import candidate
from optuna_optimizer.jobs import Objective, Planned, Standing
from optuna_optimizer.plan import Plan, PlanRefused
from optuna_optimizer.processes import PATIENCE
from optuna_optimizer.searching import Ending as SearchEnding
from optuna_optimizer.searching import Standing as SearchStanding
from optuna_optimizer.searching import StudyFailed, check, counted, search
from optuna_optimizer.study import Evaluation, Study
from optuna_optimizer.tasks import Ending, Task
from optuna_optimizer.workers import WorkersLost, run_workers
from tidewright.adapters.atomic import clear_unfinished
from tidewright.adapters.stores import stores
from tidewright.adapters.study_results import save
from tidewright.adapters.study_stores import study_store_at
from tidewright.adapters.trackers import track_result
from tidewright.domain.kernel import needs_compiling
from tidewright.domain.strategies.strategy import StrategyError, Value
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, BarStore, StudyNotFound, StudyRefused, StudyStore, TrackingFailed
from tidewright.report.study_page import render_study
from tidewright.runs.refusal import InputRefused
from tidewright.runs.study_findings import STAGES
from tidewright.runs.study_plan import Evaluator, load_study, plan_study
from tidewright.runs.study_record import equity_table
from tidewright.runs.work import COMPILING, WRITING, refused
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.optimization_study import OptimizationStudy

_EVERY = 0.25
"""Seconds between two tellings of how the search stands."""

_STEPS = (*STAGES, WRITING)

Tell = Callable[..., None]


class _Stopped(BaseException):
    """Told to stop while there is nothing to give back."""


@dataclass
class _Stop:
    """How the process is told to stop: a search that is under way is asked, all else is broken off."""

    searching: threading.Event | None = None

    def told(self, number: int, frame: FrameType | None) -> None:
        if self.searching is None:
            raise _Stopped
        self.searching.set()


def main() -> int:
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop.told)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def tell(**what: object) -> None:
        channel.write(json.dumps(what).encode() + b"\n")
        channel.flush()

    try:
        task = Task.read(sys.stdin.readline())
        threading.Thread(target=_outlive_nobody, daemon=True).start()
        ending = _ended(task, stop, tell)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tell(ended=asdict(ending))
    except _Stopped:
        return 128 + signal.SIGTERM
    return 0


def _outlive_nobody() -> None:
    """When stdin ends, stop; and after a while be killed, with all processes that were started."""
    while os.read(sys.stdin.fileno(), 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.killpg(0, signal.SIGKILL)


def _ended(task: Task, stop: _Stop, tell: Tell) -> Ending:
    """What the work comes to, whatever happens."""
    try:
        return _worked(task, stop, tell)
    except InputRefused as refusal:
        record = refused(refusal)
        return Ending("DataMissing" if record.reason == "DataMissing" else "Refused", record.message or "")
    except (PlanRefused, StudyRefused) as error:
        return Ending("Refused", str(error))
    except (StudyFailed, StrategyError) as error:
        return Ending("StrategyFailed", str(error))
    except Exception as error:  # the one place where a mistake of ours becomes an answer
        return Ending("Failed", _failure(error))


def _failure(error: Exception) -> str:
    """What went wrong that may go right another time."""
    match error:
        case ArchiveUnavailable() | WorkersLost():
            return f"{error}; the trials that are finished are kept"
        case MemoryError():
            return "there is not enough memory; search a shorter period, or with less parallelism"
        case OSError():
            return f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
    traceback.print_exc()
    return f"{type(error).__name__}: {error}"[:500]


def _worked(task: Task, stop: _Stop, tell: Tell) -> Ending:
    started = time.time_ns() // 1_000_000
    tell(stage=COMPILING if needs_compiling() else "Reading the data", share=0.0)
    bars = stores(os.environ)
    study = _study(task, bars)
    plan = study.search_plan(_first(task, study))
    asked = _checked(task, study, plan)
    tell(planned=asdict(_planned(study, asked)))
    tell(stage="Searching", share=0.0)
    ended = _searched(task, study, plan, stop, tell)
    if ended.reason == "Stopped":
        return Ending("Stopped")
    store = study_store_at(task.studies)
    try:
        trials = counted(plan, store.trials(task.key))
    finally:
        store.close()
    return _concluded(task, study, trials, bars, asked, started, tell)


def _study(task: Task, bars: BarStore) -> Study:
    document = Document("", dict(task.resource), {(): 0})
    plan = plan_study(OptimizationStudy.model_validate(document.value), document, Manifest())
    return Study(task.key, plan, load_study(plan, bars))


def _checked(task: Task, study: Study, plan: Plan) -> int:
    """How many trials there will be. Raises PlanRefused, and InputRefused for a grid of too many."""
    asked = check(plan)
    if asked > task.max_trials:
        message = f"{asked:,} combinations, and at most {task.max_trials:,} are tried here; widen the steps, or search fewer fields"
        raise InputRefused([study.plan.written.problem("searchSpace", message=message)])
    return asked


def _first(task: Task, study: Study) -> tuple[Mapping[str, Value], ...]:
    """The best values of the study that this one learns from, which it needs where it begins. Raises InputRefused."""
    wanted = study.plan.spec.warm_start
    if wanted is None:
        return ()
    from optuna_optimizer.search.warm_start import best_values  # noqa: PLC0415 - a second for optuna

    store = study_store_at(task.studies)
    try:
        if _has_begun(store, task.key):
            return ()
        trials = store.trials(task.earlier, tables=False)
    except StudyNotFound:
        message = "it is deleted, or has not begun yet; wait until it has trials, or remove warmStart"
        raise InputRefused([study.plan.written.problem("warmStart", "study", message=message, value=wanted.study)]) from None  # fmt: skip
    finally:
        store.close()
    return best_values(trials, study.plan.directions, wanted.trials, study.plan.space.dimensions)


def _has_begun(store: StudyStore, key: str) -> bool:
    try:
        return bool(store.definition(key))
    except StudyNotFound:
        return False


def _planned(study: Study, asked: int) -> Planned:
    plan = study.plan
    objectives = zip(plan.objectives, plan.directions, strict=True)
    return Planned(asked, tuple(Objective(*one) for one in objectives), plan.space.dimensions)


def _searched(task: Task, study: Study, plan: Plan, stop: _Stop, tell: Tell) -> SearchEnding:
    """The search, in as many processes as the study wants and may have."""
    workers = min(study.plan.spec.parallelism, task.workers)
    told = _telling(check(plan), workers, tell)
    stop.searching = threading.Event()
    try:
        if workers > 1:
            evaluation = Evaluation.of(study.plan, ())
            return run_workers(plan, task.studies, evaluation, workers, stop=stop.searching, progress=told)
        store = study_store_at(task.studies)
        try:
            evaluate = Evaluator(study.plan, study.data)
            return search(plan, store, evaluate, stop=stop.searching, progress=told)
        finally:
            store.close()
    finally:
        stop.searching = None


def _telling(asked: int, workers: int, tell: Tell) -> Callable[[SearchStanding], None]:
    """Tells how the search stands, not at every trial, with the seconds that it is likely to go on."""
    began = last = time.monotonic()
    first: int | None = None

    def told(standing: SearchStanding) -> None:
        nonlocal last, first
        now = time.monotonic()
        counts = {name: getattr(standing, name) for name in ("complete", "pruned", "failed", "infeasible")}
        stands = Standing(**counts, best=None if standing.best is None else candidate(standing.best))
        first = stands.done if first is None else first
        if now - last < _EVERY and first < stands.done < asked:
            return
        rate = (stands.done - first) / max(now - began, 1e-9)
        eta = (asked - stands.done) / rate if rate > 0.0 else None
        tell(standing=asdict(stands), eta=eta, seconds=(now - last) * workers)
        last = now

    return told


def _concluded(
    task: Task, study: Study, trials: list[Trial], bars: BarStore, asked: int, started: int, tell: Tell
) -> Ending:
    """The evaluation of all trials, written and told to the tracker."""

    def enter(stage: str) -> None:
        tell(stage=stage, share=(1 + _STEPS.index(stage)) / (1 + len(_STEPS)))

    found, record = concluded(study, trials, bars, enter, asked=asked, started=started)
    enter(WRITING)
    folder, equity = Path(task.folder), equity_table(found)
    clear_unfinished(folder)
    record["artifacts"] = save(folder, record, trials, equity, render_study(record, trials, equity))
    if task.tracking:
        try:
            print(f"tracked: {track_result(task.tracking, record, folder)}")  # noqa: T201 - for the log
        except (TrackingFailed, OSError, ValueError) as error:
            print(f"not tracked: {error}")  # noqa: T201
    if record["selected"] is None:
        message = next(one["message"] for one in record["warnings"] if one["reason"] == "NothingSelected")
        return Ending("StrategyFailed", message)
    return Ending("Complete")


if __name__ == "__main__":
    sys.exit(main())
