# ruff: noqa: PLC0415 - help must not wait for imports
"""How markets are named on the command line, where their bars are, and how refusals are told: what the commands of ``tidewright data`` share."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, Literal

import click

from tidewright.domain.timeframe import TIMEFRAMES, duration, milliseconds

if TYPE_CHECKING:
    from tidewright.ports import BarStore


class Refused(click.ClickException):
    """Input that cannot be taken."""

    exit_code = 2


class Timeframe(click.Choice[str]):
    """One of `TIMEFRAMES`; anything else is told the nearest."""

    def __init__(self) -> None:
        super().__init__(TIMEFRAMES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - as click has it
        if value not in TIMEFRAMES:
            hint = f" Did you mean {near}?" if (near := _nearest(value)) else ""
            self.fail(f"{value!r} is no timeframe.{hint} A timeframe is one of {', '.join(TIMEFRAMES)}.", param, ctx)
        return str(value)


def _nearest(timeframe: str) -> str | None:
    """``1h`` for ``60m``, and for what only looks like it."""
    try:
        near = [duration(milliseconds(timeframe))]
    except ValueError:
        near = get_close_matches(timeframe, TIMEFRAMES, n=1, cutoff=0.3)
    return near[0] if near and near[0] in TIMEFRAMES else None


def named(kind: Literal["Exchange", "Symbol", "Time"]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Holds a value, or each of several, to the rule that a resource holds it to, so that whatever is stored can be asked for."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:  # noqa: ANN401 - as click has it
        from pydantic import TypeAdapter, ValidationError

        from tidewright.specs import quantities

        for one in value if isinstance(value, tuple) else [] if value is None else [value]:
            try:
                TypeAdapter(getattr(quantities, kind)).validate_python(one)
            except ValidationError as error:
                reason = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise click.BadParameter(f"{one!r} is {reason}", context, parameter) from error
        return value

    return check


def opened_store() -> "BarStore":
    """The embedded market and the local store, as the environment has it."""
    from tidewright.adapters.stores import stores

    return stores(os.environ)


@contextmanager
def reported(path: Path | None = None) -> Iterator[None]:
    """Turns what adapters raise into a message and an exit code; what the system refuses is told by `tidewright.cli.endings`."""
    from tidewright.ports import StoreDamaged

    def told(error: Exception) -> str:
        return f"{path} was not imported:\n{indent(str(error), '  ')}" if path else str(error)

    try:
        yield
    except (LookupError, ValueError) as error:
        raise Refused(told(error)) from error
    except StoreDamaged as error:
        click.echo(f"Error: {told(error)}", err=True)
        raise click.exceptions.Exit(1) from error
