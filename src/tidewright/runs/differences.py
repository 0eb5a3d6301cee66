"""In what runs differ, by their records: every field that has not the same value in all of them, and what of it is a reason for care."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
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

_SAME_BARS = ("exchange", "symbol", "timeframe", "start", "end", "warmupBars")
"""Where none of these differs, neither should the bars."""

_NAMED = 3
"""How many symbols of a run a sentence names, at most."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field and its value in each run, as text; None where a run has no such field."""

    group: str
    field: str
    values: tuple[str | None, ...]


def differences(records: Sequence[Record]) -> tuple[Difference, ...]:
    """Every field of what the runs were made of that differs between them, by group and in the order of the records.

    What belongs to one symbol among several is told of the symbols that all of them traded.
    """
    shared = set.intersection(*(_symbols(record) for record in records))
    several = any(len(_symbols(record)) > 1 for record in records)
    made_of = [dict(_made_of(record, shared, each_source=several)) for record in records]
    fields = dict.fromkeys(field for each in made_of for field in each)
    groups = list(dict.fromkeys(group for group, _ in _PLACES))
    rows = (Difference(*field, tuple(each.get(field) for each in made_of)) for field in fields)
    return tuple(sorted((row for row in rows if len(set(row.values)) > 1), key=lambda row: groups.index(row.group)))


def _symbols(record: Record) -> set[str]:
    return set(record["spec"]["strategy"].get("symbols") or [record["provenance"]["data"]["symbol"]])


def _made_of(record: Record, shared: Container[str], *, each_source: bool) -> Iterator[tuple[tuple[str, str], str]]:
    """Group and field, and the value as text; `each_source` asks for the bars of each of the `shared` symbols by itself."""
    for group, place in _PLACES:
        value: Any = record
        for key in place:
            value = value.get(key) if isinstance(value, Mapping) else None
        if place == ("spec", "broker"):
            value = _broker(value, shared)
        if place == ("provenance", "data"):
            value = _data(value, shared if each_source else ())
        for path, leaf in _leaves(value):
            if leaf not in (None, []):
                yield (group, ".".join(path) or place[-1]), leaf if isinstance(leaf, str) else json.dumps(leaf)


def _broker(broker: Record, shared: Container[str]) -> Record:
    """With the filters by symbol."""
    filters = {one["symbol"]: {**one, "symbol": None} for one in broker.get("filters", ()) if one["symbol"] in shared}
    return {**broker, "filters": filters}


def _data(data: Record, shared: Container[str]) -> Record:
    """With the bars of several symbols in the fields that those of one have."""
    symbols = data.get("symbols") or {data["symbol"]: data}
    warmups = dict.fromkeys(str(one["warmupBars"]) for one in symbols.values() if "warmupBars" in one)
    sources = {
        name: {"digest": one["digest"], "funding": one.get("funding")}
        for name, one in symbols.items()
        if name in shared
    }
    return {**data, "symbols": None, "warmupBars": ", ".join(warmups), **sources}


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
    filters = sum(group == "Account and costs" and field.startswith("filters") for group, field in changed)
    if filters:
        message = f"What the exchanges ask of orders was not the same, in {filters} fields: part of what sets the runs apart is what they could trade."
        yield "Costs", message
    for (group, field), values in changed.items():
        said = ", ".join(f"{name}: {_shortened(value or 'none')}" for name, value in zip(names, values, strict=True))
        match group, field:
            case "Engine", "arithmeticRevision":
                yield (
                    "ArithmeticRevision",
                    f"The market arithmetic was not the same ({said}); run the older ones again.",
                )
            case "Engine", "name":
                yield "Engine", f"The orders were not filled by the same engine ({said})."
            case "Account and costs", _ if field != "cash" and not field.startswith("filters"):
                message = f"The {field} was not the same ({said}): part of what sets the runs apart is what they were charged."
                yield "Costs", message
            case "Data", "symbol" | "exchange":
                message = f"The {field} was not the same ({said}): part of what sets the runs apart is their markets."
                yield "Market", message
            case "Data", "digest" if not {("Data", field) for field in _SAME_BARS} & changed.keys():
                yield (
                    "Data",
                    "The bars were not the same, although they are of the same market and period: import them again.",
                )


def _shortened(value: str) -> str:
    """A value, or the first of a long list of them."""
    parts = value.split(", ")
    return value if len(parts) <= _NAMED else f"{', '.join(parts[:_NAMED])} and {len(parts) - _NAMED} more"


def _listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
