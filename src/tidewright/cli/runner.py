"""What runs a resource of one kind; found by entry point, so that a service brings its kinds by being installed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.resource import Spec

Stage = Callable[[str, float], None]
"""Told the name of the step that begins, and the share of the work that is done, in 0..1."""


@dataclass(frozen=True)
class RunOptions:
    """What the command line asks for beside the resource."""

    folder: Path
    report: bool
    import_from: Sequence[Path]


class Runner(Protocol):
    """Plans, runs and shows resources of one kind."""

    def plan(self, resource: Spec, document: Document, manifest: Manifest, options: RunOptions) -> object:
        """Everything that can be refused without running; raises InputRefused."""
        ...

    def needs_compiling(self, plan: Any) -> bool:  # noqa: ANN401 - each runner has plans of its own
        """Whether the run of a plan will wait for the compiler, as the first on a machine does."""
        ...

    def run(self, plan: Any, options: RunOptions, stage: Stage) -> dict[str, Any]:  # noqa: ANN401 - each runner has plans of its own
        """Run a plan, write its artifacts and return its record."""
        ...

    def show(self, record: dict[str, Any], console: Console) -> None:
        """Show a record to a person."""
        ...


def runners() -> dict[str, EntryPoint]:
    """The installed runners' entry points, by kind; loading one imports its class."""
    return {point.name: point for point in entry_points(group="tidewright.runners")}
