"""The work of a study's Jobs: a payload in; trials in the store, or the study's record, out."""

import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import environ
from pathlib import Path

from optuna_optimizer.concluding import concluded
from optuna_optimizer.plan import Plan, PlanRefused
from optuna_optimizer.searching import Standing, StudyFailed, check, counted, search
from optuna_optimizer.standing import standing_of
from optuna_optimizer.study import Study
from tidewright.adapters.atomic import clear_unfinished
from tidewright.adapters.file_url import UrlRefused, path_of
from tidewright.adapters.results import read_document
from tidewright.adapters.stores import store_at, stores
from tidewright.adapters.study_results import save
from tidewright.adapters.study_stores import study_store_at
from tidewright.adapters.trackers import track_result
from tidewright.cli.work_log import WorkLog
from tidewright.cli.worker import connected, folder_of, of_the_system, read_spec
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, BarStore, StudyRefused, TrackingFailed
from tidewright.report.study_page import render_study
from tidewright.runs.exits import DONE, FAILED, REFUSED
from tidewright.runs.payload import Task, read_study
from tidewright.runs.refusal import InputRefused
from tidewright.runs.study_findings import STAGES
from tidewright.runs.study_headlines import standing_best, study_record_of
from tidewright.runs.study_plan import Evaluator, load_study, plan_study
from tidewright.runs.study_record import equity_table
from tidewright.runs.work import refused
from tidewright.specs.manifest import Manifest
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.specs.status import Trials
from tidewright.specs.work_record import StudyRecord, StudyStanding

_EVERY = 1.0
"""Seconds between two tellings of how far the study is."""


@dataclass(frozen=True)
class Orders:
    """What a worker is told, as it is told on the command line."""

    payload: Path
    studies: str
    trials: int | None = None
    store: str | None = None
    streams: str | None = None
    progress_key: str | None = None
    strategy_endpoint: str | None = None
    strategy_timeout: float = 300.0


def searched(orders: Orders, log: WorkLog) -> StudyRecord | None:
    """Search until there is nothing left; None for that, and a record for all other endings. SIGTERM and Ctrl-C give back what is not finished."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def work() -> StudyRecord | None:
        task, study, _ = _study(orders)
        told = _tell_standing(orders, task, study, log)
        store = study_store_at(orders.studies)
        try:
            plan = study.search_plan()
            log.tell("started", f"Study {study.key}: {check(plan):,} trials", study=study.key)
            ending = search(plan, store, Evaluator(study.plan, study.data), stop=stop, progress=told)
        finally:
            store.close()
        log.tell(ending.reason, f"{ending.reason}: {_counts(ending.standing)}")
        if ending.reason == "Stopped":
            return StudyRecord(
                reason="Disrupted", message="told to stop before the search was done; unfinished trials were given back"
            )
        return None

    return _ended(work, log)


def concluded_record(
    orders: Orders, artifacts: str, log: WorkLog, about_to_write: Callable[[Path], None]
) -> StudyRecord:
    """Do what is left of the search, evaluate, write the results, and say how that ended."""

    def work() -> StudyRecord:
        started = time.time_ns() // 1_000_000
        task, study, bars = _study(orders)
        folder = folder_of(artifacts, task)
        plan = study.search_plan()
        asked = check(plan)
        store = study_store_at(orders.studies)
        try:
            search(_unhurried(plan), store, Evaluator(study.plan, study.data))
            trials = counted(plan, store.trials(study.key))
        finally:
            store.close()
        found, record = concluded(
            study, trials, bars, _tell_stage(orders, task, study, trials, log), asked=asked, started=started
        )
        about_to_write(folder)
        clear_unfinished(folder)
        equity = equity_table(found)
        artifacts_there = save(folder, record, trials, equity, render_study(record, trials, equity))
        return study_record_of(record, Path(artifacts_there["report"]).as_uri(), folder.as_uri())

    ended = _ended(work, log)
    assert ended is not None  # noqa: S101 - a conclusion has a record
    return ended


def _unhurried(plan: Plan) -> Plan:
    """What is left of a search whose workers have ended: nothing, where they were given a time and have used it up."""
    return plan if plan.timeout is None else replace(plan, timeout=0.0)


def forgotten(key: str, studies: str, log: WorkLog) -> int:
    """Remove a study's trials; the exit code."""
    try:
        store = study_store_at(studies)
        try:
            there = store.delete(key)
        finally:
            store.close()
    except UrlRefused as error:
        log.tell("refused", str(error), "error")
        return REFUSED
    except (ArchiveUnavailable, OSError) as error:
        log.tell("failed", str(error), "error")
        return FAILED
    log.tell("forgotten", f"the trials of {key} are removed" if there else f"there are no trials of {key}")
    return DONE


def tracked(url: str, record: StudyRecord, log: WorkLog) -> None:
    """Tell the tracker at `url` of a study whose record is complete; one that cannot be told is warned of, and nothing else comes of it."""
    if record.result is None or not record.result.artifacts:
        return
    try:
        folder = path_of(record.result.artifacts)
        log.tell("tracked", track_result(url, read_document(folder), folder))
    except (OSError, TrackingFailed, ValueError) as error:
        log.tell("tracking", f"the study is not tracked: {error}", "warning")


def _study(orders: Orders) -> tuple[Task[OptimizationStudy], Study, BarStore]:
    """The study of a payload with its data. Raises InputRefused, StrategyError and OSError."""
    task = read_study(str(orders.payload), read_spec(orders.payload))
    spec = task.run.spec if orders.trials is None else task.run.spec.model_copy(update={"trials": orders.trials})
    source, served = spec.strategy.source, None
    if source is not None and source.class_ref is not None:
        if not orders.strategy_endpoint:
            message = "a worker imports nobody's code; name with --strategy-endpoint where `python -m tidewright.strategy_service` serves it"
            raise InputRefused([task.document.problem(("spec", "strategy", "source", "classRef"), message)])
        served = connected(orders.strategy_endpoint, orders.strategy_timeout)
    bars = store_at(orders.store) if orders.store else stores(environ)
    plan = plan_study(task.run.model_copy(update={"spec": spec}), task.document, Manifest(), served=served)
    if task.strategy_digest not in ("", plan.backtest.strategy.digest):
        message = (
            f"the strategy comes to {plan.backtest.strategy.digest} here; the worker's image is of another version of Tidewright than "
            "who wrote this, or somebody has edited it: use images of one version"
        )
        raise InputRefused([task.document.problem(("strategyDigest",), message, task.strategy_digest)])
    study = Study(f"{task.namespace}/{plan.name}", plan, load_study(plan, bars))
    return task, study if plan.spec.warm_start is None else _taught(study, task.namespace, orders.studies), bars


def _taught(study: Study, namespace: str, studies: str) -> Study:
    """The study that has learned from the earlier one, whose trials are in the same store. Raises InputRefused."""
    wanted = study.plan.spec.warm_start
    assert wanted is not None  # noqa: S101 - asked for where there is one
    store = study_store_at(studies)
    try:
        return study.taught(store.trials(f"{namespace}/{wanted.study}", tables=False))
    finally:
        store.close()


def _ended(work: Callable[[], StudyRecord | None], log: WorkLog) -> StudyRecord | None:
    """What `work` comes to, and the record of whatever it raises."""
    try:
        return work()
    except InputRefused as refusal:
        plain = refused(refusal)
        return StudyRecord(reason=plain.reason, message=plain.message)
    except (UrlRefused, PlanRefused, StudyRefused) as error:
        return StudyRecord.of_problems("Refused", [str(error)])
    except (StudyFailed, StrategyError) as error:
        return StudyRecord.of_problems("StrategyFailed", [str(error)])
    except Exception as error:  # the one place where a mistake of ours becomes a record
        return StudyRecord(reason="Failed", message=_failure(error, log))


def _failure(error: Exception, log: WorkLog) -> str:
    """What went wrong that may go right another time, and what to do about it."""
    match error:
        case ArchiveUnavailable():
            return f"{error}; the trials that are finished are kept"
        case OSError():
            return of_the_system(error)
        case MemoryError():
            return "there is not enough memory; raise spec.pod.resources.limits.memory, or test a shorter period"
    log.tell("traceback", "".join(traceback.format_exception(error)), "error")
    return f"{type(error).__name__}: {error}; please report this"


def _tell_standing(
    orders: Orders, task: Task[OptimizationStudy], study: Study, log: WorkLog
) -> Callable[[Standing], None]:
    """Tells the board beside the streams, on which the operator looks, and the log; not at every trial."""
    metric, asked = study.plan.objectives[0], check(study.search_plan())
    began, last = time.monotonic(), 0.0
    tell = _board(orders, f"{task.namespace}/{task.run.metadata.name}/{task.uid}", log)
    first: list[int] = []

    def told(standing: Standing) -> None:
        nonlocal last
        now = time.monotonic()
        done = standing.done
        first[:] = first or [done]
        if now - last < _EVERY and done < asked:
            return
        last = now
        rate = (done - first[0]) / max(now - began, 1e-9)
        counts = Trials(asked=asked, complete=standing.complete, pruned=standing.pruned, failed=standing.failed)
        best = None if standing.best is None else standing_best(standing.best, metric)
        told_of = StudyStanding(trials=counts, best=best)
        percent = 100.0 * min(done / asked, 1.0)
        log.tell("progress", f"{done:,} of {asked:,} trials", percent=int(percent))
        tell(percent, (asked - done) / rate if rate > 0.0 else None, told_of)

    return told


def _tell_stage(
    orders: Orders, task: Task[OptimizationStudy], study: Study, trials: Sequence[Trial], log: WorkLog
) -> Callable[[str], None]:
    """Tells the steps of the evaluation, with how the search has ended."""
    tell = _board(orders, f"{task.namespace}/{task.run.metadata.name}/{task.uid}", log)
    stands = standing_of(study.search_plan(), trials, check(study.search_plan()))
    counts = Trials(asked=stands.asked, complete=stands.complete, pruned=stands.pruned, failed=stands.failed)
    best = None if stands.best is None else standing_best(stands.best, study.plan.objectives[0])

    def told(stage: str) -> None:
        percent = 100 * STAGES.index(stage) // len(STAGES)
        log.tell("stage", stage, percent=percent)
        tell(percent, None, StudyStanding(trials=counts, best=best))

    return told


def _board(orders: Orders, key: str, log: WorkLog) -> Callable[[float, float | None, StudyStanding], None]:
    if orders.streams:
        try:
            from tidewright.adapters.progress_board import progress_at  # noqa: PLC0415 - redis, which most work does without

            tell = progress_at(orders.streams, orders.progress_key or key)
        except (ImportError, UrlRefused) as error:
            log.tell("progress", f"the board is not told of the progress: {error}", "warning")
        else:
            return lambda percent, eta, standing: tell(percent, eta, standing.record())
    return lambda percent, eta, standing: None


def _counts(standing: Standing) -> str:
    return f"{standing.complete:,} complete, {standing.pruned:,} pruned, {standing.failed:,} failed"
