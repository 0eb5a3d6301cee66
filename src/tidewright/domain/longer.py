"""Longer bars beside a strategy's own: hours that know of the day before, without look-ahead.

They are made of the strategy's own bars, so there is no second source of data, and the digest of those bars covers them.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import COLUMNS, Bars, Booleans, Floats, Integers
from tidewright.domain.resampling import aggregated, bar_opens, longer_step, run_starts

_Values = TypeVar("_Values", Floats, Booleans, Floats | Booleans)


@dataclass(frozen=True, slots=True)
class Longer:
    """`m` longer bars, made of `n` shorter ones, and which of them are known when.

    `known` has shape (n,): the index in `bars` of the last longer bar that is over at the close of each shorter bar, -1 where there is none yet.
    """

    bars: Bars
    known: Integers

    @property
    def nbytes(self) -> int:
        """The memory that the arrays take."""
        arrays: list[NDArray[Any]] = [self.known, *(getattr(self.bars, name) for name in ("time", *COLUMNS))]
        return sum(array.nbytes for array in arrays)

    def aligned(self, values: _Values) -> _Values:
        """What is known of `values`, one for each longer bar, at the close of each shorter bar: shape (m,) to shape (n,).

        NaN, of truth values False, before the first longer bar is over. Raises ValueError for an array of another shape.
        """
        given = np.asarray(values)
        if given.shape != (len(self.bars),):
            raise ValueError(
                f"there are {len(self.bars)} longer bars and the values have shape {given.shape}; "
                "compute them from `bars` of what `longer` returned"
            )
        result: NDArray[Any] = np.full(len(self.known), False if given.dtype == np.bool_ else np.nan)
        first = int(np.searchsorted(self.known, 0))
        result[first:] = given[self.known[first:]]
        return result


def longer(bars: Bars, timeframe: str) -> Longer:
    """The bars of a longer timeframe that are over at the close of the last of `bars`, for strategies that look at both::

        def columns(self, bars, parameters):
            daily = tidewright.longer(bars, "1d")
            return {"trend": daily.aligned(sma(daily.bars.close, 50))}

    A longer bar is made of the bars that close within it, from its start to its end on the clock. It is known as soon as a bar closes
    at its end or later, and from then on it does not change. After an outage it is made of what there is, and a stretch without any bar has no longer
    bar either; if the history begins in the middle of a longer bar, that one is left out. So whatever is known at a bar is the
    same bits when later bars are taken away.

    For a longer bar as long as `k` bars, a column with a warm-up of `w` longer bars has one of ``(w + 2) * k - 2`` bars, wherever the
    history begins. Weeks begin on Mondays (UTC).

    The times must ascend. Raises ValueError where `timeframe` is not a whole multiple of the bars' own length, and longer.
    """
    step = longer_step(bars.step, timeframe)
    closes = bars.time + bars.step
    opens = bar_opens(closes - 1, step)
    starts = run_starts(opens)
    made = aggregated(bars, opens, starts, step, bars.market._replace(timeframe=timeframe))
    begun_before = int(len(bars) > 0 and bars.time[0] > opens[0])
    number = np.repeat(np.arange(-begun_before, len(starts) - begun_before), np.diff(starts, append=len(bars)))
    known = np.maximum(number - (closes < opens + step), -1)
    return Longer(made.part(begun_before, begun_before + int(known.max(initial=-1)) + 1), known)
