"""`tidewright strategies`: what is built in."""

import click
from rich.console import Console
from rich.table import Table

from tidewright.domain.strategies.builtin import BUILTINS


@click.command()
@click.argument("name", metavar="[NAME]", required=False, type=click.Choice(list(BUILTINS)))
def strategies(name: str | None) -> None:
    """List the built-in strategies, or the parameters of one.

    \b
    Examples:
      tidewright strategies
      tidewright strategies MovingAverageCross
    """
    console = Console()
    for title in [name] if name else BUILTINS:
        strategy = BUILTINS[title]
        console.print(f"\n[bold]{title}[/]  {getattr(strategy, 'description', '')}", highlight=False)
        table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
        for heading in ("parameter", "default", "range", ""):
            table.add_column(heading)
        for p in strategy.parameters:
            span = (
                ", ".join(p.choices)
                if p.choices
                else f"{p.low:g} to {p.high:g}"
                if p.low is not None and p.high is not None
                else ""
            )
            table.add_row(p.name, str(p.default), span, p.description)
        console.print(table)
