# ruff: noqa: PLC0415 - help must not wait for imports
"""``tidewright data resample``: longer bars out of stored ones."""

import click

from tidewright.cli.market_options import Timeframe, named, opened_store, reported


@click.command()
@click.option("--exchange", required=True, callback=named("Exchange"), help="Exchange that the bars are from.")
@click.option("--symbol", required=True, callback=named("Symbol"), help="What is traded, such as BTC/USDT.")
@click.option(
    "--from", "shorter", required=True, type=Timeframe(), metavar="TIMEFRAME", help="Length of the stored bars."
)
@click.option(
    "--to", "longer", required=True, type=Timeframe(), metavar="TIMEFRAME", help="Length of the bars to make."
)
@click.option(
    "--incomplete",
    type=click.Choice(["drop", "keep"]),
    default="drop",
    show_default=True,
    help="What to do with a bar that some of its parts are missing for.",
)
@click.option("--replace", is_flag=True, help="Let the bars that are made replace stored ones that differ.")
def resample(exchange: str, symbol: str, shorter: str, longer: str, incomplete: str, replace: bool) -> None:
    """Make longer bars out of stored ones.

    Bars are aligned to the UTC grid, weeks to Mondays. Volumes are added exactly, as the decimal numbers they are. A
    bar that has missing parts is left out, or made of what there is, as exchanges do after an outage (--incomplete
    keep); the first and the last bar are left out either way. Gaps are never filled.

    \b
    Examples:
      tidewright data resample --exchange binance --symbol BTC/USDT --from 1m --to 1h
      tidewright data resample --exchange binance --symbol BTC/USDT --from 1h --to 1d --incomplete keep
    """
    from tidewright.cli.download_view import print_resampled
    from tidewright.domain import resampling
    from tidewright.domain.bars import Market
    from tidewright.ports import Source

    store, source = opened_store(), Market(exchange, symbol, shorter)
    keep = incomplete == "keep"
    with reported():
        stored = store.describe(source)
        made = resampling.resample(store.read(source), longer, keep_incomplete=keep)
        merged = store.merge(made.bars, Source(f"{shorter} bars", stored.digest, stored.simulated), replace=replace)
    print_resampled(source, made, merged, kept=keep)
