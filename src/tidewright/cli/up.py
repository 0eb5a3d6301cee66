# ruff: noqa: PLC0415 - help must not wait for imports
"""``tidewright up``: servers and services on one machine, one terminal with their state."""

import os
import shlex
import signal
import threading
from pathlib import Path

import click

from tidewright.cli.market_options import Refused

_GLANCE = 0.25


def _words(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}", context, parameter) from error


@click.command()
@click.option("--only", metavar="NAME", multiple=True, help="Start this service alone; may be given several times.")
@click.option(
    "--exchange",
    metavar='"OPTIONS"',
    default="",
    callback=_words,
    help='Run a local exchange too, and collect from it; OPTIONS are those of `tidewright exchange`, such as "--simulate BTC/USDT".',
)
@click.option(
    "--strategy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TradingStrategy for the signal service, which is off without one.",
)
@click.option(
    "--streams",
    metavar="URL",
    envvar="TIDEWRIGHT_STREAMS",
    show_envvar=True,
    default="",
    help="Redis to use, instead of one of our own.",
)
@click.option(
    "--database", metavar="URL", envvar="TIDEWRIGHT_DATABASE", show_envvar=True, default="",
    help="PostgreSQL to use, instead of one of our own; its schema is yours to upgrade (`tidewright db upgrade`).",
)  # fmt: skip
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="TIDEWRIGHT_STACK",
    show_envvar=True,
    help="Where data and logs are kept between one time and the next.  [default: ~/.local/share/tidewright/stack]",
)
@click.option(
    "--free-ports", is_flag=True, help="Listen on any free ports, instead of 8000 and 9000 + a service's number."
)
def up(
    only: tuple[str, ...],
    exchange: list[str],
    strategy: Path | None,
    streams: str,
    database: str,
    folder: Path | None,
    free_ports: bool,
) -> None:
    """Start everything on this machine: PostgreSQL, Redis and every service that is installed, and show how they are.

    Needs no root, no Docker and no server. Ctrl-C ends all of it in order, and what was collected is there the next time. A service
    that dies is started again; its log is in the folder. Without --exchange the collector listens to the real exchange.

    \b
    Examples:
      tidewright up --exchange "--simulate BTC/USDT --simulate ETH/USDT --speed 60"
      tidewright up --exchange "--replay recording.gz --speed 20" --only data-collector --only data-validation
      tidewright up --strategy manifests/samples/tradingstrategy-ma-cross.yaml
      tidewright up --streams redis://localhost:6379/0 --database postgresql://tidewright@localhost/tidewright

    Settings of services are given by their environment (docs/services.md).
    """
    from tidewright.adapters.embedded_postgres import EmbeddedPostgresFailed
    from tidewright.adapters.embedded_redis import EmbeddedRedisFailed
    from tidewright.cli.up_view import shown
    from tidewright.stack.services import StackRefused, installed
    from tidewright.stack.stack import Stack, Wanted

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _, __: stop.set())
    where = folder or _data_home() / "tidewright/stack"
    wanted = Wanted(where, streams, database, exchange, strategy, only, free_ports, os.environ)
    try:
        stack = Stack(wanted, installed())
        click.echo(f"Data and logs are in {where}")
        with stack, shown() as show:
            for name in ("streams", "database"):
                if name in stack.known:
                    click.echo(f"export TIDEWRIGHT_{name.upper()}={stack.known[name]}")
            while not stop.is_set():
                stack.turn()
                show(stack.looks)
                stop.wait(_GLANCE)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler)  # a second one ends it at once
            click.echo("Stopping: services first, then servers")
        show(stack.looks)
    except StackRefused as error:
        raise Refused(str(error)) from error
    except (EmbeddedPostgresFailed, EmbeddedRedisFailed) as error:
        raise OSError(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"{error.strerror or error} ({error.filename or where}); name another --folder"
        ) from error


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
