"""What a search is told: nothing in it refers to bars, strategies or files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidewright.domain.selection import Direction
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.trials import Dimension, Trial

Report = Callable[[int, float], bool]
"""Told the first objective up to a window; answers whether to give the trial up."""

Evaluate = Callable[[int, Mapping[str, Value], Report], Trial]
"""Tries values: the trial's number, the values by searched name (percentages as strings), and what each window is reported to."""

ENUMERATED = ("Grid", "Random")
"""Samplers whose trial i follows from the space, the seed and i alone."""


class PlanRefused(ValueError):
    """The search cannot be made as it is told; the message has the remedy."""


def always(named: Mapping[str, Value]) -> bool:
    """The condition of a search without any."""
    return True


@dataclass(frozen=True, slots=True)
class Plan:
    """A search. `key` names its trials in a store, `definition` is what they have in common beside what stands here.

    `trials` is None for all combinations of a Grid. `holds` says whether values are tried at all. `requirements` is the number of a complete trial's violations, `timeout` seconds of one call of
    `optuna_optimizer.searching.search`. `first` are tried before all else, where the search is not enumerated. `custom` makes the sampler of the name Custom.
    """

    key: str
    space: tuple[Dimension, ...]
    directions: tuple[Direction, ...]
    trials: int | None = 100
    sampler: str = "TPE"
    seed: int = 0
    startup_trials: int = 10
    pruner: str = "Median"
    pruner_startup: int = 5
    warmup_windows: int = 1
    windows: int = 6
    requirements: int = 0
    holds: Callable[[Mapping[str, Value]], bool] = always
    stagnation: int | None = None
    timeout: float | None = None
    first: tuple[Mapping[str, Value], ...] = ()
    custom: Callable[..., Any] | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)

    @property
    def enumerated(self) -> bool:
        """Whether the trials are known before any is tried."""
        return self.sampler in ENUMERATED

    @property
    def whole_definition(self) -> dict[str, Any]:
        """All that the trials of the study have in common, as JSON values."""
        space = [[one.name, one.kind, one.low, one.high, one.step, one.log, list(one.choices)] for one in self.space]
        return {
            **self.definition,
            "searched": space,
            "sampler": self.sampler,
            "seed": self.seed,
            "directions": list(self.directions),
        }
