"""`tidewright run`: resources in, results out."""

import errno
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.results import as_json
from tidewright.adapters.run_books import NotBooked, book_result, check_book
from tidewright.adapters.trackers import check_tracking, track_result
from tidewright.cli.progress import steps
from tidewright.cli.refusals import refused, told
from tidewright.cli.runner import Runner, RunOptions, runners
from tidewright.ports import TrackingFailed
from tidewright.runs.refusal import InputRefused, collected
from tidewright.runs.tracking import run_digest
from tidewright.specs.manifest import Manifest
from tidewright.specs.problems import Problem, nearest

RESULTS = Path("tidewright-results")
"""Where results go, one folder a run, unless --output says otherwise."""

_LISTED = 5
_BACKTEST = "BacktestRun"
"""The kind that books are of."""
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
@click.option(
    "--track",
    envvar="TIDEWRIGHT_TRACKING",
    metavar="URL",
    show_envvar=True,
    help="Tell an MLflow server, a sqlite: or a file: URL of each backtest and study once it is done (docs/tracking.md).",
)
@click.option(
    "--book",
    envvar="TIDEWRIGHT_DATABASE",
    metavar="URL",
    show_envvar=True,
    help="Put each backtest into the tables of a database, postgresql://..., once it is done; `tidewright compare --from` ranks them.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress and no table.")
def run(
    files: tuple[Path, ...],
    output: Path | None,
    as_document: bool,
    report: bool,
    track: str | None,
    book: str | None,
    quiet: bool,
) -> None:
    """Run every resource in the files that can be run.

    A BacktestRun or an OptimizationStudy brings its strategy in place or names a TradingStrategy from one of the files. All files are checked before
    anything runs, and everything wrong with them is told at once.

    \b
    Writes to the output folder:
      result.json      the record: figures, intervals, checks, warnings, provenance
      report.html      the report, in one file that opens offline
      trades.parquet   one row a trade
      fills.parquet    one row a fill
      equity.parquet   one row a bar
      refusals.parquet one row an order that was not filled, where there are any
    and of a study trials.parquet, returns.parquet and the out-of-sample equity; its trials stay in the folder study, from which
    the same command goes on.

    \b
    Examples:
      tidewright run manifests/samples/backtestrun-demo.yaml
      tidewright run manifests/samples/optimizationstudy.yaml
      tidewright run strategy.yaml backtest.yaml --output results/today
      tidewright run backtest.yaml --json | jq .result.sharpe
      cat backtest.yaml | tidewright run -

    Exit codes: 0 done, 1 failed, 2 refused input.
    """
    with told(as_document=as_document):
        records = _run_all(files, output, report, _Told(_tracker(track), _book(book)), silent=quiet)
    if as_document:
        documents = [record for _, record in records]
        click.echo(as_json(documents[0] if len(documents) == 1 else {"kind": "List", "items": documents}), nl=False)
    elif not quiet:
        for runner, record in records:
            runner.show(record, Console())


def _tracker(url: str | None) -> str:
    """The URL of a tracker, nothing where there is none; raises InputRefused before anything is run."""
    try:
        return check_tracking(url) if url else ""
    except UrlRefused as error:
        raise refused("--track", str(error)) from None


def _book(url: str | None) -> str:
    """The URL of a book of runs, nothing where there is none; raises InputRefused before anything is run."""
    try:
        return check_book(url) if url else ""
    except UrlRefused as error:
        raise refused("--book", str(error)) from None


@dataclass(frozen=True, slots=True)
class _Told:
    """Who is told of each result once it is written: URLs, nothing where there is none."""

    tracker: str
    book: str


def _run_all(
    files: tuple[Path, ...], output: Path | None, report: bool, told_of: _Told, *, silent: bool
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
            record = runner.run(plan, options, stage)
        if told_of.tracker:
            _track(told_of.tracker, record, options.folder, silent=silent)
        if told_of.book and record["kind"] == _BACKTEST:
            _put_down(told_of.book, record, options.folder)
        done.append((runner, record))
    return done


def _track(url: str, record: dict[str, Any], folder: Path, *, silent: bool) -> None:
    """Tell the tracker of a result that is written already; one that cannot be told is warned of, and no reason to fail."""
    try:
        place = track_result(url, record, folder)
    except TrackingFailed as error:
        click.echo(f"Warning: {record['name']} is not tracked: {error}", err=True)
    else:
        if not silent:
            click.echo(f"Tracked: {place}", err=True)


def _put_down(url: str, record: dict[str, Any], folder: Path) -> None:
    """Put a result that is written already into the book; as with a tracker, what cannot be done is warned of."""
    try:
        book_result(url, run_digest(record), record, folder)
    except NotBooked as error:
        click.echo(f"Warning: {record['name']} is not in the book: {error}", err=True)


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
