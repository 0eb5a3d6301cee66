"""`tidewright verify`: the same again, and is it the same?"""

import os
from math import isclose
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidewright.adapters.engines import find_engine
from tidewright.adapters.results import NoResult, as_json, read_record
from tidewright.adapters.stores import stores
from tidewright.cli.endings import FAILED
from tidewright.cli.progress import steps
from tidewright.cli.refusals import refused, told
from tidewright.domain.provenance import record_digest
from tidewright.runs.backtest import PROVING, STAGES, run_backtest
from tidewright.runs.plan import plan_backtest
from tidewright.runs.record import document_of
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import API_VERSION, Document, Manifest

_REMEDIES = {
    "spec": "the spec in the file is not the one that was run: somebody has edited it",
    "data": "the bars in the store are not those of the result: import the data it was made from",
    "funding": "the funding rates in the store are not those of the result: import the rates it was made from",
    "strategy": "the strategy's code has changed since: check out the version that the result was made with",
    "arithmetic": "this version of Tidewright calculates differently: install the one named in the result",
    "result": "the same inputs gave other fills: the digest in the file was edited, or please report this",
    "figures": "the figures in the file are not those of its fills: somebody has edited them",
    "warnings": "the warnings in the file are not those of the run: somebody has edited them",
}
_SHOWN = 24

Record = dict[str, Any]
Comparison = list[tuple[str, str, str]]
"""Name, recorded value and present value of each part of a result that must be the same."""


class _Recorded(NamedTuple):
    """A record, and what it takes to run it again."""

    record: Record
    run: BacktestRun
    document: Document
    history: tuple[int, ...]
    folders: tuple[Path, ...]


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
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
    with told(as_document=as_document):
        recorded = _recorded(result)
        rows = comparison(recorded.record, _again(recorded, paths))
    record = recorded.record
    same = all(before == now for _, before, now in rows)
    if as_document:
        parts = [{"name": name, "recorded": before, "now": now, "same": before == now} for name, before, now in rows]
        click.echo(as_json({"kind": "Verification", "name": record["name"], "same": same, "parts": parts}), nl=False)
    else:
        _show(record["name"], rows, same)
    if not same:
        raise click.exceptions.Exit(FAILED)


def comparison(recorded: Record, now: Record) -> Comparison:
    """What must be the same in two records of one run, those first that the rest follows from.

    Figures may differ in the last digits, which are the machine's mathematical library's.
    """
    before, after = recorded["provenance"], now["provenance"]
    return [
        ("spec", before["spec"]["digest"], record_digest(recorded["spec"])),
        ("data", before["data"]["digest"], after["data"]["digest"]),
        *_compared_symbols(before["data"], after["data"]),
        *_compared_funding(before["data"], after["data"]),
        ("strategy", before["strategy"]["digest"], after["strategy"]["digest"]),
        ("arithmetic", str(before["engine"]["arithmeticRevision"]), str(after["engine"]["arithmeticRevision"])),
        ("result", before["digest"], after["digest"]),
        _compared_figures(recorded, now),
        ("warnings", _reasons(recorded), _reasons(now)),
    ]


def _compared_symbols(before: Record, after: Record) -> Comparison:
    """Of several symbols, those whose bars are not the same."""
    recorded, now = (
        {symbol: one["digest"] for symbol, one in data.get("symbols", {}).items()} for data in (before, after)
    )
    return [
        (f"data of {symbol}", digest, now.get(symbol, "none"))
        for symbol, digest in recorded.items()
        if digest != now.get(symbol)
    ]


def _compared_funding(before: Record, after: Record) -> Comparison:
    """Nothing where neither run had funding."""
    paid = [
        {
            symbol: one["funding"]["digest"]
            for symbol, one in data.get("symbols", {"": data}).items()
            if "funding" in one
        }
        for data in (before, after)
    ]
    digests = [next(iter(by.values())) if len(by) == 1 else record_digest(by) if by else "none" for by in paid]
    return [("funding", digests[0], digests[1])] if digests != ["none", "none"] else []


def _reasons(record: Record) -> str:
    return ", ".join(warning["reason"] for warning in record["warnings"])


def _compared_figures(recorded: Record, now: Record) -> tuple[str, str, str]:
    before, after = _figures(recorded), _figures(now)
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        if one != other and not (one and other and isclose(one, other, rel_tol=1e-9)):
            return "figures", f"{name} {one}", f"{name} {other}"
    return "figures", f"{len(before)} figures", f"{len(after)} figures"


def _figures(record: Record) -> dict[str, float | None]:
    """Every number of a record by name, the two ends of an interval each for itself."""
    parts = {part: record[part] for part in ("result", "benchmark", "intervals")}
    parts |= {
        one["symbol"]: {name: figure for name, figure in one.items() if name != "symbol"}
        for one in record.get("symbols", [])
    }
    return {
        ".".join((part, name, *([str(index)] if isinstance(value, list) else []))): figure
        for part, figures in parts.items()
        for name, value in figures.items()
        for index, figure in enumerate(value if isinstance(value, list) else [value])
    }


def _recorded(result: Path) -> _Recorded:
    """The record in a file, and the resource that is run again; raises InputRefused for what is not the whole record of a run."""
    try:
        record = read_record(result)
        comparison(record, record)  # reads every part that there must be
        spec, provenance = record["spec"], record["provenance"]
        pinless = {name: value for name, value in spec["data"].items() if name != "digest"}  # which is compared instead
        resource = {"apiVersion": API_VERSION, "kind": record["kind"], "metadata": {"name": record["name"]}}
        document = Document(str(result), {**resource, "spec": {**spec, "data": pinless}}, {(): 0})
        data = provenance["data"]
        symbols = spec["strategy"]["symbols"]
        by_symbol = data["symbols"] if len(symbols) > 1 else {symbols[0]: data}
        history = tuple(max(int(by_symbol[symbol]["warmupBars"]), 0) for symbol in symbols)
        folders = result.resolve().parent, Path(provenance["manifest"] or ".").resolve().parent
    except NoResult as error:
        raise refused("", str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise refused(result, f"is not the whole record of a run ({error!r}); run the resource again") from None
    if record["kind"] != BacktestRun.__name__:
        raise refused(result, f"is the record of another kind, {record['kind']}; name that of a BacktestRun")
    manifest = Manifest()
    manifest.add(document)
    if manifest.problems:
        raise InputRefused(manifest.problems)
    run = next(iter(manifest.resources.values()))[0]
    assert isinstance(run, BacktestRun)  # noqa: S101
    return _Recorded(record, run, document, history, folders)


def _again(recorded: _Recorded, paths: tuple[Path, ...]) -> Record:
    """The record of the same run, made again with as much history before it."""
    folders = [*paths, *recorded.folders, Path.cwd()]
    plan = plan_backtest(recorded.run, recorded.document, Manifest(), folders, find_engine=find_engine)
    with steps(Console(stderr=True), plan.name) as stage:
        found = run_backtest(
            plan,
            stores(os.environ),
            lambda name: stage(name, STAGES.index(name) / len(STAGES)),
            recorded.history,
            lambda done: stage(PROVING, (STAGES.index(PROVING) + done) / len(STAGES)),
        )
    return document_of(found)


def _show(name: str, rows: Comparison, same: bool) -> None:
    console = Console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("", name, "Recorded", "Now"):
        table.add_column(Text(title))
    for part, before, now in rows:
        mark = "[green]✓[/]" if before == now else "[bold red]✗[/]"
        table.add_row(
            mark, part, *(Text(value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…") for value in (before, now))
        )
    console.print(table)
    if same:
        console.print("[green]The same, bit for bit.[/]")
        return
    first = next(part for part, before, now in rows if before != now)
    console.print(f"[bold red]Not the same:[/] {_REMEDIES[first.partition(' of ')[0]]}.", soft_wrap=True)
