# ruff: noqa: PLC0415 - help must not wait for imports
"""``tidewright data download``: bars and funding from an exchange into the local store."""

import json
import os
from typing import TYPE_CHECKING, Literal

import click

from tidewright.cli.endings import FAILED, INTERRUPTED
from tidewright.cli.market_options import Timeframe, named, opened_store, reported

if TYPE_CHECKING:
    from tidewright.adapters.exchange.funding import FundingOutcome
    from tidewright.adapters.exchange.order import Order, Outcome


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter(f"{value!r} is no address; write it as in https://mirror.example", context, parameter)
    return value


@click.command()
@click.option(
    "--exchange", required=True, callback=named("Exchange"), help="Exchange that the bars are from, such as binance."
)
@click.option(
    "--symbol",
    "symbols",
    required=True,
    multiple=True,
    callback=named("Symbol"),
    help="What is traded, such as BTC/USDT, or BTC/USDT:USDT for a perpetual. May be given several times.",
)
@click.option("--timeframe", type=Timeframe(), metavar="TIMEFRAME", help="Length of a bar, such as 1h.")
@click.option("--funding", is_flag=True, help="Download the funding rates of Binance's perpetuals, and no bars.")
@click.option("--start", required=True, callback=named("Time"), help="First bar: a date or an RFC 3339 time, in UTC.")
@click.option("--end", callback=named("Time"), help="Bars open before this time.  [default: the last closed bar]")
@click.option(
    "--market",
    "venue",
    type=click.Choice(["spot", "usdm"]),
    help="Market of Binance; usdm are the perpetuals.  [default: as the symbol says]",
)
@click.option("--from-trades", is_flag=True, help="Make the bars of trades instead of taking Binance's own bars.")
@click.option("--replace", is_flag=True, help="Let downloaded values replace stored ones that differ.")
@click.option(
    "--connections",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    help="How many requests are under way at a time.",
)
@click.option(
    "--archive-url", envvar="TIDEWRIGHT_ARCHIVE_URL", callback=_address, help="A mirror of Binance's archive of files."
)
@click.option(
    "--rest-url", envvar="TIDEWRIGHT_REST_URL", callback=_address, help="Another address of the exchange's API."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def download(
    context: click.Context,
    exchange: str,
    symbols: tuple[str, ...],
    timeframe: str | None,
    funding: bool,
    start: str,
    end: str | None,
    venue: Literal["spot", "usdm"] | None,
    from_trades: bool,
    replace: bool,
    connections: int,
    archive_url: str | None,
    rest_url: str | None,
    as_json: bool,
) -> None:
    """Download bars, or funding rates, from an exchange into the local store.

    What is stored already is not downloaded again: run the same command to go on after an interruption, to add what is
    new, and to repair gaps. From Binance, files of the public archive are taken, with their checksums verified, and its
    API is asked for what they lack; other exchanges are asked through ccxt. Bars are stored once they are closed.

    With --funding the timeframe is left out, and rates are stored as they were published.

    Exits with 1 if a server did not answer and something is missing still.

    \b
    Examples:
      tidewright data download --exchange binance --symbol BTC/USDT --timeframe 1h --start 2020-01-01
      tidewright data download --exchange binance --symbol BTC/USDT --symbol ETH/USDT --market usdm \\
          --timeframe 5m --start 2024-01-01 --end 2024-07-01
      tidewright data download --exchange binance --symbol BTC/USDT:USDT --funding --start 2024-01-01
      tidewright data download --exchange kraken --symbol BTC/EUR --timeframe 1d --start 2024-01-01
    """
    from tidewright.adapters.exchange.binance import Kind
    from tidewright.adapters.exchange.order import Order
    from tidewright.cli import download_view
    from tidewright.domain.bars import Market
    from tidewright.specs.quantities import epoch_milliseconds

    if funding and (timeframe or from_trades):
        raise click.UsageError("--timeframe and --from-trades are about bars; leave them out with --funding.")
    if not funding and timeframe is None:
        raise click.UsageError("Missing option '--timeframe'.")
    outcomes = []
    for symbol in symbols:
        with reported():
            order = Order(
                Market(exchange, _traded(exchange, symbol, venue), timeframe or "funding"),
                epoch_milliseconds(start),
                epoch_milliseconds(end) if end else None,
                Kind.FUNDING if funding else Kind.TRADES if from_trades else Kind.KLINES,
                replace,
                connections,
                archive_url,
                rest_url,
            )
            outcomes.append((order.market, _fulfilled(context, order)))
        if not as_json:
            download_view.print_outcome(*outcomes[-1])
    if as_json:
        click.echo(json.dumps([download_view.document(*outcome) for outcome in outcomes], indent=2))
    if any(outcome.failed and outcome.unrepaired for _, outcome in outcomes):
        context.exit(FAILED)


def _traded(exchange: str, symbol: str, venue: str | None) -> str:
    """The symbol by which a market is stored: that of a perpetual names what it is settled in."""
    if venue and exchange != "binance":
        raise ValueError(f"--market is for binance; a perpetual on {exchange} is written as in BTC/USDT:USDT")
    if venue == "spot" and ":" in symbol:
        raise ValueError(
            f"{symbol} is a perpetual and not on the spot market; write {symbol.partition(':')[0]}, or --market usdm"
        )
    return f"{symbol}:{symbol.rpartition('/')[2]}" if venue == "usdm" and ":" not in symbol else symbol


def _fulfilled(context: click.Context, order: "Order") -> "Outcome | FundingOutcome":
    import asyncio

    from rich.console import Console

    from tidewright.adapters.exchange.binance import Kind
    from tidewright.adapters.exchange.fulfil import fulfil, fulfil_funding
    from tidewright.adapters.stores import store_root
    from tidewright.cli.progress import steps

    try:
        with steps(Console(stderr=True), str(order.market)) as progress:
            arguments = order, opened_store(), store_root(os.environ) / ".downloads", progress
            if order.kind is Kind.FUNDING:
                return asyncio.run(fulfil_funding(*arguments))
            return asyncio.run(fulfil(*arguments))
    except KeyboardInterrupt:
        click.echo("Interrupted: what was downloaded is kept; the same command goes on from there.", err=True)
        context.exit(INTERRUPTED)
