# ruff: noqa: PLC0415 - click reads backspaces in docstrings, and help must not wait for imports
"""``tidewright data``: bars and funding into the local store, and what is in it.

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
_FIELDS = ("time", "open", "high", "low", "close", "volume", "rate")


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
    """Bring bars and funding into the local store, and see what is in it.

    \b
    Examples:
      tidewright data download --exchange binance --symbol BTC/USDT --timeframe 1h --start 2020-01-01
      tidewright data import BTC_USDT-1h.feather --exchange binance --symbol BTC/USDT --timeframe 1h
      tidewright data import funding.csv --funding --exchange binance --symbol BTC/USDT:USDT
      tidewright data resample --exchange binance --symbol BTC/USDT --from 1h --to 1d
      tidewright data list
      tidewright data show binance BTC/USDT 1h
      tidewright data verify

    The store is the folder $TIDEWRIGHT_DATA, or else ~/.local/share/tidewright/data; or what the URL $TIDEWRIGHT_STORE names,
    such as postgresql://user@host/database.
    The exchange `simulated` is the embedded market, which needs no import.
    """


@data.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--exchange", required=True, callback=named("Exchange"), help="Exchange that the bars are from, such as binance."
)
@click.option("--symbol", required=True, callback=named("Symbol"), help="What was traded, such as BTC/USDT.")
@click.option("--timeframe", type=Timeframe(), metavar="TIMEFRAME", help="Length of a bar, such as 1h.")
@click.option("--funding", is_flag=True, help="The files hold the funding rates of a perpetual, and no bars.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    callback=_columns,
    help="The column of a field (time, open, high, low, close, volume; with --funding: time, rate); by number in a file without a header line.",
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
    timeframe: str | None,
    funding: bool,
    columns: dict[str, str],
    time_is: Literal["open", "close"],
    sort: bool,
    drop_duplicates: bool,
    replace: bool,
) -> None:
    """Add the bars, or the funding rates, in FILES to the local store.

    Reads CSV, Parquet and Feather. Columns and the unit of times are recognised; times without a zone are UTC and
    name the bar's opening. Importing a file again changes nothing. Gaps are listed and never filled; a file whose
    content is broken is refused as a whole, with every reason.

    With --funding the files hold the rates that holders of a perpetual pay each other: a time and a rate, as exchanges
    publish them, or freqtrade's funding files. The timeframe is left out.

    \b
    Examples:
      tidewright data import BTC_USDT-1h.feather --exchange binance --symbol BTC/USDT --timeframe 1h
      tidewright data import BTCUSDT-1h-2024-*.csv --exchange binance --symbol BTC/USDT --timeframe 1h
      tidewright data import gemini.csv --exchange gemini --symbol BTC/USD --timeframe 1d \\
          --column time=unix --column volume="Volume BTC" --sort
      tidewright data import BTCUSDT-fundingRate-2024-*.csv --funding --exchange binance --symbol BTC/USDT:USDT
    """
    from tidewright.adapters.bar_file import Reading
    from tidewright.domain.bars import Market

    _check_fit(timeframe, columns, funding=funding, of_bars=drop_duplicates or time_is != "open")
    if timeframe is None:
        for path in _progress("Importing", files):
            _import_funding(opened_store(), path, exchange, symbol, columns, sort=sort, replace=replace)
        return

    reading = Reading(columns, time_is, sort, drop_duplicates)
    store = opened_store()
    for path in _progress("Importing", files):
        _import(store, path, Market(exchange, symbol, timeframe), reading, replace=replace)


data.add_command(download)
data.add_command(resample)


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    """List every market that can be tested on, and the perpetuals with funding.

    \b
    Examples:
      tidewright data list
      tidewright data list --json | jq -r '.[] | select(.gaps > 0) | .symbol'
    """
    from tidewright.cli import data_view, funding_view

    store = opened_store()
    stored, funding = store.markets(), store.stored_funding()
    if as_json:
        documents = [*map(data_view.document, stored), *map(funding_view.document, funding)]
        click.echo(json.dumps(documents, indent=2))
    else:
        data_view.print_markets(stored)
        funding_view.print_list(funding)


@data.command()
@click.argument("exchange")
@click.argument("symbol")
@click.argument("timeframe", type=Timeframe(), metavar="TIMEFRAME")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(exchange: str, symbol: str, timeframe: str, as_json: bool) -> None:
    """Show one market: what it covers, its gaps, its quality, its prices and its funding.

    \b
    Examples:
      tidewright data show binance BTC/USDT 1h
      tidewright data show simulated ETH/USDT 1d --json
    """
    from tidewright.cli import data_view, funding_view
    from tidewright.domain.bars import Market

    store, market = opened_store(), Market(exchange, symbol, timeframe)
    with reported():
        stored, bars = store.describe(market), store.read(market)
        funding = funding_view.found(store, exchange, symbol)
    if as_json:
        beside = {"funding": funding_view.document(funding)} if funding else {}
        click.echo(json.dumps(data_view.details(stored, bars) | beside, indent=2))
    else:
        data_view.print_details(stored, bars, {"Funding": funding_view.summary(funding)} if funding else {})


@data.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def verify(context: click.Context, as_json: bool) -> None:
    """Read every stored market and its funding again and compare them with their recorded digests and the quality rules.

    Exits with 1 if any market is damaged.

    \b
    Examples:
      tidewright data verify
      tidewright data verify --json
    """
    from tidewright.adapters.stores import faults, funding_faults
    from tidewright.cli import data_view, funding_view

    store = opened_store()
    bars = [(stored, faults(store, stored)) for stored in _progress("Verifying", store.markets())]
    funding = [(stored, funding_faults(store, stored)) for stored in store.stored_funding()]
    if as_json:
        documents = [
            *((data_view.document(stored), problems) for stored, problems in bars),
            *((funding_view.document(stored), problems) for stored, problems in funding),
        ]
        verdicts = [about | {"sound": not problems, "faults": list(problems)} for about, problems in documents]
        click.echo(json.dumps(verdicts, indent=2))
    else:
        data_view.print_verification(
            [(str(stored.market), problems) for stored, problems in bars],
            [(str(stored), problems) for stored, problems in funding],
        )
    if any(problems for _, problems in (*bars, *funding)):
        context.exit(1)


def _import(store: "BarStore", path: Path, market: "Market", reading: "Reading", *, replace: bool) -> None:
    from tidewright.adapters.bar_file import read_bars
    from tidewright.cli import data_view

    with reported(path):
        file = read_bars(path, market, reading)
        merged = store.merge(file.bars, file.source, replace=replace)
    data_view.print_import(path, file, merged)


def _check_fit(timeframe: str | None, columns: dict[str, str], *, funding: bool, of_bars: bool) -> None:
    """Refuse options that are about bars with --funding, and the other way round."""
    if funding and (timeframe or of_bars):
        raise click.UsageError(
            "--timeframe, --time-is and --drop-duplicates are about bars; leave them out with --funding."
        )
    if not funding and timeframe is None:
        raise click.UsageError("Missing option '--timeframe'.")
    strange = columns.keys() - ({"time", "rate"} if funding else {*_FIELDS} - {"rate"})
    if strange:
        raise click.UsageError(f"--column {min(strange)}=... is of {'bars' if funding else 'funding rates'} only.")


def _import_funding(
    store: "BarStore", path: Path, exchange: str, symbol: str, columns: dict[str, str], *, sort: bool, replace: bool
) -> None:
    from tidewright.adapters.funding_file import read_funding
    from tidewright.cli import funding_view

    with reported(path):
        file = read_funding(path, columns, sort=sort)
        merged = store.merge_funding(exchange, symbol, file.funding, file.source, replace=replace)
    funding_view.print_import(path, file, merged)


def _progress(description: str, items: Sequence[_Item]) -> Iterable[_Item]:
    """The items, with a progress bar on a terminal while there is more than a moment's work."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, description, console=console, transient=True, disable=not console.is_terminal)
