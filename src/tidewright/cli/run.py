"""`tidewright run`: resources in, results out."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tidewright.adapters.results import as_json
from tidewright.cli.endings import FAILED, REFUSED
from tidewright.cli.progress import steps
from tidewright.cli.runner import Runner, RunOptions, runners
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.runs.refusal import InputRefused
from tidewright.specs.manifest import Manifest
from tidewright.specs.problems import Problem

RESULTS = Path("tidewright-results")
"""Where results go, one folder a run, unless --output says otherwise."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder for the results  [default: {RESULTS}/NAME]",
)
@click.option("--json", "as_document", is_flag=True, help="Print one JSON document instead of a table.")
@click.option("--report/--no-report", default=True, show_default=True, help="Whether to write report.html.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no table.")
def run(files: tuple[Path, ...], output: Path | None, as_document: bool, report: bool, quiet: bool) -> None:
    """Run every resource in the files that can be run.

    A BacktestRun brings its strategy in place or names a TradingStrategy from one of the files. All files are checked before
    anything runs, and everything wrong with them is told at once.

    \b
    Writes to the output folder:
      result.json      the record: figures, intervals, checks, warnings, provenance
      report.html      the report, in one file that opens offline
      trades.parquet   one row a trade
      fills.parquet    one row a fill
      equity.parquet   one row a bar

    \b
    Examples:
      tidewright run manifests/samples/backtestrun-demo.yaml
      tidewright run strategy.yaml backtest.yaml --output results/today
      tidewright run backtest.yaml --json | jq .result.sharpe
      cat backtest.yaml | tidewright run -

    Exit codes: 0 done, 1 failed, 2 refused input.
    """
    console = Console(stderr=True)
    try:
        records = _run_all(files, output, report, console, silent=quiet)
    except InputRefused as refusal:
        _refuse(refusal.problems, as_document=as_document)
    except StrategyError as error:
        _fail(error, as_document=as_document)
    if as_document:
        documents = [record for _, record in records]
        click.echo(as_json(documents[0] if len(documents) == 1 else {"kind": "List", "items": documents}), nl=False)
    elif not quiet:
        for runner, record in records:
            runner.show(record, Console())


def _run_all(
    files: tuple[Path, ...], output: Path | None, report: bool, console: Console, *, silent: bool
) -> list[tuple[Runner, dict[str, Any]]]:
    manifest = read_manifest(files)
    import_from = list(dict.fromkeys([*(path.resolve().parent for path in files if str(path) != "-"), Path.cwd()]))
    installed = runners()
    chosen: dict[str, Runner] = {}
    planned: list[tuple[Runner, object, RunOptions]] = []
    problems: list[Problem] = []
    runnable = [key for key in manifest.resources if key[0] in installed]
    for kind, name in runnable:
        resource, document = manifest.resources[kind, name]
        folder = (output or RESULTS / name) if len(runnable) == 1 else (output or RESULTS) / name
        options = RunOptions(folder, report, import_from)
        runner = chosen.setdefault(kind, installed[kind].load()())
        try:
            planned.append((runner, runner.plan(resource, document, manifest, options), options))
        except InputRefused as refusal:
            problems.extend(refusal.problems)
    if not runnable:
        problems.append(_nothing_to_run(files, manifest, sorted(installed)))
    if problems:
        raise InputRefused(dict.fromkeys(problems))
    if any(runner.needs_compiling() for runner in chosen.values()):
        console.print("Compiling the market arithmetic for this machine: once after installation, about half a minute.")
    done = []
    for runner, plan, options in planned:
        with steps(console, options.folder.name, silent=silent) as stage:
            done.append((runner, runner.run(plan, options, stage)))
    return done


def read_manifest(files: tuple[Path, ...]) -> Manifest:
    """The resources of the files; raises InputRefused with everything that is wrong with any of them."""
    manifest = Manifest()
    for path in files:
        try:
            text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            remedy = _similar(path) if not path.exists() else ""
            manifest.problems.append(Problem(str(path), 0, (), f"cannot be read: {reason}{remedy}"))
        else:
            manifest.read("standard input" if str(path) == "-" else str(path), text)
    if manifest.problems:
        raise InputRefused(manifest.problems)
    return manifest


def _similar(path: Path) -> str:
    """The YAML files beside a missing one."""
    with suppress(OSError):
        names = sorted(other.name for other in path.parent.glob("*.y*ml"))[:5]
        if names:
            return f"; in {path.parent} there are {', '.join(names)}"
    return "; check the path"


def _nothing_to_run(files: tuple[Path, ...], manifest: Manifest, kinds: list[str]) -> Problem:
    held = ", ".join(f"{kind} {name}" for kind, name in manifest.resources) or "no resource"
    return Problem(", ".join(map(str, files)), 0, (), f"nothing to run: it holds {held}; add a {' or '.join(kinds)}")


def _refuse(problems: tuple[Problem, ...], *, as_document: bool) -> None:
    if as_document:
        click.echo(as_json({"kind": "Refusal", "problems": [problem.record() for problem in problems]}), nl=False)
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    raise click.exceptions.Exit(REFUSED)


def _fail(error: StrategyError, *, as_document: bool) -> None:
    if as_document:
        click.echo(as_json({"kind": "Failure", "message": str(error)}), nl=False)
    click.echo(f"Error: {error}", err=True)
    for line in _where(error):
        click.echo(line, err=True)
    raise click.exceptions.Exit(FAILED)


def _where(error: StrategyError) -> list[str]:
    """The last lines of the strategy's own traceback."""
    import traceback  # noqa: PLC0415

    if error.__cause__ is None:
        return []
    return [
        f"  {frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}"
        for frame in traceback.extract_tb(error.__cause__.__traceback__)[-3:]
    ]
