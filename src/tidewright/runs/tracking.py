"""What a tracker is told of a backtest: everything in its record that can be sorted by, filtered by or held against another."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tidewright.domain.provenance import record_digest
from tidewright.ports.tracking import TrackedData, TrackedRun

EXPERIMENT = "tidewright/backtests"
"""The experiment that all backtests are told under."""

_RECORD_ONLY = {"manifest", "environment"}
"""Parts of the provenance that say where a run was made, and not what it is."""


def tracked_run(document: Mapping[str, Any], files: Sequence[Path] = ()) -> TrackedRun:
    """The run of a record as `tidewright.runs.record.document_of` makes it; undefined figures are left out."""
    made_of = document["provenance"]
    return TrackedRun(
        experiment=EXPERIMENT,
        name=str(document["name"]),
        digest=run_digest(document),
        parameters=dict(leaves(document["spec"])),
        metrics=dict(_metrics(document)),
        tags=_tags(document),
        data=tuple(_data(made_of["data"])),
        files=tuple(files),
    )


def run_digest(document: Mapping[str, Any]) -> str:
    """The digest of a run: its name, all that it was made of, and what came of it; where and when it was made plays no part."""
    made_of = {name: part for name, part in document["provenance"].items() if name not in _RECORD_ONLY}
    return record_digest({"name": document["name"], "provenance": made_of})


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Every field by its path (``broker.cash``), lists as JSON."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*path, str(key)))
    else:
        yield ".".join(path), value if isinstance(value, str) else json.dumps(value)


def _metrics(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    yield from numbers("", document["result"])
    yield from numbers("benchmark.", document["benchmark"])
    for name, interval in document["intervals"].items():
        if isinstance(interval, Sequence):
            yield from numbers(f"{name}.", dict(zip(("low", "high"), interval, strict=True)))
    yield from numbers("deflatedSharpe.", {str(one["trials"]): one["value"] for one in document["deflatedSharpe"]})
    yield "warnings", float(len(document["warnings"]))


def numbers(prefix: str, figures: Mapping[str, float | None]) -> Iterator[tuple[str, float]]:
    """The figures that are finite, by their names behind `prefix`."""
    for name, value in figures.items():
        if value is not None and math.isfinite(value):
            yield f"{prefix}{name}", float(value)


def _tags(document: Mapping[str, Any]) -> dict[str, str]:
    made_of = document["provenance"]
    checks = {name: one["passed"] for name, one in document["checks"].items() if "passed" in one}
    return {
        "kind": str(document["kind"]),
        "strategy": str(made_of["strategy"]["name"]),
        "resultDigest": str(made_of["digest"]),
        "dataDigest": str(made_of["data"]["digest"]),
        "strategyDigest": str(made_of["strategy"]["digest"]),
        "specDigest": str(made_of["spec"]["digest"]),
        "engine": str(made_of["engine"]["name"]),
        "engineVersion": str(made_of["engine"]["version"]),
        "arithmeticRevision": str(made_of["engine"]["arithmeticRevision"]),
        "seed": str(made_of["seed"]),
        "simulated": json.dumps(made_of["data"]["simulated"]),
        "warnings": ", ".join(dict.fromkeys(one["reason"] for one in document["warnings"])),
        **{f"checks.{name}": "passed" if passed else "failed" for name, passed in checks.items()},
    }


def _data(data: Mapping[str, Any]) -> Iterator[TrackedData]:
    symbols = data.get("symbols") or {data["symbol"]: data}
    for symbol, one in symbols.items():
        known = {name: one[name] for name in ("digest", "start", "end", "bars", "warmupBars", "simulated")}
        yield TrackedData(f"{data['exchange']} {symbol} {data['timeframe']}", str(one["digest"]), known)
