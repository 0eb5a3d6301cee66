"""Input that cannot be used, as opposed to work that went wrong."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tidewright.specs.problems import Problem


class InputRefused(Exception):
    """What was asked for cannot be done as it was asked; `problems` says why, each with its remedy."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@contextmanager
def collected(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of a refusal to `problems` and carry on, so that all can be told at once."""
    try:
        yield
    except InputRefused as refusal:
        problems.extend(refusal.problems)
