"""What has been done, in the results' folder: one folder a run, named by its id, as `tidewright run` writes them."""

import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtest_engine.tasks import OPTIMIZATION
from tidewright.adapters.results import RECORD, NoResult, read_record, read_table
from tidewright.domain.metrics.table import METRICS
from tidewright.ports import RANKED_BY, FinishedRun, RunEntry

REPORT = "report.html"

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")
_FIGURES = tuple(dict.fromkeys((*RANKED_BY, "exposure")))


@dataclass(frozen=True, slots=True)
class Row:
    """A finished run in a list of them; times in milliseconds, figures that are undefined None."""

    id: str
    name: str
    created: int
    strategy: str
    symbols: tuple[str, ...]
    timeframe: str
    start: str
    end: str
    simulated: bool
    figures: Mapping[str, float | None]
    warnings: tuple[str, ...]
    digest: str


class Finished:
    """The runs in one folder. What was read once is kept for as long as its file does not change. Methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._rows: dict[str, tuple[int, Row]] = {}
        self._reading = threading.Lock()

    def place(self, run: str) -> Path | None:
        """The folder of an id, whether there is one or not; None for what is no id."""
        return self.folder / run if _ID.fullmatch(run) else None

    def document(self, run: str) -> dict[str, Any] | None:
        """The record of a run, without the paths of this machine; None where there is none."""
        place = self.place(run)
        if place is None:
            return None
        try:
            return {**read_record(place), "artifacts": {}}
        except (NoResult, OSError):
            return None

    def created(self, run: str) -> int:
        """When the result of a run was put in place, in milliseconds. Raises OSError."""
        return (self.folder / run / RECORD).stat().st_mtime_ns // 1_000_000

    def finished_run(self, run: str) -> FinishedRun | None:
        """A run with its trades, for a book; None where it is not there, or not whole."""
        place, document = self.place(run), self.document(run)
        if place is None or document is None:
            return None
        try:
            return FinishedRun(run, document, read_table(place / "trades.parquet"), self.created(run))
        except OSError:
            return None

    def report(self, run: str) -> bytes | None:
        """The HTML page of a run."""
        place = self.place(run)
        try:
            return None if place is None else (place / REPORT).read_bytes()
        except OSError:
            return None

    def optimization(self, key: str) -> dict[str, Any] | None:
        place = self.place(key)
        try:
            return None if place is None else dict(json.loads((place / OPTIMIZATION).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def rows(self) -> list[Row]:
        """Every finished run, the newest first."""
        with self._reading:
            found: dict[str, tuple[int, Row]] = {}
            for file in self.folder.glob(f"*/{RECORD}"):
                run = file.parent.name
                try:
                    changed = file.stat().st_mtime_ns
                    known = self._rows.get(run)
                    row = known[1] if known and known[0] == changed else _row(run, read_record(file), changed)
                except (NoResult, OSError, KeyError, TypeError, AttributeError):
                    continue  # half a result, or something else of that name
                if _ID.fullmatch(run):
                    found[run] = changed, row
            self._rows = found
            return [row for _, row in sorted(found.values(), key=lambda one: one[0], reverse=True)]


def best_first(rows: Sequence[Row], figure: str) -> list[Row]:
    """The rows by a figure, the best first, those where it is undefined last."""
    sign = 1 if {metric.name: metric.higher_is_better for metric in METRICS}[figure] is False else -1

    def place(row: Row) -> tuple[bool, float]:
        value = row.figures.get(figure)
        return value is None, 0.0 if value is None else sign * value

    return sorted(rows, key=place)


def row_of(entry: RunEntry) -> Row:
    """What a book says of a run, which may have been made elsewhere."""
    return Row(
        id=entry.id,
        name=entry.name,
        created=entry.saved_ms,
        strategy=entry.strategy,
        symbols=tuple(entry.symbol.split(", ")),
        timeframe=entry.timeframe,
        start=entry.start,
        end=entry.end,
        simulated=entry.simulated,
        figures=entry.figures,
        warnings=(),
        digest=entry.digest,
    )


def headline(document: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures that are asked for first."""
    return {name: document["result"].get(name) for name in _FIGURES}


def _row(run: str, document: Mapping[str, Any], changed: int) -> Row:
    made_of = document["provenance"]
    data = made_of["data"]
    return Row(
        id=run,
        name=str(document["name"]),
        created=changed // 1_000_000,
        strategy=str(made_of["strategy"]["name"]),
        symbols=tuple(str(data["symbol"]).split(", ")),
        timeframe=str(data["timeframe"]),
        start=str(data["start"]),
        end=str(data["end"]),
        simulated=bool(data["simulated"]),
        figures=headline(document),
        warnings=tuple(dict.fromkeys(str(one["reason"]) for one in document["warnings"])),
        digest=str(made_of["digest"]),
    )
