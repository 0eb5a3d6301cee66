"""The final evaluation of a study: from its trials to its record, on a laptop and on a cluster alike."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optuna_optimizer.study import Study
from tidewright.domain.main_effects import main_effects
from tidewright.domain.trials import Trial
from tidewright.ports import BarStore
from tidewright.runs.study_findings import StudyFindings, conclude
from tidewright.runs.study_record import study_document


def concluded(
    study: Study,
    trials: Sequence[Trial],
    store: BarStore,
    progress: Callable[[str], None],
    *,
    asked: int,
    started: int,
) -> tuple[StudyFindings, dict[str, Any]]:
    """What `trials` amount to, and its record; `asked` of them were wanted, and the search `started` at that time, in milliseconds."""
    found = conclude(study.plan, study.data, trials, store, progress)
    complete = [trial for trial in trials if trial.state == "Complete"]
    record = study_document(found, asked, _importance(study, complete), started, time.time_ns() // 1_000_000)
    return found, record


def _importance(study: Study, trials: Sequence[Trial]) -> list[tuple[str, float]]:
    """The share of each field in the first objective: of a grid exactly, of all else by estimate."""
    space, wanted = study.plan.space.dimensions, study.plan.spec
    if wanted.sampler.name == "Grid":
        points = [trial.parameters for trial in trials]
        return main_effects([one.name for one in space], points, np.array([trial.values[0] for trial in trials]))
    from optuna_optimizer.search.importance import importance  # noqa: PLC0415 - a second for optuna, where it is needed

    return importance(trials, space, 0, study.plan.directions)
