"""`tidewright report`: the page again, from a result's files alone."""

from pathlib import Path

import click

from tidewright.adapters.atomic import atomic_text
from tidewright.adapters.results import NoResult, read_document, read_record, read_table
from tidewright.adapters.study_results import is_study, load
from tidewright.api import Result
from tidewright.cli.refusals import refused, told


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write  [default: report.html beside RESULT]",
)
@click.option("--open", "show", is_flag=True, help="Open the report in the browser.")
def report(result: Path, output: Path | None, show: bool) -> None:
    """Write the HTML report of RESULT again.

    RESULT is the result.json that `tidewright run` wrote of a backtest or of a study, or the folder that holds it; the tables that were written with it
    (equity.parquet and trades.parquet of a backtest, and trials.parquet of a study) must be beside it. Neither the market's data nor the strategy is needed.

    \b
    Examples:
      tidewright report tidewright-results/demo/result.json --open
      tidewright report tidewright-results/demo -o /tmp/for-the-committee.html
      tidewright report tidewright-results/ma-cross-study --open
    """
    folder = result if result.is_dir() else result.parent
    target = output or folder / "report.html"
    with told(as_document=False):
        try:
            page = _page_of_study(result) if is_study(read_document(result)) else _page_of_run(result, folder)
            atomic_text(target, page)
        except NoResult as error:
            raise refused("", str(error)) from None
        except (ValueError, FileNotFoundError) as error:
            raise refused(folder, f"its tables cannot be read ({error}); run the resource again") from None
        except KeyError as error:
            raise refused(result, f"is not the whole record of a run (no {error}); run the resource again") from None
    click.echo(target)
    if show:
        click.launch(target.resolve().as_uri())


def _page_of_run(result: Path, folder: Path) -> str:
    record = read_record(result)
    equity, trades = (read_table(folder / name) for name in ("equity.parquet", "trades.parquet"))
    return Result(record, equity, trades, fills={}).report()


def _page_of_study(result: Path) -> str:
    from tidewright.report.study_page import render_study  # noqa: PLC0415 - jinja2, only where a page is written

    study = load(result)
    return render_study(study.record, study.trials, study.equity)
