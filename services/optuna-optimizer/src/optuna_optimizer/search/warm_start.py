"""What an earlier study teaches a new one."""

from collections.abc import Mapping, Sequence

from optuna_optimizer.search.space import within
from tidewright.domain.selection import Direction
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.trials import Dimension, Trial


def best_values(
    trials: Sequence[Trial], directions: Sequence[Direction], count: int, space: Sequence[Dimension]
) -> tuple[Mapping[str, Value], ...]:
    """The values of the best trials by the first objective, of the fields that are searched now, where the new ranges have them; no values twice."""
    sign = -1.0 if directions[0] == "Maximize" else 1.0
    ranked = sorted(
        (trial for trial in trials if trial.feasible), key=lambda trial: (sign * trial.values[0], trial.number)
    )
    found: dict[str, Mapping[str, Value]] = {}
    for trial in ranked:
        kept = {
            one.name: value
            for one in space
            if (value := trial.parameters.get(one.name)) is not None and within(one, value)
        }
        if kept:
            found.setdefault(str(sorted(kept.items())), kept)
        if len(found) == count:
            break
    return tuple(found.values())
