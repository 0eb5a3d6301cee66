"""Progress of work that takes a while: a bar on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def steps(console: Console, title: str, *, silent: bool = False) -> Iterator[Callable[[str, float], None]]:
    """A bar that is told the name of each step and the share of the work done before it, in 0..1."""
    if silent or not console.is_terminal:
        yield lambda name, done: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[title]}", style="bold", markup=False),
        BarColumn(24),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0, title=title)
        yield lambda name, done: progress.update(task, description=name, completed=done)
