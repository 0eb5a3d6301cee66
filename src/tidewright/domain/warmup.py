"""The warm-up check: how much of a signal's value is owed to where history happened to start.

An exponential average never quite forgets its first bar. The strategy is evaluated from several later starts, and what it says after its declared warm-up is
compared with what it says on all bars.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import Bars, Booleans
from tidewright.domain.strategies.evaluation import Evaluation, declared_warmup, evaluate
from tidewright.domain.strategies.strategy import Parameters, Signals, Strategy

TOLERANCE = 1e-3
"""Largest deviation that counts as none, in standard deviations of the column."""

_STARTS = 8
_HORIZON = 1_000


@dataclass(frozen=True, slots=True)
class ColumnDeviation:
    """How far a column strays, after the declared warm-up, when history starts later.

    `deviation` is the largest difference, in standard deviations of the column (infinite where one of the two is undefined). `needed` is the
    warm-up, in bars, after which it stays within `TOLERANCE`; None where that was not reached.
    """

    column: str
    deviation: float
    needed: int | None


@dataclass(frozen=True, slots=True)
class WarmupCheck:
    """What the declared warm-up leaves over: columns by name, and how many signals differ."""

    declared: int
    starts: int
    signals_differing: int
    columns: tuple[ColumnDeviation, ...]

    @property
    def passed(self) -> bool:
        return self.signals_differing == 0 and all(column.deviation <= TOLERANCE for column in self.columns)


def together(checks: Sequence[WarmupCheck]) -> WarmupCheck:
    """The checks of one strategy on several symbols as one: of every column the largest deviation, and the longest warm-up that was needed."""
    columns = []
    for same in zip(*(check.columns for check in checks), strict=True):
        needed = [column.needed for column in same]
        longest = None if None in needed else max(bars for bars in needed if bars is not None)
        columns.append(ColumnDeviation(same[0].column, max(column.deviation for column in same), longest))
    starts, differing = sum(check.starts for check in checks), sum(check.signals_differing for check in checks)
    return WarmupCheck(checks[0].declared, starts, differing, tuple(columns))


def measure_warmup(strategy: Strategy, bars: Bars, parameters: Parameters, whole: Evaluation) -> WarmupCheck:
    """Evaluate from up to 8 later starts over the warm-up and 1,000 bars more, and compare with `whole`.

    With too few bars for any later start, the check passes with zero `starts`: nothing was measured. With few, what follows
    the latest start is shorter than 1,000 bars, but never less than half of what there is.
    """
    declared = declared_warmup(strategy, parameters)
    span = declared + _HORIZON
    room = len(bars) - declared - 2
    last = max(len(bars) - span, (room + 1) // 2)
    starts = np.unique(np.linspace(1, last, _STARTS).astype(int)) if room >= 1 else np.empty(0, dtype=int)
    deviations: dict[str, float] = dict.fromkeys(whole.columns, 0.0)
    needed: dict[str, int | None] = dict.fromkeys(whole.columns, 0)
    differing = 0
    for start in map(int, starts):
        stop = min(len(bars), start + span)
        part = evaluate(strategy, bars.part(start, stop), parameters)
        ours, theirs = _signals(whole), _signals(part)
        for name in ours:
            differing += int(np.count_nonzero(ours[name][start:stop][declared:] != theirs[name][declared:]))
        for name in whole.columns:
            strays = _strays(whole, part, name, start, stop)
            deviations[name] = max(deviations[name], float(strays[declared:].max(initial=0.0)))
            needed[name] = _later(needed[name], strays)
    columns = tuple(ColumnDeviation(name, deviations[name], needed[name]) for name in whole.columns)
    return WarmupCheck(declared, len(starts), differing, columns)


def _signals(evaluation: Evaluation) -> dict[str, Booleans]:
    """What a step strategy asks for depends on all that it has done before: of that, only its columns are compared."""
    return evaluation.signals.by_name() if isinstance(evaluation.signals, Signals) else {}


def _strays(whole: Evaluation, part: Evaluation, name: str, start: int, stop: int) -> np.ndarray:
    column = whole.columns[name].astype(np.float64)
    ours, theirs = column[start:stop], part.columns[name].astype(np.float64)
    defined = column[np.isfinite(column)]
    scale = float(np.std(defined)) if len(defined) else 0.0
    one_undefined = np.isnan(ours) != np.isnan(theirs)
    with np.errstate(invalid="ignore"):
        strays = np.abs(ours - theirs) / (scale or 1.0)
    return np.where(one_undefined, np.inf, np.where(np.isnan(strays), 0.0, strays))


def _later(needed: int | None, strays: np.ndarray) -> int | None:
    beyond = np.flatnonzero(strays > TOLERANCE)
    if needed is None or (len(beyond) and beyond[-1] == len(strays) - 1):
        return None
    return max(needed, int(beyond[-1]) + 1 if len(beyond) else 0)
