"""What is told first of a study, whoever asks: its best trial, the figures that its verdict rests on, and where else to look."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, TypeAlias

from optuna_optimizer.jobs import Job
from tidewright.domain.trials import Trial

Candidate: TypeAlias = Mapping[str, Any]
"""A trial as a study's record has it: number, parameters, and values, of which an undefined one is None."""


def candidate(trial: Trial) -> Candidate:
    values = [value if isfinite(value) else None for value in trial.values]
    return {"number": trial.number, "parameters": dict(trial.parameters), "values": values}


def figures_of(record: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures of a study's record that its verdict rests on; undefined ones are None."""
    evidence, out_of_sample = record["overfitting"] or {}, record["result"]
    return {
        "deflatedSharpe": evidence.get("deflatedSharpe"),
        "pbo": evidence.get("pbo", {}).get("probability"),
        "pValue": evidence.get("test", {}).get("pValue"),
        "walkForwardEfficiency": record["walkForward"]["efficiency"],
        "outOfSampleReturn": out_of_sample["totalReturn"],
        "outOfSampleSharpe": out_of_sample["sharpe"],
    }


def dashboard_of(job: Job, dashboard: str) -> str:
    """Where optuna-dashboard, at that URL, shows a study; empty without one, and for a search that is not Optuna's."""
    return "" if job.sampler in {"Grid", "Random"} else dashboard.replace("{study}", job.id)
