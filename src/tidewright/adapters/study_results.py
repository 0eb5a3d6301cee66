"""A study's results in a folder: the record and the report, every trial, the trials' returns, and the stitched account."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.adapters.results import NoResult, Writer, read_document, read_table, write_results, write_table
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.trials import FIGURE, Trial

KIND = "OptimizationStudy"

MOST_RETURNS = 10_000
"""Of how many complete trials the returns are written, at most: those with the best first objective. A table of many more columns could hardly be opened."""

_KEPT = ("sharpe", "totalReturn", "maxDrawdown", "trades")
"""The figures of every window that are written beside those of the objectives."""

_TABLES = ("trials.parquet", "returns.parquet", "equity.parquet")
_SECTIONS = {"kind", "name", "objectives", "space", "trials", "windows", "overfitting", "verdict", "provenance"}

Table = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class StudyResults:
    """What a study left behind. Of a trial's figures only those that were written are known; the others are NaN."""

    record: dict[str, Any]
    trials: list[Trial]
    equity: Table


def save(
    folder: Path, record: Mapping[str, Any], trials: Sequence[Trial], equity: Table, page: str | None = None
) -> dict[str, str]:
    """Write a study to `folder`, all of it or nothing, and return the paths by name: those of the record's ``artifacts``. Raises OSError.

    `equity` is the stitched out-of-sample account with the columns time (milliseconds), equity and window; `page` is the report, where one is wanted.
    """
    complete = sorted(_complete(record, trials), key=lambda trial: trial.number)
    writers: dict[str, Writer | None] = {
        "trials.parquet": lambda path: write_table(path, trials_table(record, trials)),
        "returns.parquet": lambda path: write_table(path, {str(one.number): one.returns for one in complete}),
        "equity.parquet": lambda path: write_table(path, equity),
        "report.html": (lambda path: path.write_text(page, encoding="utf-8")) if page is not None else None,
        **dict.fromkeys(("trades.parquet", "fills.parquet", "refusals.parquet")),  # of a backtest that was here before
    }
    return write_results(folder, writers, record)


def load(place: Path) -> StudyResults:
    """The study in a folder, or of the result.json in it. Raises NoResult, OSError and ValueError for tables that cannot be read, and KeyError for one that is not whole."""
    record = read_study(place)
    folder = place if place.is_dir() else place.parent
    table, returns, equity = (read_table(folder / name) for name in _TABLES)
    return StudyResults(record, _trials(record, table, returns), equity)


def is_study(record: Mapping[str, Any]) -> bool:
    """Whether a record is that of a study."""
    return record.get("kind") == KIND


def read_study(place: Path) -> dict[str, Any]:
    """The record of a study in a folder, or at a path. Raises NoResult, and OSError."""
    record = read_document(place)
    if not is_study(record) or not record.keys() >= _SECTIONS:
        raise NoResult(f"{place} is not the record of a study; name the result.json that `tidewright run` wrote of one")
    return record


def trials_table(record: Mapping[str, Any], trials: Sequence[Trial]) -> dict[str, NDArray[Any]]:
    """One row a trial, by number: ``number``, ``state``, ``reason``, ``message``, ``feasible``, a column for each searched field, ``value_<metric>`` of each objective, ``is_<metric>_<window>`` and
    ``oos_<metric>_<window>`` in and out of sample (windows from 0), and ``violation_<requirement>``.

    A field with the name of another column is called ``parameters.<name>``. What is undefined is NaN.
    """
    rows = sorted(trials, key=lambda trial: trial.number)
    objectives, windows = [one["metric"] for one in record["objectives"]], len(record["windows"])
    table: dict[str, NDArray[Any]] = {
        "number": np.array([one.number for one in rows], dtype=np.int64),
        "state": _words([one.state for one in rows]),
        "reason": _words([one.reason for one in rows]),
        "message": _words([one.message for one in rows]),
        "feasible": np.array([one.feasible for one in rows], dtype=bool),
    }
    figures = {f"value_{name}": _padded([one.values for one in rows], i) for i, name in enumerate(objectives)}
    for side, name, window in _figure_columns(objectives, windows):
        tables = [one.in_sample if side == "is" else one.out_of_sample for one in rows]
        figures[f"{side}_{name}_{window}"] = _padded([each[:, FIGURE[name]] for each in tables], window)
    requirements = max((len(one.violations) for one in rows), default=0)
    figures |= {f"violation_{i}": _padded([one.violations for one in rows], i) for i in range(requirements)}
    taken = table.keys() | figures.keys()
    for field in record["space"]:
        table[_column(field["name"], taken)] = _searched(field, [one.parameters[field["name"]] for one in rows])
    return table | figures


def _figure_columns(objectives: Sequence[str], windows: int) -> list[tuple[str, str, int]]:
    names = dict.fromkeys((*objectives, *_KEPT))
    return [(side, name, window) for side in ("is", "oos") for name in names for window in range(windows)]


def _complete(record: Mapping[str, Any], trials: Sequence[Trial]) -> list[Trial]:
    """The complete trials, of very many those with the best first objective."""
    sign = -1.0 if record["objectives"][0]["direction"] == "Maximize" else 1.0
    complete = [one for one in trials if one.state == "Complete"]
    if len(complete) <= MOST_RETURNS:
        return complete
    costs = np.nan_to_num([sign * one.values[0] for one in complete], nan=np.inf)
    return [complete[index] for index in np.argsort(costs, kind="stable")[:MOST_RETURNS]]


def _column(name: str, taken: Container[str]) -> str:
    return f"parameters.{name}" if name in taken else name


def _words(values: Sequence[str]) -> NDArray[np.str_]:
    return np.array(values, dtype=np.str_)


def _padded(rows: Sequence[Sequence[float] | NDArray[np.float64]], index: int) -> NDArray[np.float64]:
    """The value at `index` of every row, NaN of a row that is shorter."""
    return np.array([row[index] if index < len(row) else np.nan for row in rows], dtype=np.float64)


def _searched(field: Mapping[str, Any], values: Sequence[Value]) -> NDArray[Any]:
    """A searched field as a column: numbers as numbers, truth values as such, all else as words."""
    kinds = {type(value) for value in (field["choices"] if field["kind"] == "Choice" else values)}
    if kinds and kinds <= {bool}:
        return np.array(values, dtype=bool)
    if kinds <= {int}:
        return np.array(values, dtype=np.int64)
    if kinds <= {int, float}:
        return np.array(values, dtype=np.float64)
    return _words([str(value) for value in values])


def _trials(record: Mapping[str, Any], table: Table, returns: Table) -> list[Trial]:
    objectives, windows = [one["metric"] for one in record["objectives"]], len(record["windows"])
    fields = {field["name"]: _values_of(field, table) for field in record["space"]}
    values = np.column_stack([table[f"value_{name}"] for name in objectives])
    violations = [table[f"violation_{i}"] for i in range(sum(name.startswith("violation_") for name in table))]
    sides = {side: np.full((len(table["number"]), windows, len(METRICS)), np.nan) for side in ("is", "oos")}
    for side, name, window in _figure_columns(objectives, windows):
        sides[side][:, window, FIGURE[name]] = table[f"{side}_{name}_{window}"]
    found = []
    for row, number in enumerate(table["number"].tolist()):
        complete = table["state"][row] == "Complete"
        found.append(
            Trial(
                number,
                {name: of_all[row] for name, of_all in fields.items()},
                table["state"][row],
                values=tuple(values[row].tolist()) if complete else (),
                in_sample=sides["is"][row],
                out_of_sample=sides["oos"][row] if complete else sides["oos"][row][:0],
                returns=returns.get(str(number), np.empty(0)),
                violations=tuple(float(column[row]) for column in violations) if complete else (),
                reason=table["reason"][row],
                message=table["message"][row],
            )
        )
    return found


def _values_of(field: Mapping[str, Any], table: Table) -> list[Value]:
    """A searched field's values as the trials had them."""
    name = field["name"]
    stored: list[Any] = table[_column(name, {name} if f"parameters.{name}" in table else ())].tolist()
    if field["kind"] != "Choice":
        return stored
    choices = {str(choice): choice for choice in field["choices"]} | {choice: choice for choice in field["choices"]}
    return [choices.get(value, value) for value in stored]
