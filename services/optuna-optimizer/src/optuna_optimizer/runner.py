"""Runs an `OptimizationStudy` on this machine and shows what it found."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from optuna_optimizer.concluding import concluded
from optuna_optimizer.plan import PlanRefused
from optuna_optimizer.searching import Ending, Standing, StudyFailed, check, counted, search
from optuna_optimizer.study import Evaluation, Study
from optuna_optimizer.workers import WorkersLost, run_workers
from tidewright.adapters.results import NoResult
from tidewright.adapters.stores import stores
from tidewright.adapters.study_results import load, save
from tidewright.adapters.study_stores import study_store_at
from tidewright.cli.runner import RunOptions, Stage
from tidewright.cli.study_view import show
from tidewright.domain.kernel import needs_compiling
from tidewright.domain.strategies.rule_strategy import RuleStrategy
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.domain.trials import Trial
from tidewright.runs.refusal import InputRefused
from tidewright.runs.study_findings import STAGES
from tidewright.runs.study_plan import Evaluator, load_study, plan_study
from tidewright.runs.study_record import Table, equity_table
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.specs.resource import Spec

TRIALS = "study"
"""The folder of the trials, within that of the results: a study goes on from what is there."""

_SEARCHED = 0.85
"""The share of the time that the search is taken to need; the evaluation has the rest."""

_WRITING = "Writing results"


class StudyRunner:
    """The runner of the kind `OptimizationStudy`."""

    def plan(self, resource: Spec, document: Document, manifest: Manifest, options: RunOptions) -> Study:
        assert isinstance(resource, OptimizationStudy)  # noqa: S101
        plan = plan_study(resource, document, manifest, options.import_from)
        data = load_study(plan, stores(os.environ))
        key = f"{plan.name}-{data.definition_digest(plan).removeprefix('sha256:')[:12]}"
        study = Study(key, plan, data, tuple(options.import_from))
        try:
            check(study.search_plan())
        except PlanRefused as error:
            raise InputRefused([plan.written.problem("sampler", message=str(error))]) from None
        return study if plan.spec.warm_start is None else _taught(study, options.folder)

    def needs_compiling(self, plan: Study) -> bool:
        return needs_compiling()

    def run(self, plan: Study, options: RunOptions, stage: Stage) -> dict[str, Any]:
        """Search on from the trials that are there, evaluate all of them, and write what was found."""
        started = time.time_ns() // 1_000_000
        url = (options.folder.resolve() / TRIALS).as_uri()
        asked = check(plan.search_plan())
        try:
            _searched(plan, url, options.import_from, stage, asked)
        except (StudyFailed, WorkersLost) as error:
            raise StrategyError(str(error)) from None
        except PlanRefused as error:
            raise InputRefused([plan.plan.written.problem("constraints", message=str(error))]) from None
        store = study_store_at(url)
        try:
            trials = counted(plan.search_plan(), store.trials(plan.key))
        finally:
            store.close()
        share = (1 - _SEARCHED) / (len(STAGES) + 1)
        found, record = concluded(
            plan,
            trials,
            stores(os.environ),
            lambda name: stage(name, _SEARCHED + STAGES.index(name) * share),
            asked=asked,
            started=started,
        )
        stage(_WRITING, 1 - share)
        equity = equity_table(found)
        page = _page(record, trials, equity) if options.report else None
        return record | {"artifacts": save(options.folder, record, trials, equity, page)}

    def show(self, record: dict[str, Any], console: Console) -> None:
        show(record, console)


def _taught(study: Study, folder: Path) -> Study:
    """The study that has learned from the earlier one, whose results are in the folder beside its own. Raises InputRefused."""
    wanted = study.plan.spec.warm_start
    assert wanted is not None  # noqa: S101 - asked for where there is one
    earlier = folder.parent / wanted.study
    try:
        return study.taught(load(earlier).trials)
    except (NoResult, OSError, ValueError, KeyError) as error:
        message = f"its results cannot be read ({error}); run it first, so that they are in {earlier}"
        raise InputRefused([study.unlearned(message)]) from None


def _page(record: dict[str, Any], trials: Sequence[Trial], equity: Table) -> str:
    from tidewright.report.study_page import render_study  # noqa: PLC0415 - jinja2, for those who want the report

    return render_study(record, trials, equity)


def _searched(study: Study, url: str, import_from: Sequence[Path], stage: Stage, asked: int) -> Ending:
    """The search, in as many processes as the study wants and the machine has cores."""
    plan, wanted = study.search_plan(), study.plan.spec

    def told(standing: Standing) -> None:
        best = "" if standing.best is None else f", best {standing.best.values[0]:.4g}"
        stage(f"Trial {standing.done:,} of {asked:,}{best}", _SEARCHED * min(standing.done / asked, 1.0))

    stage(f"Trial 0 of {asked:,}", 0.0)
    workers = min(wanted.parallelism, os.cpu_count() or 1)
    together = plan.enumerated and isinstance(study.plan.backtest.strategy.strategy, RuleStrategy)
    if workers > 1 and not together:
        return run_workers(plan, url, Evaluation.of(study.plan, tuple(import_from)), workers, progress=told)
    store = study_store_at(url)
    try:
        # Rules keep nothing between two questions, and the kernel leaves the interpreter to others while it works.
        threads = workers if together else 1
        return search(plan, store, Evaluator(study.plan, study.data), progress=told, threads=threads)
    finally:
        store.close()
