"""`tidewright compare`: several results side by side."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console

from tidewright.adapters.atomic import atomic_write
from tidewright.adapters.contender_files import contender_at
from tidewright.adapters.results import RECORD, as_json
from tidewright.cli.compare_view import show
from tidewright.cli.refusals import told
from tidewright.runs.contenders import Contender, distinct_names
from tidewright.runs.leaderboard import FIGURES, Leaderboard, document_of, rank
from tidewright.runs.refusal import InputRefused, collected
from tidewright.specs.problems import Problem, nearest


def _figure(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value not in FIGURES:
        message = f"{value!r} is no figure to rank by{nearest(value, FIGURES)}; name one of {', '.join(FIGURES)}"
        raise click.BadParameter(message, context, parameter)
    return value


@click.command()
@click.argument("results", nargs=-1, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "book",
    metavar="URL",
    help="Instead of RUNs: rank the runs that were saved in a database, postgresql://..., each over its own period.",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, with --from.")
@click.option(
    "--by",
    "--metric",
    "by",
    callback=_figure,
    default="sharpe",
    show_default=True,
    metavar="FIGURE",
    help=f"What to rank by: {', '.join(FIGURES)}.",
)
@click.option(
    "--against",
    type=click.Choice(["best", "first"]),
    default="best",
    show_default=True,
    help="Whose Sharpe ratio the others are held against: the best run's, or the first one's that is named.",
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="HTML page to write.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@click.option("--json", "as_document", is_flag=True, help="Print one JSON document instead of tables.")
@click.option("--seed", type=click.IntRange(0, 2**53 - 1), default=0, show_default=True, help="Seed of the resampling.")
def compare(
    results: tuple[Path, ...],
    book: str | None,
    limit: int,
    by: str,
    against: Literal["best", "first"],
    output: Path | None,
    open_page: bool,
    as_document: bool,
    seed: int,
) -> None:
    """Rank two or more finished runs, and tell skill from luck and from differences in what they were given.

    RUN is the result.json that `tidewright run` wrote, or the folder that holds it; equity.parquet and trades.parquet must be
    beside it. Runs over different periods are measured on what they share. Runs that share nothing are refused.

    \b
    Examples:
      tidewright compare tidewright-results/*
      tidewright compare slow/ fast/ --by maxDrawdown --output compare.html --open
      tidewright compare today/ tuned/ --against first --json | jq '.runs[1].sharpeDifference'
      tidewright compare --from postgresql://reader@localhost/tidewright --by maxDrawdown --limit 10

    Exit codes: 0 done, 1 failed, 2 refused input.
    """
    if open_page and output is None:
        raise click.UsageError("--open needs a page to open; name it with --output")
    if book is not None:
        if results or output is not None:
            raise click.UsageError("--from ranks what a database has; leave RUNs and --output out, or --from.")
        from tidewright.cli.leaderboard import show_leaderboard  # noqa: PLC0415 - a database, for those who have one

        show_leaderboard(book, by, limit, as_document=as_document)
        return
    if not results:
        raise click.UsageError("Missing argument 'RUN...'.")
    with told(as_document=as_document):
        board = rank(_contenders(results), by, against, seed)
        document = document_of(board) | {"artifacts": {}}
        if output is not None:
            atomic_write(output, lambda path: _write_page(path, document, board))
            document["artifacts"] = {"report": str(output)}
    if as_document:
        click.echo(as_json(document), nl=False)
    else:
        show(document, Console())
    if open_page and output is not None:
        click.launch(output.resolve().as_uri())


def _contenders(results: tuple[Path, ...]) -> list[Contender]:
    """What the runs left behind, under names that tell them apart; raises InputRefused with everything that is wrong with any of them."""
    files = [path / RECORD if path.is_dir() else path for path in results]
    places = [file.resolve() for file in files]
    problems: list[Problem] = []
    found: list[Contender] = []
    for file, place in zip(files, places, strict=True):
        with collected(problems):
            found.append(contender_at(file))
        if places.count(place) > 1:
            problems.append(Problem(str(file), 0, (), "is named twice; name it once"))
    if len(files) < 2:
        problems.append(Problem(str(files[0]), 0, (), "one run has nothing to be compared with; name another"))
    if problems:
        raise InputRefused(problems)
    names = distinct_names([each.name for each in found], [place.parent.parts for place in places])
    return [replace(each, name=name) for each, name in zip(found, names, strict=True)]


def _write_page(path: Path, document: dict[str, Any], board: Leaderboard) -> None:
    from tidewright.report.page import render_comparison  # noqa: PLC0415 - jinja2, only where a page is written

    path.write_text(render_comparison(document, board.moments, board.worth), encoding="utf-8")
