"""Optuna's samplers and pruners by the names of a study's resource."""

import warnings
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from optuna import pruners, samplers
from optuna.exceptions import ExperimentalWarning
from optuna.study import StudyDirection

from optuna_optimizer.plan import Plan, PlanRefused
from tidewright.domain.selection import Direction

_ONE_OBJECTIVE = {"CMAES"}


def sampler_of(plan: Plan, first: int = 0) -> samplers.BaseSampler:
    """The sampler of a worker whose first trial has the number `first`, so that no two draw alike. Raises PlanRefused."""
    if plan.sampler in _ONE_OBJECTIVE and len(plan.directions) > 1:
        raise PlanRefused(f"{plan.sampler} takes one objective; leave one, or use NSGAII")
    if plan.sampler == "GP" and find_spec("torch") is None:
        raise PlanRefused("GP needs torch; install it with: pip install 'tidewright-optuna-optimizer[gp]', or use TPE")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return _made(plan, int(np.random.SeedSequence([plan.seed, first]).generate_state(1)[0]) if first else plan.seed)


def _made(plan: Plan, seed: int) -> samplers.BaseSampler:  # noqa: PLR0911 - a table
    match plan.sampler:
        case "TPE":
            return samplers.TPESampler(seed=seed, n_startup_trials=plan.startup_trials)
        case "NSGAII":
            return samplers.NSGAIISampler(seed=seed)
        case "NSGAIII":
            return samplers.NSGAIIISampler(seed=seed)
        case "CMAES":
            return samplers.CmaEsSampler(
                seed=seed, n_startup_trials=max(plan.startup_trials, 1), warn_independent_sampling=False
            )
        case "GP":
            return samplers.GPSampler(seed=seed, n_startup_trials=plan.startup_trials)
        case "QMC":
            return samplers.QMCSampler(
                seed=plan.seed, scramble=True, warn_asynchronous_seeding=False, warn_independent_sampling=False
            )
        case "Custom":
            return _custom(plan, seed)
    raise PlanRefused(f"there is no sampler {plan.sampler}")


def _custom(plan: Plan, seed: int) -> samplers.BaseSampler:
    assert plan.custom is not None  # noqa: S101 - the resource has both or neither
    try:
        made = plan.custom(seed=seed)
    except TypeError:
        made = plan.custom()
    if not isinstance(made, samplers.BaseSampler):
        raise PlanRefused(
            f"{plan.custom.__name__} is no sampler of Optuna's; derive it from optuna.samplers.BaseSampler"
        )
    return made


def pruner_of(plan: Plan) -> pruners.BasePruner:
    """What gives trials up between two windows."""
    match plan.pruner:
        case "Median":
            return pruners.MedianPruner(n_startup_trials=plan.pruner_startup, n_warmup_steps=plan.warmup_windows)
        case "Hyperband":
            return pruners.HyperbandPruner(min_resource=max(plan.warmup_windows, 1), max_resource=plan.windows)
        case _:
            return pruners.NopPruner()


def optuna_directions(directions: Sequence[Direction]) -> list[StudyDirection]:
    """The directions of a study's objectives."""
    return [StudyDirection.MAXIMIZE if one == "Maximize" else StudyDirection.MINIMIZE for one in directions]
