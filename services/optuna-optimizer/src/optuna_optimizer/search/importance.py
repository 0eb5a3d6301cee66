"""How much of the differences between trials each field accounts for."""

import warnings
from collections.abc import Sequence

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import create_trial

from optuna_optimizer.search import space as spaces
from optuna_optimizer.search.samplers import optuna_directions
from tidewright.domain.selection import Direction
from tidewright.domain.trials import Dimension, Trial

FEWEST = 10
"""Fewer trials than this say nothing of it."""

MOST = 5_000
"""Of more trials than this, the first ones are asked."""


def importance(
    trials: Sequence[Trial],
    space: Sequence[Dimension],
    objective: int = 0,
    directions: Sequence[Direction] = ("Maximize",),
) -> list[tuple[str, float]]:
    """The share of each field, largest first; they sum to 1. Empty where it cannot be told: too few trials, or all alike.

    PED-ANOVA: S. Watanabe, A. Bansal and F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces", IJCAI 2023.
    """
    known = [trial for trial in trials if trial.state == "Complete"][:MOST]
    varied = [one for one in space if len({trial.parameters.get(one.name) for trial in known}) > 1]
    if len(known) < FEWEST or not varied or len({trial.values[objective] for trial in known}) == 1:
        return []
    drawn_from = spaces.distributions(varied)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study = optuna.create_study(directions=optuna_directions([directions[objective]]))
        study.add_trials(
            [
                create_trial(
                    params=spaces.params(varied, trial.parameters),
                    distributions=drawn_from,
                    value=trial.values[objective],
                )
                for trial in known
            ]
        )
        try:
            found = optuna.importance.get_param_importances(study)
        except (RuntimeError, ValueError, ZeroDivisionError):
            return []
    return sorted(((name, float(share)) for name, share in found.items()), key=lambda one: -one[1])
