"""`tidewright verify`: the same again, and is it the same?"""

import os
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from tidewright.adapters.results import NoResult, as_json, read_record
from tidewright.adapters.stores import stores
from tidewright.cli.endings import FAILED
from tidewright.cli.progress import steps
from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.runs.backtest import STAGES, BacktestFindings, plan_backtest, run_backtest
from tidewright.runs.record import document_of
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import API_VERSION, Document, Manifest

_REMEDIES = {
    "data": "the bars in the store are not those of the result: import the data it was made from",
    "strategy": "the strategy's code has changed since: check out the version that the result was made with",
    "arithmetic": "this version of Tidewright calculates differently: install the one named in the result",
    "result": "the same inputs gave other fills: please report this",
}


@click.command()
@click.argument("result", type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_document", is_flag=True, help="Print one JSON document instead of a table.")
@click.option(
    "--path",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder in which to look for the module of a classRef strategy.",
)
def verify(result: Path, as_document: bool, paths: tuple[Path, ...]) -> None:
    """Run RESULT again and compare the digests of data, strategy and result.

    RESULT is the result.json that `tidewright run` wrote, or the folder that holds it.

    \b
    Examples:
      tidewright verify tidewright-results/demo/result.json
      tidewright verify colleague/result.json --path colleague/strategies

    Exit codes: 0 everything is the same, 1 something differs, 2 it cannot be run again.
    """
    try:
        record = read_record(result)
    except NoResult as error:
        raise click.BadParameter(str(error), param_hint="RESULT") from None
    try:
        found = _again(record, result, paths)
    except InputRefused as refusal:
        raise click.ClickException(f"{result} cannot be run again:\n{refusal}") from None
    except StrategyError as error:
        click.echo(f"Error: {error}", err=True)
        raise click.exceptions.Exit(FAILED) from None
    rows = comparison(record["provenance"], document_of(found)["provenance"])
    same = all(before == now for _, before, now in rows)
    if as_document:
        items = [{"name": name, "recorded": before, "now": now, "same": before == now} for name, before, now in rows]
        click.echo(as_json({"kind": "Verification", "name": record["name"], "same": same, "digests": items}), nl=False)
    else:
        _show(record["name"], rows, same)
    if not same:
        raise click.exceptions.Exit(FAILED)


def comparison(recorded: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, recorded value and present value of each part of the provenance that must be the same."""
    return [
        ("data", recorded["data"]["digest"], now["data"]["digest"]),
        ("strategy", recorded["strategy"]["digest"], now["strategy"]["digest"]),
        ("arithmetic", str(recorded["engine"]["arithmeticRevision"]), str(ARITHMETIC_REVISION)),
        ("result", recorded["digest"], now["digest"]),
    ]


def _again(record: dict[str, Any], result: Path, paths: tuple[Path, ...]) -> BacktestFindings:
    document = Document(str(result), record, {})
    try:
        resource = BacktestRun.model_validate(
            {
                "apiVersion": API_VERSION,
                "kind": record["kind"],
                "metadata": {"name": record["name"]},
                "spec": record["spec"],
            }
        )
    except ValidationError as error:
        details = error.errors()[0]
        where = ".".join(map(str, details["loc"]))
        raise InputRefused([document.problem((), f"its {where} is not what a run writes: {details['msg']}")]) from None
    folders = [
        *paths,
        *list(result.resolve().parents)[:3],
        Path(record["provenance"].get("manifest") or ".").resolve().parent,
        Path.cwd(),
    ]
    plan = plan_backtest(resource, document, Manifest(), folders)
    with steps(Console(stderr=True), record["name"]) as stage:
        history = record["provenance"]["data"]["warmupBars"]
        return run_backtest(
            plan, stores(os.environ), lambda name: stage(name, STAGES.index(name) / len(STAGES)), history
        )


def _show(name: str, rows: list[tuple[str, str, str]], same: bool) -> None:
    console = Console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("", name, "Recorded", "Now"):
        table.add_column(title)
    for part, before, now in rows:
        table.add_row("[green]✓[/]" if before == now else "[bold red]✗[/]", part, before[:23], now[:23])
    console.print(table)
    if same:
        console.print("[green]The same, bit for bit.[/]")
        return
    first = next(part for part, before, now in rows if before != now)
    console.print(f"[bold red]Not the same:[/] {_REMEDIES[first]}.", soft_wrap=True)
