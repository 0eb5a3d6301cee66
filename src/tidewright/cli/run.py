"""`tidewright run`: resources in, results out."""

import errno
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tidewright.adapters.results import as_json
from tidewright.cli.progress import steps
from tidewright.cli.refusals import refused, told
from tidewright.cli.runner import Runner, RunOptions, runners
from tidewright.runs.refusal import InputRefused, collected
from tidewright.specs.manifest import Manifest
from tidewright.specs.problems import Problem, nearest

RESULTS = Path("tidewright-results")
"""Where results go, one folder a run, unless --output says otherwise."""

_LISTED = 5
_COMPILING = "Compiling the market arithmetic for this machine: once after installation, up to half a minute."


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
      refusals.parquet one row an order that was not filled, where there are any

    \b
    Examples:
      tidewright run manifests/samples/backtestrun-demo.yaml
      tidewright run strategy.yaml backtest.yaml --output results/today
      tidewright run backtest.yaml --json | jq .result.sharpe
      cat backtest.yaml | tidewright run -

    Exit codes: 0 done, 1 failed, 2 refused input.
    """
    with told(as_document=as_document):
        records = _run_all(files, output, report, silent=quiet)
    if as_document:
        documents = [record for _, record in records]
        click.echo(as_json(documents[0] if len(documents) == 1 else {"kind": "List", "items": documents}), nl=False)
    elif not quiet:
        for runner, record in records:
            runner.show(record, Console())


def _run_all(
    files: tuple[Path, ...], output: Path | None, report: bool, *, silent: bool
) -> list[tuple[Runner, dict[str, Any]]]:
    console = Console(stderr=True)
    manifest = read_manifest(files)
    import_from = list(dict.fromkeys([*(path.resolve().parent for path in files if str(path) != "-"), Path.cwd()]))
    installed = runners()
    runnable = [key for key in manifest.resources if key[0] in installed]
    chosen: dict[str, Runner] = {kind: installed[kind].load()() for kind in {kind for kind, _ in runnable}}
    problems = [*manifest.problems, *_not_run(manifest, sorted(installed))]
    planned: list[tuple[Runner, str, object, RunOptions]] = []
    for kind, name in runnable:
        resource, document = manifest.resources[kind, name]
        folder = (output or RESULTS / name) if len(runnable) == 1 else (output or RESULTS) / name
        options = RunOptions(folder, report, import_from)
        with collected(problems):
            planned.append((chosen[kind], name, chosen[kind].plan(resource, document, manifest, options), options))
    if not runnable and not problems:
        raise refused(", ".join(map(str, files)), _nothing_to_run(manifest, sorted(installed)))
    if problems:
        raise InputRefused(problems)
    if not silent and any(runner.needs_compiling(plan) for runner, _, plan, _ in planned):
        console.print(_COMPILING, soft_wrap=True)
    done = []
    for runner, name, plan, options in planned:
        with steps(console, name, silent=silent) as stage:
            done.append((runner, runner.run(plan, options, stage)))
    return done


def read_manifest(files: tuple[Path, ...]) -> Manifest:
    """The resources of the files, and everything that is wrong with any of them."""
    manifest = Manifest()
    for path in files:
        try:
            text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            manifest.problems.append(Problem(str(path), 0, (), f"cannot be read: {_why_unread(path, error)}"))
        else:
            manifest.read("standard input" if str(path) == "-" else str(path), text)
    return manifest


def _why_unread(path: Path, error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not a text file in UTF-8; name a YAML file"
    folders = {errno.ENOENT: path.parent, errno.EISDIR: path}
    beside = folders.get(error.errno or 0)
    return f"{error.strerror}{_similar(path.name, beside) if beside else ''}; name a YAML file that may be read"


def _similar(name: str, folder: Path) -> str:
    """The YAML files that may have been meant."""
    with suppress(OSError):
        names = sorted(file.name for file in folder.glob("*.y*ml"))
        listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
        return f"{nearest(name, names)}; in {folder} there are {listed}" if names else ""
    return ""


def _not_run(manifest: Manifest, kinds: list[str]) -> Iterator[Problem]:
    """A problem for every piece of work of a kind that has no runner."""
    if {kind for kind, _ in manifest.resources} <= set(kinds):
        return
    from tidewright.specs.kinds import KINDS  # noqa: PLC0415 - imports the models of all kinds

    for kind in KINDS:
        if kind.is_work and kind.name not in kinds:
            message = f"this version cannot run it yet, only check it; take it out of the file (what can be run: {', '.join(kinds)})"
            for _, _, document in manifest.of_kind(kind.name):
                yield document.problem(("kind",), message, kind.name)


def _nothing_to_run(manifest: Manifest, kinds: list[str]) -> str:
    held = " and ".join(f"the {kind} {name}" for kind, name in manifest.resources) or "no resource"
    return f"nothing to run: there is {held}; add a {' or '.join(kinds)}"
