"""The final evaluation of a study: from its trials to its record, on a laptop and on a cluster alike."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from optuna_optimizer.study import Study
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
    from optuna_optimizer.search.importance import importance  # noqa: PLC0415 - a second for optuna, once all else is done

    found = conclude(study.plan, study.data, trials, store, progress)
    complete = [trial for trial in trials if trial.state == "Complete"]
    shares = importance(complete, study.plan.space.dimensions, 0, study.plan.directions)
    record = study_document(found, asked, shares, started, time.time_ns() // 1_000_000)
    return found, record
