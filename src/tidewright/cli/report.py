"""`tidewright report`: the page again, from a result's files alone."""

from pathlib import Path

import click

from tidewright.adapters.atomic import atomic_write
from tidewright.adapters.results import NoResult, read_record, read_table
from tidewright.cli.run_backtest import write_report


@click.command()
@click.argument("result", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write  [default: report.html beside RESULT]",
)
@click.option("--open", "show", is_flag=True, help="Open the report in the browser.")
def report(result: Path, output: Path | None, show: bool) -> None:
    """Write the HTML report of RESULT again.

    RESULT is the result.json that `tidewright run` wrote, or the folder that holds it; equity.parquet and trades.parquet must
    be beside it. Neither the market's data nor the strategy is needed.

    \b
    Examples:
      tidewright report tidewright-results/demo/result.json --open
      tidewright report tidewright-results/demo -o /tmp/for-the-committee.html
    """
    try:
        record = read_record(result)
    except NoResult as error:
        raise click.BadParameter(str(error), param_hint="RESULT") from None
    folder = result if result.is_dir() else result.parent
    tables = []
    for name in ("equity.parquet", "trades.parquet"):
        try:
            tables.append(read_table(folder / name))
        except (OSError, ValueError) as error:
            raise click.ClickException(f"{folder / name} cannot be read ({error}); run the resource again") from None
    target = output or folder / "report.html"
    atomic_write(target, lambda path: write_report(path, record, *tables))
    click.echo(target)
    if show:
        click.launch(target.resolve().as_uri())
