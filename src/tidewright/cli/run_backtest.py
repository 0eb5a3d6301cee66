"""Runs a `BacktestRun` on this machine and shows its result."""

import os
from pathlib import Path
from typing import Any

from rich.console import Console

from tidewright.adapters.engines import find_engine
from tidewright.adapters.results import Writer, write_results, write_table
from tidewright.adapters.stores import stores
from tidewright.cli.backtest_view import show
from tidewright.cli.runner import RunOptions, Stage
from tidewright.runs.backtest import STAGES, BacktestPlan, needs_compiling, plan_backtest, run_backtest
from tidewright.runs.record import document_of, equity_table, fills_table, trades_table
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.resource import Spec

_WRITING = "Writing results"


class BacktestRunner:
    """The runner of the kind `BacktestRun`."""

    def plan(self, resource: Spec, document: Document, manifest: Manifest, options: RunOptions) -> BacktestPlan:
        assert isinstance(resource, BacktestRun)  # noqa: S101
        return plan_backtest(resource, document, manifest, options.import_from, stores(os.environ), find_engine)

    def needs_compiling(self) -> bool:
        return needs_compiling()

    def run(self, plan: BacktestPlan, options: RunOptions, stage: Stage) -> dict[str, Any]:
        share = 1 / (len(STAGES) + 1)
        found = run_backtest(plan, stores(os.environ), lambda name: stage(name, STAGES.index(name) * share))
        stage(_WRITING, 1 - share)
        record = document_of(found, manifest=plan.document.file)
        equity, trades = equity_table(found), trades_table(found)
        writers: dict[str, Writer | None] = {
            "trades.parquet": lambda path: write_table(path, trades),
            "fills.parquet": lambda path: write_table(path, fills_table(found)),
            "equity.parquet": lambda path: write_table(path, equity),
            "report.html": (lambda path: write_report(path, record, equity, trades)) if options.report else None,
        }
        return {**record, "artifacts": write_results(options.folder, writers, record)}

    def show(self, record: dict[str, Any], console: Console) -> None:
        show(record, console)


def write_report(path: Path, record: dict[str, Any], equity: dict[str, Any], trades: dict[str, Any]) -> None:
    """Write the HTML report of a record and its tables; it names no folder, as it lies beside the record wherever both are moved to."""
    from tidewright.report.page import render  # noqa: PLC0415 - jinja2, only where a report is written

    path.write_text(render({**record, "artifacts": {}}, equity, trades), encoding="utf-8")
