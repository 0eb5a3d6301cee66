"""Walk-forward windows: the period cut into parts to choose on and later parts to judge by.

A window has a boundary. In sample is what comes before it, less a purge, so that no holding that was chosen on reaches across; out of sample is what comes after it, less an
embargo, so that what depends on the last bars chosen on is not judged by. Source of the terms: M. López de Prado, "Advances in Financial Machine Learning", 2018, chapters 7 and 12;
of the procedure: R. Pardo, "The Evaluation and Optimization of Trading Strategies", 2008.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple


class Span(NamedTuple):
    """From `start` to `end`, which is exclusive, in milliseconds since the epoch."""

    start: int
    end: int


class Window(NamedTuple):
    """One part to choose on, and a later one to judge by."""

    in_sample: Span
    out_of_sample: Span


class NoRoom(ValueError):
    """The period is too short for its windows; the message says which part would have been left without a bar."""


@dataclass(frozen=True, slots=True)
class WalkForward:
    """How a period is cut: `in_sample` is the share of a window that is chosen on, in 0..1; `purge` and `embargo` are milliseconds."""

    windows: int
    in_sample: Fraction
    anchored: bool = False
    purge: int = 0
    embargo: int = 0


def walk_forward(period: Span, unit: int, cut: WalkForward) -> tuple[Window, ...]:
    """The windows of `period`, in time order; boundaries are whole units, of `unit` milliseconds (a bar, or a day), after its start.

    The windows are as long as can be for their out-of-sample parts to follow one another without a gap until the period's end: each is
    ``period / (1 + (windows - 1) * (1 - in_sample))`` long, rounded. In-sample parts roll along with their windows, or begin with the period where the cut is `anchored`. Raises NoRoom
    where nothing is left of a part.
    """
    units = Fraction(period.end - period.start, unit)
    length = units / (1 + (cut.windows - 1) * (1 - cut.in_sample))
    judged = length * (1 - cut.in_sample)

    def moment(units_after: Fraction) -> int:
        return period.start + round(units_after) * unit

    windows = []
    for index in range(cut.windows):
        boundary = moment(index * judged + length * cut.in_sample)
        last = index == cut.windows - 1
        end = period.end if last else moment((index + 1) * judged + length * cut.in_sample)
        first = period.start if cut.anchored else moment(index * judged)
        window = Window(Span(first, boundary - cut.purge), Span(boundary + cut.embargo, end))
        for part, span, margin in zip(("in-sample", "out-of-sample"), window, ("purge", "embargo"), strict=True):
            if span.start >= span.end:
                raise NoRoom(
                    f"nothing is left of the {part} part of window {index + 1} of {cut.windows}: choose a longer period, "
                    f"fewer windows, or a shorter {margin}"
                )
        windows.append(window)
    return tuple(windows)
