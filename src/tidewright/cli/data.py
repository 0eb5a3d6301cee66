# ruff: noqa: PLC0415 - click reads backspaces in docstrings, and help must not wait for imports
"""``tidewright data``: bars into the local store, and what is in it.

Only click is imported here at the top, so that help and completion are instant; each command imports what it needs.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click

from tidewright.cli.data_download import download
from tidewright.cli.data_resample import resample
from tidewright.cli.market_options import Timeframe, named, opened_store, reported

if TYPE_CHECKING:
    from tidewright.adapters.bar_file import Reading
    from tidewright.domain.bars import Market
    from tidewright.ports import BarStore

_Item = TypeVar("_Item")
_FIELDS = ("time", "open", "high", "low", "close", "volume")


def _columns(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for value in values:
        field, equals, name = value.partition("=")
        if field not in _FIELDS or not equals or not name:
            message = f"{value!r}: write FIELD=NAME, where FIELD is one of {', '.join(_FIELDS)}"
            raise click.BadParameter(message, context, parameter)
        columns[field] = name
    return columns


@click.group()
def data() -> None:
    """Bring bars into the local store, and see what is in it.

    \b
    Examples:
      tidewright data download --exchange binance --symbol BTC/USDT --timeframe 1h --start 2020-01-01
      tidewright data import BTC_USDT-1h.feather --exchange binance --symbol BTC/USDT --timeframe 1h
      tidewright data resample --exchange binance --symbol BTC/USDT --from 1h --to 1d
      tidewright data list
      tidewright data show binance BTC/USDT 1h
      tidewright data verify

    The store is the folder $TIDEWRIGHT_DATA, or else ~/.local/share/tidewright/data.
    The exchange `simulated` is the embedded market, which needs no import.
    """


@data.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--exchange", required=True, callback=named("Exchange"), help="Exchange that the bars are from, such as binance."
)
@click.option("--symbol", required=True, callback=named("Symbol"), help="What was traded, such as BTC/USDT.")
@click.option("--timeframe", required=True, type=Timeframe(), metavar="TIMEFRAME", help="Length of a bar, such as 1h.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    callback=_columns,
    help="The column of a field (time, open, high, low, close, volume); by number in a file without a header line.",
)
@click.option(
    "--time-is",
    type=click.Choice(["open", "close"]),
    default="open",
    show_default=True,
    help="Which end of the bar its time stands for.",
)
@click.option("--sort", is_flag=True, help="Put rows in order of time.")
@click.option("--drop-duplicates", is_flag=True, help="Keep one of rows that are the same.")
@click.option("--replace", is_flag=True, help="Let the files' values replace stored ones that differ.")
def import_(
    files: tuple[Path, ...],
    exchange: str,
    symbol: str,
    timeframe: str,
    columns: dict[str, str],
    time_is: Literal["open", "close"],
    sort: bool,
    drop_duplicates: bool,
    replace: bool,
) -> None:
    """Add the bars in FILES to the local store.

    Reads CSV, Parquet and Feather. Columns and the unit of times are recognised; times without a zone are UTC and
    name the bar's opening. Importing a file again changes nothing. Gaps are listed and never filled; a file whose
    content is broken is refused as a whole, with every reason.

    \b
    Examples:
      tidewright data import BTC_USDT-1h.feather --exchange binance --symbol BTC/USDT --timeframe 1h
      tidewright data import BTCUSDT-1h-2024-*.csv --exchange binance --symbol BTC/USDT --timeframe 1h
      tidewright data import gemini.csv --exchange gemini --symbol BTC/USD --timeframe 1d \\
          --column time=unix --column volume="Volume BTC" --sort
    """
    from tidewright.adapters.bar_file import Reading
    from tidewright.domain.bars import Market

    reading = Reading(columns, time_is, sort, drop_duplicates)
    store = opened_store()
    for path in _progress("Importing", files):
        _import(store, path, Market(exchange, symbol, timeframe), reading, replace=replace)


data.add_command(download)
data.add_command(resample)


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    """List every market that can be tested on.

    \b
    Examples:
      tidewright data list
      tidewright data list --json | jq -r '.[] | select(.gaps > 0) | .symbol'
    """
    from tidewright.cli import data_view

    stored = opened_store().markets()
    if as_json:
        click.echo(json.dumps([data_view.document(market) for market in stored], indent=2))
    else:
        data_view.print_markets(stored)


@data.command()
@click.argument("exchange")
@click.argument("symbol")
@click.argument("timeframe", type=Timeframe(), metavar="TIMEFRAME")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(exchange: str, symbol: str, timeframe: str, as_json: bool) -> None:
    """Show one market: what it covers, its gaps, its quality and its prices.

    \b
    Examples:
      tidewright data show binance BTC/USDT 1h
      tidewright data show simulated ETH/USDT 1d --json
    """
    from tidewright.cli import data_view
    from tidewright.domain.bars import Market

    store, market = opened_store(), Market(exchange, symbol, timeframe)
    with reported():
        stored, bars = store.describe(market), store.read(market)
    if as_json:
        click.echo(json.dumps(data_view.details(stored, bars), indent=2))
    else:
        data_view.print_details(stored, bars)


@data.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def verify(context: click.Context, as_json: bool) -> None:
    """Read every stored market again and compare it with its recorded digest and the quality rules.

    Exits with 1 if any market is damaged.

    \b
    Examples:
      tidewright data verify
      tidewright data verify --json
    """
    from tidewright.adapters.stores import faults
    from tidewright.cli import data_view

    store = opened_store()
    found = [(stored, faults(store, stored)) for stored in _progress("Verifying", store.markets())]
    if as_json:
        documents = [
            data_view.document(stored) | {"sound": not problems, "faults": list(problems)} for stored, problems in found
        ]
        click.echo(json.dumps(documents, indent=2))
    else:
        data_view.print_verification(found)
    if any(problems for _, problems in found):
        context.exit(1)


def _import(store: "BarStore", path: Path, market: "Market", reading: "Reading", *, replace: bool) -> None:
    from tidewright.adapters.bar_file import read_bars
    from tidewright.cli import data_view

    with reported(path):
        file = read_bars(path, market, reading)
        merged = store.merge(file.bars, file.source, replace=replace)
    data_view.print_import(path, file, merged)


def _progress(description: str, items: Sequence[_Item]) -> Iterable[_Item]:
    """The items, with a progress bar on a terminal while there is more than a moment's work."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, description, console=console, transient=True, disable=not console.is_terminal)
