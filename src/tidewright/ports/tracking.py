"""Where experiments are kept, so that a run can be found again beside all the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class TrackingFailed(RuntimeError):
    """A run could not be tracked, or not wholly; the message says why. Tracking it again does no harm."""


@dataclass(frozen=True, slots=True)
class TrackedData:
    """Bars that a run was made on: what they are called, their digest, and what else is known of them as JSON values."""

    name: str
    digest: str
    profile: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """What is told of one run. `digest` is the same for the same run, whoever makes it, and whenever.

    `metrics` are finite numbers; `files` are put beside them as they are. `children` are shown below the run, and have none of their own.
    """

    experiment: str
    name: str
    digest: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    data: Sequence[TrackedData] = ()
    files: Sequence[Path] = field(default=())
    children: Sequence["TrackedRun"] = ()


class Tracker(Protocol):
    """A server or a folder of experiments."""

    def track(self, run: TrackedRun) -> str:
        """Tell everything of a run and its children, once: a run of the same digest that is there already is left as it is. Where it can be looked at.

        Raises TrackingFailed.
        """
        ...
