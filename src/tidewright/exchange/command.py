# ruff: noqa: PLC0415 - help must not wait for imports
"""``tidewright exchange``: the local exchange on a terminal."""

import os
import re
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tidewright.exchange.local import LocalExchange
    from tidewright.exchange.markets import ExchangeMarket

_AHEAD = 30 * 24
"""Hours that a simulation goes on."""


class Refused(click.ClickException):
    """Input that cannot be taken."""

    exit_code = 2


class Speed(click.ParamType[float]):
    """A factor, or ``max``."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - as click has it
        try:
            speed = inf if value in {"max", "0", 0} else float(value)
        except ValueError:
            speed = -1.0
        if not speed > 0:
            self.fail(f"{value!r} is no speed; give a factor such as 20, or max", param, ctx)
        return speed


class Moment(click.ParamType[int]):
    """A time, as milliseconds since the epoch."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - as click has it
        from tidewright.specs.quantities import epoch_milliseconds

        try:
            return epoch_milliseconds(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time; write a date or an RFC 3339 time, such as 2024-01-31T04:00:00Z", param, ctx
            )


class Span(click.ParamType[float]):
    """A length of time, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - as click has it
        from tidewright.domain.timeframe import milliseconds

        try:
            return milliseconds(value) / 1_000
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _faults(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """``drop=0.001``, ``silence=0.0005,seconds=10``, ``drop@30s,90s``."""
    from tidewright.domain.timeframe import milliseconds
    from tidewright.exchange.faults import Fault

    plan: dict[str, dict[str, Any]] = {}
    for value in values:
        match = re.fullmatch(r"([a-z0-9-]+)([=@])([^,]+(?:,[^,=]+)*)((?:,[a-z]+=[^,]+)*)", value)
        if match is None:
            raise click.BadParameter(
                f"{value!r}: write NAME=RATE or NAME@TIME,TIME, such as drop=0.001 or drop@30s,2m", context, parameter
            )
        name, sign, main, more = match.groups()
        fields = plan.setdefault(name, {})
        try:
            if sign == "=":
                fields["rate"] = float(main)
            else:
                fields["at"] = [*fields.get("at", []), *map(milliseconds, main.split(","))]
            fields |= {
                key: float(number) for key, _, number in (part.partition("=") for part in more.split(",") if part)
            }
            Fault.of(name, fields)
        except ValueError as error:
            raise click.BadParameter(f"{value!r}: {error}", context, parameter) from error
    return plan


@click.command()
@click.option(
    "--replay",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recording of Binance's streams to play; may be given several times, and followed by more files.",
)
@click.argument(
    "more_files", nargs=-1, metavar="[FILE]...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--bars",
    "bar_markets",
    metavar='"SYMBOL TIMEFRAME on EXCHANGE"',
    multiple=True,
    help="Stored bars to make trades of, as `tidewright data list` names them.",
)
@click.option(
    "--simulate", "symbols", metavar="SYMBOL", multiple=True, help="Symbol of a simulated market, such as BTC/USDT."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Of the simulation, of trades within bars, and of faults.",
)
@click.option(
    "--speed",
    default="1",
    show_default=True,
    type=Speed(),
    help="How many times as fast as real time; max: as fast as it is read.",
)
@click.option(
    "--start",
    type=Moment(),
    help="When time begins; what was before is history.  [default: the beginning; in a simulation: now]",
)
@click.option(
    "--history", default="7d", show_default=True, type=Span(), help="How much of a simulation is over when time begins."
)
@click.option(
    "--trades-per-bar",
    default=4,
    show_default=True,
    type=click.IntRange(4, 100_000),
    help="Trades that make a stored bar.",
)
@click.option(
    "--wait/--no-wait",
    default=None,
    help="Whether time begins with the first subscription.  [default: with --speed max]",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=RATE|NAME@TIMES",
    callback=_faults,
    help="Something that goes wrong; may be given several times. See above.",
)
@click.option(
    "--weight-limit",
    default=6_000,
    show_default=True,
    type=click.IntRange(1),
    help="Request weight that an address has a minute.",
)
@click.option(
    "--connection-age",
    default="24h",
    show_default=True,
    type=Span(),
    help="Virtual time after which a stream connection is closed.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=9443,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0: any free one.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write the address to, once it serves.",
)
@click.option(
    "--exit-at-end", is_flag=True, help="End when the tape does, instead of serving its history from then on."
)
def exchange(
    files: tuple[Path, ...],
    more_files: tuple[Path, ...],
    bar_markets: tuple[str, ...],
    symbols: tuple[str, ...],
    seed: int,
    speed: float,
    start: int | None,
    history: float,
    trades_per_bar: int,
    wait: bool | None,
    faults: dict[str, Any],
    weight_limit: int,
    connection_age: float,
    host: str,
    port: int,
    ready_file: Path | None,
    exit_at_end: bool,
) -> None:
    """Serve a local exchange that speaks Binance's public spot protocol, REST and WebSocket on one port.

    It plays recordings, stored bars or a simulation; each symbol has one tape, and trades, klines, books and history all
    follow from it and from the exchange's own clock. Nothing on it can be traded.

    \b
    Faults happen at a rate (to each message, or to each request) or at times since the beginning, in virtual time:
      drop silence late reorder repeat malformed missing absurd         on streams
      http-429 http-418 http-5xx http-timeout http-drop
      http-malformed http-missing http-absurd                           on requests
    with seconds= (silence, http-timeout, Retry-After) and messages= (late). They can be changed while it runs:
      curl -X POST localhost:9443/_faults -d '{"drop": 0.001}'; curl localhost:9443/_faults; curl -X POST localhost:9443/_drop

    \b
    Examples:
      tidewright exchange --replay binance-spot-btcusdt-20240808.gz --speed 20
      tidewright exchange --bars "BTC/USDT 1h on simulated" --start 2024-01-01 --speed 600
      tidewright exchange --simulate BTC/USDT --simulate ETH/USDT --seed 7
      tidewright exchange --simulate BTC/USDT --fault drop=0.001 --fault silence@1m,5m,seconds=15
    """
    import asyncio

    from tidewright.exchange.faults import Faults
    from tidewright.exchange.local import LocalExchange, Settings

    if sum(map(bool, (files + more_files, bar_markets, symbols))) != 1:
        raise click.UsageError(
            "Say what to serve: recordings with --replay, stored bars with --bars, or a simulation with --simulate."
        )
    try:
        markets, start = _markets(files + more_files, bar_markets, symbols, seed, start, history, trades_per_bar)
        settings = Settings(speed, start, speed == inf if wait is None else wait, weight_limit, connection_age)
        served = LocalExchange(markets, settings, Faults(seed, faults))
    except (LookupError, ValueError) as error:
        raise Refused(str(error)) from error
    asyncio.run(_serve(served, host, port, ready_file, exit_at_end=exit_at_end))


def _markets(
    files: tuple[Path, ...],
    bars: tuple[str, ...],
    symbols: tuple[str, ...],
    seed: int,
    start: int | None,
    history: float,
    per_bar: int,
) -> tuple[list["ExchangeMarket"], int | None]:
    if files:
        from tidewright.exchange.recording import recorded_markets

        return recorded_markets(files), start
    if bars:
        return [_stored(text, per_bar, seed) for text in bars], start
    import time

    from tidewright.exchange.markets import Symbol
    from tidewright.exchange.simulated import HOUR, simulated_market

    begin = int(time.time() * 1_000) if start is None else start
    first = (begin - int(history * 1_000)) // HOUR * HOUR
    hours = (begin - first) // HOUR + _AHEAD
    return [simulated_market(Symbol.of(symbol), first, hours, seed) for symbol in symbols], begin


def _stored(text: str, per_bar: int, seed: int) -> "ExchangeMarket":
    from tidewright.adapters.stores import stores
    from tidewright.domain.bars import Market
    from tidewright.exchange.from_bars import market_of_bars

    match = re.fullmatch(r"(\S+) (\S+) on (\S+)", text)
    if match is None:
        raise ValueError(f"{text!r} names no stored bars; write them as in BTC/USDT 1h on binance")
    symbol, timeframe, name = match.groups()
    return market_of_bars(stores(os.environ).read(Market(name, symbol, timeframe)), per_bar, seed)


async def _serve(served: "LocalExchange", host: str, port: int, ready_file: Path | None, *, exit_at_end: bool) -> None:
    import asyncio
    import signal

    from tidewright.exchange.server import ExchangeServer
    from tidewright.exchange.view import shown

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with ExchangeServer(served, host, port) as server:
        if ready_file:
            ready_file.write_text(f"{server.url}\n", encoding="utf-8")
        click.echo(f"serving {', '.join(served.by_name)} at {server.url}")
        with shown(served):
            ended, stopped = asyncio.create_task(server.played()), asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if ended in done:
                ended.result()
                if not exit_at_end:
                    click.echo("the tape has ended; its history is served until Ctrl-C")
                    await stopped
            for task in (ended, stopped):
                task.cancel()
