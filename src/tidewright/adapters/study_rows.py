"""A trial as the row of a table, and whether two definitions are of one study."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.trials import Trial
from tidewright.ports import StudyRefused

LIGHT = ("number", "state", "reason", "message", "parameters", "trial_values", "violations")
"""Columns that are always read."""

TABLES = ("in_sample", "out_of_sample", "returns")
"""Columns of little-endian float64."""

COLUMNS = (*LIGHT, *TABLES)


def row_of(trial: Trial) -> tuple[Any, ...]:
    """The values of `COLUMNS`."""
    return (
        trial.number,
        trial.state,
        trial.reason,
        trial.message,
        json.dumps(dict(trial.parameters), ensure_ascii=False),
        json.dumps(list(trial.values)),
        json.dumps(list(trial.violations)),
        *(table.astype("<f8").tobytes() for table in (trial.in_sample, trial.out_of_sample, trial.returns)),
    )


def trial_of(row: Sequence[Any]) -> Trial:
    """The trial of a row of `COLUMNS`, or of `LIGHT`."""
    number, state, reason, message, parameters, values, violations, *tables = row
    known: dict[str, Floats] = {}
    if tables:
        in_sample, out_of_sample, returns = (np.frombuffer(table, "<f8").astype(np.float64) for table in tables)
        figures = (-1, len(METRICS))
        known = {
            "in_sample": in_sample.reshape(figures),
            "out_of_sample": out_of_sample.reshape(figures),
            "returns": returns,
        }
    return Trial(
        number=number,
        parameters=json.loads(parameters),
        state=state,
        values=tuple(json.loads(values)),
        violations=tuple(json.loads(violations)),
        reason=reason,
        message=message,
        **known,
    )


def neighbours(free: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of numbers in their order, each with how often it was taken on, the first ones without a gap."""
    return [one for place, one in enumerate(free) if one[0] == free[0][0] + place]


def as_written(definition: Mapping[str, Any]) -> str:
    """A definition as text: the same for the same."""
    return json.dumps(definition, sort_keys=True, ensure_ascii=False)


def refuse_another(key: str, there: str, definition: Mapping[str, Any]) -> None:
    """Raises StudyRefused where the definition that is there is another."""
    wanted = as_written(definition)
    if there == wanted:
        return
    path, old, new = next(_differences(json.loads(there), json.loads(wanted)))
    raise StudyRefused(
        f"the study {key} was begun with {path}: {_short(old)}, and is now asked to go on with {_short(new)}: its trials would not belong together; "
        "give the new study another name, or remove the trials of the old one"
    )


def _differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - JSON values
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(name), new.get(name), f"{path}.{name}" if path else str(name))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif old != new:
        yield path, old, new


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"
