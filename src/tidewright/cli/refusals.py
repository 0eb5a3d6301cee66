"""What a command says of refused input and of failures: lines on stderr and, where asked for, one JSON document on stdout."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any, NoReturn

import click

from tidewright.adapters.results import as_json
from tidewright.cli.endings import FAILED, REFUSED, of_the_system
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.runs.refusal import InputRefused
from tidewright.runs.traces import own_frames
from tidewright.specs.problems import Problem

_FRAMES = 3


@contextmanager
def told(*, as_document: bool) -> Iterator[None]:
    """End the command with a message where the work in the block is refused or fails.

    With `as_document` stdout is kept for the one document: whatever else is printed there, by a strategy say, goes to stderr.
    """
    try:
        with redirect_stdout(sys.stderr) if as_document else nullcontext():
            yield
    except InputRefused as refusal:
        problems = sorted(dict.fromkeys(refusal.problems), key=lambda problem: (problem.file, problem.line))
        document = {"kind": "Refusal", "problems": [problem.record() for problem in problems]}
        _end(REFUSED, [f"Error: {problem}" for problem in problems], document if as_document else None)
    except StrategyError as error:
        document = {"kind": "Failure", "message": str(error)}
        _end(FAILED, [f"Error: {error}", *_places(error)], document if as_document else None)
    except BrokenPipeError:
        raise
    except OSError as error:
        message = of_the_system(error)
        _end(FAILED, [f"Error: {message}"], {"kind": "Failure", "message": message} if as_document else None)


def refused(file: object, message: str) -> InputRefused:
    """The refusal of a whole file."""
    return InputRefused([Problem(str(file), 0, (), message)])


def _end(code: int, lines: list[str], document: dict[str, Any] | None) -> NoReturn:
    if document is not None:
        click.echo(as_json(document), nl=False)
    for line in lines:
        click.echo(line, err=True)
    raise click.exceptions.Exit(code)


def _places(error: StrategyError) -> list[str]:
    """The last lines of the strategy's own traceback."""
    if error.__cause__ is None:
        return []
    return [
        f"  {frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}"
        for frame in own_frames(error.__cause__)[-_FRAMES:]
    ]
