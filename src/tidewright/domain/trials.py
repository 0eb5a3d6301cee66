"""Trials of a search: what is searched, and what is known of one set of values once it was tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.strategies.strategy import Value

FIGURE: dict[str, int] = {metric.name: index for index, metric in enumerate(METRICS)}
"""The column of each figure in a trial's tables, by its name in the table of metrics."""

MOST_PERIODS = 2_000
"""A trial's returns are kept in at most this many equal periods."""

State: TypeAlias = Literal["Complete", "Pruned", "Failed"]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One field that is searched: a parameter by its name, or a field of risk such as ``risk.stopLoss``.

    `low`, `high` and `step` are those of an Int, a Float or a Percent (in percent, so 5 for ``5%``), both ends inclusive; without a `step` any number between. A Choice has
    `choices`, which are words, truth values or numbers.
    """

    name: str
    kind: Literal["Int", "Float", "Percent", "Choice"]
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()


Space: TypeAlias = Sequence[Dimension]


def _no_table() -> Floats:
    return np.empty((0, len(METRICS)))


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One set of values that was tried.

    `parameters` are by searched name; percentages are strings such as ``2.5%``. `values` are of the objectives, in their order: the mean over the windows in sample; empty where the trial is not
    Complete. `in_sample` and `out_of_sample` have shape (windows, figures), with NaN for what is undefined, and columns as of `FIGURE`; a trial that was pruned has fewer rows of the first
    and none of the second. `returns`, shape (periods,), are those of the whole period. `violations` say by how much each requirement was missed, positive where it was: a trial with one of these is
    not feasible, and never selected. `reason` and `message` say why a trial is not Complete.
    """

    number: int
    parameters: Mapping[str, Value]
    state: State
    values: tuple[float, ...] = ()
    in_sample: Floats = field(default_factory=_no_table)
    out_of_sample: Floats = field(default_factory=_no_table)
    returns: Floats = field(default_factory=lambda: np.empty(0))
    violations: tuple[float, ...] = ()
    reason: str = ""
    message: str = ""

    @property
    def feasible(self) -> bool:
        """Whether the trial is Complete and meets every requirement."""
        return self.state == "Complete" and all(by <= 0.0 for by in self.violations)
