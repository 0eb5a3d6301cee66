"""`tidewright init`: the first files of something of one's own."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from tidewright.adapters.atomic import atomic_write
from tidewright.domain.strategies.builtin import BUILTINS

TEMPLATES = files("tidewright.cli") / "templates"


@click.group()
def init() -> None:
    """Write the files of a strategy of one's own."""


@init.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to write  [default: ./NAME]")
@click.option(
    "--step", is_flag=True, help="A strategy that is asked bar by bar, and may remember, instead of one of signals."
)
def strategy(name: str, folder: Path | None, step: bool) -> None:
    """Write a strategy, its test and its sample backtest.

    NAME is what the strategy is called, as in ChannelBreakout or channel-breakout. What is written runs and passes
    its test at once; change it from there. Files that exist are never overwritten.

    \b
    Examples:
      tidewright init strategy ChannelBreakout
      tidewright init strategy PyramidBreakout --step
      cd channel-breakout && tidewright run channel-breakout.yaml && pytest
    """
    words = _words(name)
    resource, module, class_name = "-".join(words), "_".join(words), "".join(word.title() for word in words)
    if class_name in BUILTINS:
        raise click.BadParameter(f"{class_name} is built in; choose another name", param_hint="NAME")
    target = folder or Path(resource)
    values = {"resource": resource, "module": module, "class_name": class_name, "title": " ".join(words).capitalize()}
    form = "step_" if step else ""
    written = {
        target / f"{module}.py": f"{form}strategy.py.txt",
        target / f"test_{module}.py": "test.py.txt",
        target / f"{resource}.yaml": f"{form}manifest.yaml.txt",
    }
    existing = [str(path) for path in written if path.exists()]
    if existing:
        raise click.ClickException(f"{', '.join(existing)} exist already; choose another NAME or --folder")
    for path, template in written.items():
        _write(path, Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values))
        click.echo(f"wrote {path}")
    click.echo(f"\nNext: cd {target} && tidewright run {resource}.yaml")


def _write(path: Path, text: str) -> None:
    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    atomic_write(path, write)


def _words(name: str) -> list[str]:
    """The words of a name in any of the usual spellings, in lower case."""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,59}", name) or not words:
        raise click.BadParameter(
            f"{name!r} cannot be a strategy's name; use letters, digits and hyphens, beginning with a letter, as in channel-breakout",
            param_hint="NAME",
        )
    return words
