"""What was measured, and how it stands to its target, as tables in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the project's figures; `measured` is held against `target` in `unit`."""

    name: str
    bound: Literal["at least", "at most", "under", "exactly"]
    target: float
    measured: float
    unit: str

    @property
    def met(self) -> bool:
        match self.bound:
            case "at least":
                return self.measured >= self.target
            case "at most":
                return self.measured <= self.target
            case "under":
                return self.measured < self.target
            case "exactly":
                return self.measured == self.target


def figures_table(figures: Iterable[Figure]) -> str:
    rows = [
        (f.name, f"{f.bound} {f.target:g} {f.unit}", f"{_short(f.measured)} {f.unit}", "met" if f.met else "missed")
        for f in figures
    ]
    return _table(("Figure", "Target", "Measured", ""), rows)


def times_table(times: Mapping[str, list[float]]) -> str:
    """Medians and the fastest of all runs, in milliseconds."""
    rows = [(name, _short(median(t) * 1e3), _short(min(t) * 1e3), str(len(t))) for name, t in times.items()]
    return _table(("Time", "Median, ms", "Fastest, ms", "Runs"), rows)


def _short(value: float) -> str:
    """Three digits that count, and never an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Aligned, the first column to the left."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = tuple("-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths))
    lines = [
        " | ".join(
            f"{cell:{'<' if i == 0 else '>'}{width}}" for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (header, rule, *rows)
    ]
    return "\n".join(f"| {line} |" for line in lines)
