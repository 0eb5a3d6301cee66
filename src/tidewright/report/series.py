"""Series as a page can show them: thinned without losing an extreme, and summed up by day, month and year.

Pure numpy. Times are int64 milliseconds of a bar's open, equity is the value at that bar's close: so the last bar that opens in a month
closes it. NaN in, NaN out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.timeframe import DAY

DAYS_A_YEAR = 365


def extremes(limit: int, *columns: Floats) -> Integers:
    """Indices of at most about `limit` points that show every column (each of shape (n,)) as all n points would.

    The series are cut into equal stretches; of each stretch the lowest and the highest point of every column
    stay, and so do the first and the last point of all.
    """
    n = len(columns[0])
    if n <= limit:
        return np.arange(n)
    width = -(-n // max(1, limit // (2 * len(columns))))
    starts = np.arange(0, n, width)
    kept = [np.array([0, n - 1])]
    for column in columns:
        padded = np.full(len(starts) * width, np.nan)
        padded[:n] = column
        stretches = padded.reshape(len(starts), width)
        lowest = np.where(np.isnan(stretches), np.inf, stretches).argmin(axis=1)
        highest = np.where(np.isnan(stretches), -np.inf, stretches).argmax(axis=1)
        kept += [starts + lowest, starts + highest]
    return np.unique(np.concatenate(kept))


def drawdown(equity: Floats, initial: float | None = None) -> Floats:
    """Distance below the highest value so far, as a ratio <= 0, shape (n,); the account's `initial` value counts as a peak."""
    peak = np.maximum.accumulate(equity)
    if initial is not None:
        peak = np.maximum(peak, initial)
    return equity / peak - 1


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall from a peak: indices of the peak, the lowest point and the recovery (the last bar where there is none)."""

    peak: int
    trough: int
    recovery: int


def deepest(below: Floats) -> Drawdown | None:
    """The deepest fall in a drawdown series, None where the series never falls."""
    if len(below) == 0 or not np.nanmin(below) < 0:
        return None
    trough = int(np.nanargmin(below))
    whole = np.flatnonzero(below >= 0)
    before, after = whole[whole < trough], whole[whole > trough]
    return Drawdown(int(before[-1]) if len(before) else 0, trough, int(after[0]) if len(after) else len(below) - 1)


@dataclass(frozen=True, slots=True)
class Year:
    """A calendar year's returns; `months` has twelve entries, NaN where the run has no bar."""

    year: int
    months: tuple[float, ...]
    total: float


def calendar(time: Integers, equity: Floats, initial: float) -> list[Year]:
    """Returns by calendar month and year in UTC, each over the end of the one before; the first over `initial`."""
    if len(time) == 0:
        return []
    month = time.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
    ends = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    labels, values = month[ends], np.concatenate(([initial], equity[ends]))
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = dict(zip(labels.tolist(), (values[1:] / values[:-1] - 1).tolist(), strict=True))
    years = []
    for year in range(int(labels[0]) // 12, int(labels[-1]) // 12 + 1):
        months = tuple(returns.get(12 * year + index, np.nan) for index in range(12))
        known = [value for value in months if not np.isnan(value)]
        years.append(Year(year, months, float(np.prod([1 + value for value in known])) - 1 if known else np.nan))
    return years


def daily(time: Integers, equity: Floats) -> tuple[Integers, Floats, int]:
    """Value at the end of every UTC day, the day's start, and the period's length: `DAY`.

    A day without bars carries the value forward, as the metrics do; bars longer than a day are periods themselves.
    """
    step = int(np.median(np.diff(time))) if len(time) > 1 else DAY
    if step > DAY or len(time) == 0:
        return time, equity, step
    day = time // DAY
    days = np.arange(day[0], day[-1] + 1)
    return days * DAY, equity[np.searchsorted(day, days, side="right") - 1], DAY


@dataclass(frozen=True, slots=True)
class Rolling:
    """Figures over a moving window that ends at `time`; all of one shape, empty where the history is shorter."""

    time: Integers
    sharpe: Floats
    volatility: Floats


def rolling(time: Integers, equity: Floats, days: int = 90) -> Rolling:
    """Annualised Sharpe ratio (no risk-free rate) and volatility of daily returns over the last `days` days.

    Sample standard deviation, 365 days a year. Sharpe is NaN where the returns of a window do not vary.
    """
    moments, values, step = daily(time, equity)
    window = max(2, round(days * DAY / step))
    if len(values) <= window:
        return Rolling(np.empty(0, np.int64), np.empty(0), np.empty(0))
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.where(values[:-1] > 0, values[1:] / values[:-1] - 1, np.nan)
        windows = np.lib.stride_tricks.sliding_window_view(returns, window)
        deviation = windows.std(axis=1, ddof=1)
        scale = np.sqrt(DAYS_A_YEAR * DAY / step)
        sharpe = np.where(deviation > 0, windows.mean(axis=1) / deviation * scale, np.nan)
    return Rolling(moments[window:], sharpe, deviation * scale)


@dataclass(frozen=True, slots=True)
class Stretches:
    """Equal stretches of whole days: `time` is when each begins, `first` the index of its first point; both of one shape."""

    time: Integers
    first: Integers
    points: int

    def means(self, values: Floats) -> Floats:
        """Mean of the values, shape (points,), in each stretch."""
        return np.add.reduceat(values, self.first) / np.diff(np.append(self.first, self.points))

    def highest(self, values: Floats) -> Floats:
        """The highest of the values, shape (points,), in each stretch."""
        return np.maximum.reduceat(values, self.first)


def stretches(time: Integers, limit: int = 400) -> Stretches:
    """At most about `limit` stretches over `time`, which has at least one point."""
    length = DAY * max(1, -(-int(time[-1] - time[0]) // (DAY * limit)))
    group = time // length
    first = np.concatenate(([0], np.flatnonzero(np.diff(group)) + 1))
    return Stretches(group[first] * length, first, len(time))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in bins of equal `width`; `centres` and `counts` have one shape. The end bins hold all that lies beyond them."""

    centres: Floats
    counts: NDArray[np.int64]
    width: float


def round_width(width: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `width`."""
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9)))


def histogram(values: Floats, bins: int = 50) -> Histogram:
    """At most about `bins` bins of a round width, one edge at zero, so that no bin holds gains and losses.

    The width follows Freedman and Diaconis (1981), 2 IQR / n^(1/3). With a hundred values or more the bins span
    the middle 98 percent, and the end bins gather the rest.
    """
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return Histogram(np.empty(0), np.empty(0, np.int64), 0.0)
    low, first, third, high = np.quantile(
        values, (0.01, 0.25, 0.75, 0.99) if len(values) >= 100 else (0, 0.25, 0.75, 1)
    )
    span = float(high - low) or float(abs(high)) or 0.01
    width = round_width(max(2 * float(third - first) / len(values) ** (1 / 3), span / bins))
    left, right = np.floor(low / width), max(np.floor(high / width), np.floor(low / width))
    index = np.clip(np.floor(values / width), left, right) - left
    counts = np.bincount(index.astype(np.int64), minlength=int(right - left) + 1)
    return Histogram((left + np.arange(len(counts)) + 0.5) * width, counts, width)


def largest(values: Floats, limit: int) -> Integers:
    """Indices, in order, of the `limit` values furthest from zero."""
    if len(values) <= limit:
        return np.arange(len(values))
    return np.sort(np.argsort(-np.abs(values), kind="stable")[:limit])
