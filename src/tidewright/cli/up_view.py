"""How ``tidewright up`` shows how everything stands: a table on a terminal, elsewhere a line for every change."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidewright.stack.process import Look

_STYLES = {"ready": "green", "not ready": "yellow", "ended": "red", "refused": "red", "off": "dim", "stopped": "dim"}


@contextmanager
def shown() -> Iterator[Callable[[Sequence[Look]], None]]:
    """Shows what it is told last."""
    console = Console()
    if not console.is_terminal:
        yield _lines()
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda looks: live.update(_table(looks), refresh=True)


def _lines() -> Callable[[Sequence[Look]], None]:
    told: dict[str, tuple[str, str]] = {}

    def show(looks: Sequence[Look]) -> None:
        for look in looks:
            if told.get(look.name) != (look.state, look.detail):
                told[look.name] = look.state, look.detail
                where = f" at {look.address}" if look.state == "ready" else ""
                click.echo(f"{look.name}: {look.state}{where}{': ' if look.detail else ''}{look.detail}")
                if look.state in {"ended", "refused"} and look.line:
                    click.echo(f"{look.name}: its last line was: {look.line}")

    return show


def _table(looks: Sequence[Look]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Name", "State", "Address"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Restarts", justify="right", no_wrap=True)
    table.add_column("Last line", no_wrap=True, overflow="ellipsis", ratio=1)
    for look in looks:
        state = Text(look.state, _STYLES.get(look.state, ""))
        last = look.detail or look.line
        table.add_row(look.name, state, look.address, str(look.restarts or ""), Text(last))
    return table
