"""Input that cannot be used, as opposed to work that went wrong."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from tidewright.specs.problems import Problem


class InputRefused(Exception):
    """What was asked for cannot be done as it was asked; `problems` says why, each with its remedy."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def for_want_of_data(self) -> bool:
        """Whether nothing is wrong but that data are missing: the same may be done once they are there."""
        return bool(self.problems) and all(problem.missing_data for problem in self.problems)


class DataMissing(InputRefused):
    """The store has not got the data; its problems are marked so, whatever other problems they are told with."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(replace(problem, missing_data=True) for problem in problems)


@contextmanager
def collected(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of a refusal to `problems` and carry on, so that all can be told at once."""
    try:
        yield
    except InputRefused as refusal:
        problems.extend(refusal.problems)
