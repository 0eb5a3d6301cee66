"""Drift: whether a current window of a market is still like a reference window, by three distances between their distributions.

- **KS**: the two-sample Kolmogorov-Smirnov statistic, the largest distance between the two empirical distribution functions, with the p-value of
  Kolmogorov's limiting distribution (Smirnov 1948): small where one distribution is unlikely to have made both.
- **PSI**: the population stability index, sum((p - q) ln(p / q)) over bins of equal weight in the reference (Siddiqi 2006): customarily steady below 0.1 and shifted from 0.25 on.
- **Wasserstein**: the area between the two distribution functions (Vallender 1974), in units of the reference's standard deviation.

They are taken of three series: the returns close to close, the volumes, and the ranges, high to low as a share of the close.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import exp, isnan, nan, pi, sqrt

import numpy as np

from tidewright.domain.bars import Bars, Floats

BINS = 10
_FLOOR = 1e-4
"""What a share of no observations counts as: the index is infinite where a bin is empty."""


class Verdict(StrEnum):
    """What drift there is."""

    STEADY = "Steady"
    MODERATE = "Moderate"
    SHIFTED = "Shifted"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on drift is told. KS counts only where its p-value is below `p_value`: with few observations any distance is chance."""

    moderate_ks: float = 0.1
    shifted_ks: float = 0.2
    p_value: float = 0.01
    moderate_psi: float = 0.1
    shifted_psi: float = 0.25
    moderate_wasserstein: float = 0.1
    shifted_wasserstein: float = 0.3
    least: int = 100
    """Observations in each window below which nothing is said."""


@dataclass(frozen=True, slots=True)
class SeriesDrift:
    """The distances of one series; NaN where one is undefined. `wasserstein` is in the reference's standard deviations."""

    series: str
    reference: int
    current: int
    ks: float
    p_value: float
    psi: float
    wasserstein: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Drift:
    """The verdict is the gravest of the series'."""

    verdict: Verdict
    series: tuple[SeriesDrift, ...]


def drift(reference: Bars, current: Bars, thresholds: Thresholds | None = None) -> Drift:
    """The drift of bars against others of the same market, both in ascending time; observations that are not finite are left out."""
    limits = thresholds or Thresholds()
    then, now = _series(reference), _series(current)
    with np.errstate(all="ignore"):
        found = tuple(_series_drift(name, then[name], now[name], limits) for name in then)
    return Drift(max((one.verdict for one in found), key=_GRAVITY.index), found)


_GRAVITY = (Verdict.UNKNOWN, Verdict.STEADY, Verdict.MODERATE, Verdict.SHIFTED)


def kolmogorov_smirnov(first: Floats, second: Floats) -> tuple[float, float]:
    """Statistic and p-value of two samples, in any order; NaN where one is empty."""
    if not len(first) or not len(second):
        return nan, nan
    one, other = np.sort(first), np.sort(second)
    values = np.concatenate((one, other))
    distance = np.searchsorted(one, values, side="right") / len(one) - np.searchsorted(
        other, values, side="right"
    ) / len(other)
    statistic = float(np.max(np.abs(distance)))
    return statistic, _kolmogorov(sqrt(len(one) * len(other) / (len(one) + len(other))) * statistic)


def stability_index(reference: Floats, current: Floats, bins: int = BINS) -> float:
    """Population stability index over `bins` quantiles of the reference, of which equal ones count once; NaN where a sample is empty."""
    if not len(reference) or not len(current):
        return nan
    edges = np.unique(np.quantile(reference, np.arange(1, bins) / bins))
    p, q = (
        np.maximum(np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1) / len(sample), _FLOOR)
        for sample in (current, reference)
    )
    return float(np.sum((p - q) * np.log(p / q)))


def wasserstein(first: Floats, second: Floats) -> float:
    """The first Wasserstein distance of two samples, in their own unit; NaN where one is empty."""
    if not len(first) or not len(second):
        return nan
    one, other = np.sort(first), np.sort(second)
    values = np.sort(np.concatenate((one, other)))
    distance = np.searchsorted(one, values[:-1], side="right") / len(one) - np.searchsorted(
        other, values[:-1], side="right"
    ) / len(other)
    return float(np.sum(np.abs(distance) * np.diff(values)))


def _kolmogorov(x: float) -> float:
    """P(K > x) of Kolmogorov's distribution, by the one of its two series that converges at once (Marsaglia, Tsang and Wang 2003)."""
    if x <= 0:
        return 1.0
    if x < 1.18:
        decay = exp(-(pi**2) / (8 * x * x))
        tail = sum(float(decay ** ((2 * k - 1) ** 2)) for k in range(1, 5))
        return max(1 - sqrt(2 * pi) / x * tail, 0.0)
    return 2 * sum((-1.0) ** (k - 1) * exp(-2 * (k * x) ** 2) for k in range(1, 6))


def _series(bars: Bars) -> dict[str, Floats]:
    with np.errstate(all="ignore"):
        series = {
            "returns": bars.close[1:] / bars.close[:-1] - 1,
            "volume": bars.volume,
            "range": (bars.high - bars.low) / bars.close,
        }
    return {name: values[np.isfinite(values)] for name, values in series.items()}


def _series_drift(name: str, reference: Floats, current: Floats, limits: Thresholds) -> SeriesDrift:
    ks, p_value = kolmogorov_smirnov(reference, current)
    psi = stability_index(reference, current)
    spread = float(np.std(reference)) if len(reference) else nan
    distance = wasserstein(reference, current)
    scaled = 0.0 if distance == 0 else distance / spread if spread > 0 else nan
    verdict = _verdict(ks if p_value < limits.p_value else 0.0, psi, scaled, limits)
    if min(len(reference), len(current)) < limits.least:
        verdict = Verdict.UNKNOWN
    return SeriesDrift(name, len(reference), len(current), ks, p_value, psi, scaled, verdict)


def _verdict(ks: float, psi: float, distance: float, limits: Thresholds) -> Verdict:
    """The gravest of the three; a distance in no unit counts as shifted: the reference did not vary at all."""
    if (
        ks >= limits.shifted_ks
        or psi >= limits.shifted_psi
        or distance >= limits.shifted_wasserstein
        or isnan(distance)
    ):
        return Verdict.SHIFTED
    if ks >= limits.moderate_ks or psi >= limits.moderate_psi or distance >= limits.moderate_wasserstein:
        return Verdict.MODERATE
    return Verdict.STEADY
