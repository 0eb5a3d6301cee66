"""What the process of a study is given, and how it ends: a line of JSON each way."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, TypeAlias

Reason: TypeAlias = Literal["Complete", "Refused", "DataMissing", "StrategyFailed", "Failed", "Stopped"]


@dataclass(frozen=True, slots=True)
class Task:
    """A study: the key of its trials, its resource with the strategy in place, where trials are, the folder of its results, and how many processes and trials it may have.

    `earlier` is the key of the study that it learns from; empty for none.
    """

    key: str
    resource: Mapping[str, Any]
    studies: str
    folder: str
    workers: int
    max_trials: int
    earlier: str = ""
    tracking: str = ""

    def encoded(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: str) -> Self:
        return cls(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended, and why; Stopped is what was told to stop before it was done. Another attempt at what has Failed may go right, unless it is `final`."""

    reason: Reason
    message: str = ""
    final: bool = False
