"""Runs a `BacktestRun` on this machine and shows its result."""

import os
from typing import Any

from rich.console import Console

from tidewright.adapters.engines import find_engine
from tidewright.adapters.stores import stores
from tidewright.api import Result
from tidewright.cli.backtest_view import show
from tidewright.cli.runner import RunOptions, Stage
from tidewright.runs.backtest import PROVING, STAGES, needs_compiling, run_backtest
from tidewright.runs.plan import BacktestPlan, plan_backtest
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.resource import Spec

_WRITING = "Writing results"


class BacktestRunner:
    """The runner of the kind `BacktestRun`."""

    def plan(self, resource: Spec, document: Document, manifest: Manifest, options: RunOptions) -> BacktestPlan:
        assert isinstance(resource, BacktestRun)  # noqa: S101
        return plan_backtest(resource, document, manifest, options.import_from, stores(os.environ), find_engine)

    def needs_compiling(self, plan: BacktestPlan) -> bool:
        return needs_compiling(plan)

    def run(self, plan: BacktestPlan, options: RunOptions, stage: Stage) -> dict[str, Any]:
        share = 1 / (len(STAGES) + 1)
        found = run_backtest(
            plan,
            stores(os.environ),
            lambda name: stage(name, STAGES.index(name) * share),
            proving=lambda done: stage(PROVING, (STAGES.index(PROVING) + done) * share),
        )
        stage(_WRITING, 1 - share)
        result = Result.of(found)
        result.save(options.folder, report=options.report)
        return result.document

    def show(self, record: dict[str, Any], console: Console) -> None:
        show(record, console)
