"""In what runs differ, by their records: every field that has not the same value in all of them, and what of it is a reason for care."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]

_PLACES = (
    ("Strategy", ("provenance", "strategy", "digest")),
    ("Strategy", ("spec", "strategy", "source")),
    ("Parameters", ("spec", "strategy", "parameters")),
    ("Risk", ("spec", "strategy", "risk")),
    ("Data", ("spec", "data")),
    ("Data", ("provenance", "data")),
    ("Data", ("spec", "strategy", "symbols")),
    ("Account and costs", ("spec", "broker")),
    ("Engine", ("provenance", "engine")),
    ("Checks", ("spec", "checks")),
    ("Checks", ("spec", "seed")),
)
"""Where a record says what its run was made of, and the heading that it belongs under."""

_PASSED_ON = {
    "LookAhead",
    "NotRepeatable",
    "LookAheadUnchecked",
    "DataQuality",
    "DataUnchecked",
    "EnginesDisagree",
    "NeverTraded",
    "Ruin",
}
"""Warnings of a single run that matter to whoever holds it against another."""

_SAME_BARS = ("exchange", "symbol", "symbols", "timeframe", "start", "end", "warmupBars")
"""Where none of these differs, neither should the bars."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field and its value in each run, as text; None where a run has no such field."""

    group: str
    field: str
    values: tuple[str | None, ...]


def differences(records: Sequence[Record]) -> tuple[Difference, ...]:
    """Every field of what the runs were made of that differs between them, by group and in the order of the records."""
    made_of = [dict(_made_of(record)) for record in records]
    fields = dict.fromkeys(field for each in made_of for field in each)
    groups = list(dict.fromkeys(group for group, _ in _PLACES))
    rows = (Difference(*field, tuple(each.get(field) for each in made_of)) for field in fields)
    return tuple(sorted((row for row in rows if len(set(row.values)) > 1), key=lambda row: groups.index(row.group)))


def _made_of(record: Record) -> Iterator[tuple[tuple[str, str], str]]:
    for group, place in _PLACES:
        value: Any = record
        for key in place:
            value = value.get(key) if isinstance(value, Mapping) else None
        for path, leaf in _leaves(value):
            if leaf is not None:
                yield (group, ".".join(path) or place[-1]), leaf if isinstance(leaf, str) else json.dumps(leaf)


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    else:
        yield path, value


def cautions(names: Sequence[str], records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """Reason and message of everything in the records that should make a reader of their comparison careful, gravest first."""
    if any(record["provenance"]["data"]["simulated"] for record in records):
        message = "The bars were made by a generator, not by a market: who wins here says nothing about any real one."
        yield "SimulatedData", message
    for name, record in zip(names, records, strict=True):
        for warning in record["warnings"]:
            if warning["reason"] in _PASSED_ON:
                yield warning["reason"], f"{name}: {warning['message']}"
    digests = [str(record["provenance"]["digest"]) for record in records]
    for digest in sorted({digest for digest in digests if digests.count(digest) > 1}, key=digests.index):
        twins = [name for name, other in zip(names, digests, strict=True) if other == digest]
        yield "SameFills", f"{_listed(twins)} have the same fills and equity, bit for bit."
    yield from _about_fields(names, {(row.group, row.field): row.values for row in differences(records)})


def _about_fields(
    names: Sequence[str], changed: Mapping[tuple[str, str], tuple[str | None, ...]]
) -> Iterator[tuple[str, str]]:
    for (group, field), values in changed.items():
        said = ", ".join(f"{name}: {value or 'none'}" for name, value in zip(names, values, strict=True))
        match group, field:
            case "Engine", "arithmeticRevision":
                yield (
                    "ArithmeticRevision",
                    f"The market arithmetic was not the same ({said}); run the older ones again.",
                )
            case "Engine", "name":
                yield "Engine", f"The orders were not filled by the same engine ({said})."
            case "Account and costs", _ if field != "cash":
                message = f"The {field} was not the same ({said}): part of what sets the runs apart is what they were charged."
                yield "Costs", message
            case "Data", "symbol" | "symbols" | "exchange":
                message = f"The {field} was not the same ({said}): part of what sets the runs apart is their markets."
                yield "Market", message
            case "Data", "digest" if not {("Data", field) for field in _SAME_BARS} & changed.keys():
                yield (
                    "Data",
                    "The bars were not the same, although they are of the same market and period: import them again.",
                )


def _listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
