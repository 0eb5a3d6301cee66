"""Data quality: rules over bars, as data, and what they find.

A rule names the bars that break it; nothing is ever repaired or filled here. Errors are content that no arithmetic should be
run on, warnings are content that a reader of the result should know of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tidewright.domain.bars import Bars, Booleans, Integers
from tidewright.domain.instant import utc
from tidewright.domain.timeframe import DAY, duration

EXAMPLES = 5
"""How many of the offending bars a finding names."""

STALE_RUN = 12
"""From how many bars in a row with one and the same open, high, low and close the price counts as stale."""

OUTLIER_SCALES = 40.0
"""How many times a bar's usual reach makes an outlier: three bars in seven years of hourly BTC/USDT reach that far."""

Check = Callable[[Bars], Integers]


class Severity(StrEnum):
    """Whether bars may be used (Warning) or not (Error)."""

    ERROR = "Error"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Gap:
    """`missing` bars between the bar that opens at `after` and the one that opens at `before`, in milliseconds."""

    after: int
    before: int
    missing: int


@dataclass(frozen=True, slots=True)
class QualityRule:
    """`check` returns the indices of the bars that break the rule, ascending; `description` says what is wrong with such a bar.

    `message` tells a finding better than the description and a few times can.
    """

    name: str
    severity: Severity
    description: str
    check: Check
    message: Callable[[Bars], str] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that `count` bars break; `bars` and `first` are the indices and open times of up to `EXAMPLES` of them."""

    rule: str
    severity: Severity
    count: int
    message: str
    bars: tuple[int, ...]
    first: tuple[int, ...]


def gaps(bars: Bars) -> list[Gap]:
    """Every stretch of missing bars, in time order.

    Distances are rounded to whole bars, so times that are off by less than half a bar make no gap. Works on unsorted times too.
    """
    times = _sorted(bars.time)
    missing = _missing(times, bars.step)
    return [Gap(int(times[i]), int(times[i + 1]), int(missing[i])) for i in np.flatnonzero(missing > 0)]


def assess(bars: Bars, max_gap: int | None = None) -> tuple[Finding, ...]:
    """What the rules find, in the rules' order; nothing found is an empty tuple.

    With `max_gap`, in milliseconds of missing time, a longer gap is an Error. Never raises, whatever the content, no bars included.
    """
    rules = RULES if max_gap is None else (*RULES, long_gap(max_gap))
    with np.errstate(all="ignore"):
        found = [(rule, rule.check(bars)) for rule in rules]
        return tuple(_finding(rule, bars, indices) for rule, indices in found if len(indices))


def long_gap(max_gap: int) -> QualityRule:
    """The rule that no gap is longer than `max_gap` milliseconds."""
    return QualityRule(
        "LongGap",
        Severity.ERROR,
        f"follows a gap longer than {duration(max_gap)}",
        lambda bars: _after_gaps(bars, max_gap),
        lambda bars: _gap_message(bars, max_gap),
    )


def _finding(rule: QualityRule, bars: Bars, indices: Integers) -> Finding:
    count = len(indices)
    examples = tuple(int(i) for i in indices[:EXAMPLES])
    first = tuple(int(bars.time[i]) for i in examples)
    if rule.message:
        message = rule.message(bars)
    else:
        times = ", ".join(map(utc, first)) + (", ..." if count > EXAMPLES else "")
        message = f"{_counted(count, 'bar')} where {rule.description}: {times}"
    return Finding(rule.name, rule.severity, count, message, examples, first)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def _where(mask: Booleans) -> Integers:
    return np.flatnonzero(mask).astype(np.int64, copy=False)


def _sorted(times: Integers) -> Integers:
    return times if np.all(times[1:] >= times[:-1]) else np.sort(times)


def _missing(times: Integers, step: int) -> Integers:
    """Bars missing before each of `times` but the first."""
    missing: Integers = (np.diff(times) + step // 2) // step - 1
    return np.maximum(missing, 0)


def _after_gaps(bars: Bars, longer_than: int) -> Integers:
    times = _sorted(bars.time)
    after = times[1:][_missing(times, bars.step) * bars.step > longer_than]
    return _where(np.isin(bars.time, after)) if len(after) else np.empty(0, np.int64)


def _gap_message(bars: Bars, longer_than: int) -> str:
    found = [gap for gap in gaps(bars) if gap.missing * bars.step > longer_than]
    missing = _counted(sum(gap.missing for gap in found), "bar")
    longest = max(found, key=lambda gap: gap.missing)
    limit = f" longer than {duration(longer_than)}" if longer_than else ""
    where = f"{_counted(longest.missing, 'bar')} after {utc(longest.after)}"
    return f"{_counted(len(found), 'gap')}{limit}, {missing} missing in all; the longest is {where}"


def _non_finite(bars: Bars) -> Integers:
    # A sum of finite numbers may overflow, a product with zero may not: 0 * x is 0 where x is finite and NaN elsewhere.
    zero = 0.0 * bars.open + 0.0 * bars.high + 0.0 * bars.low + 0.0 * bars.close + 0.0 * bars.volume
    return _where(zero != 0.0)


def _non_positive(bars: Bars) -> Integers:
    return _where((bars.open <= 0) | (bars.high <= 0) | (bars.low <= 0) | (bars.close <= 0))


def _high_too_low(bars: Bars) -> Integers:
    return _where((bars.high < bars.open) | (bars.high < bars.close) | (bars.high < bars.low))


def _low_too_high(bars: Bars) -> Integers:
    return _where((bars.low > bars.open) | (bars.low > bars.close))


def _duplicate_time(bars: Bars) -> Integers:
    order = np.argsort(bars.time, kind="stable")
    times = bars.time[order]
    return np.sort(order[1:][times[1:] == times[:-1]])


def _unsorted_time(bars: Bars) -> Integers:
    return _where(bars.time[1:] < bars.time[:-1]) + 1


def _off_grid(bars: Bars) -> Integers:
    """Up to a day the grid starts at the epoch; longer bars start on whole days counted from the first one, whatever weekday it is."""
    if len(bars) == 0:
        return np.empty(0, np.int64)
    anchor = int(bars.time[0]) // DAY * DAY % bars.step if bars.step > DAY else 0
    return _where((bars.time - anchor) % bars.step != 0)


def _stale_price(bars: Bars) -> Integers:
    if len(bars) < STALE_RUN:
        return np.empty(0, np.int64)
    prices = (bars.open, bars.high, bars.low, bars.close)
    changed = np.ones(len(bars) + 1, np.bool_)
    changed[1:-1] = False
    for column in prices:
        changed[1:-1] |= column[1:] != column[:-1]
    starts = np.flatnonzero(changed)
    lengths = np.diff(starts)
    return _where(np.repeat(lengths >= STALE_RUN, lengths))


def _outlier(bars: Bars) -> Integers:
    """A bar's reach is how far its high or low lies from the previous close; the usual reach is the median over all bars."""
    if len(bars) < 2:
        return np.empty(0, np.int64)
    previous = bars.close[:-1]
    reach = np.maximum(np.abs(bars.high[1:] / previous - 1), np.abs(bars.low[1:] / previous - 1))
    known = reach[np.isfinite(reach)]
    usual = float(np.median(known)) if len(known) else 0.0
    return _where((reach > OUTLIER_SCALES * usual) & np.isfinite(reach)) + 1 if usual else np.empty(0, np.int64)


RULES = (
    QualityRule("NonFinite", Severity.ERROR, "a price or the volume is missing or infinite", _non_finite),
    QualityRule("NonPositivePrice", Severity.ERROR, "a price is zero or negative", _non_positive),
    QualityRule("NegativeVolume", Severity.ERROR, "the volume is negative", lambda bars: _where(bars.volume < 0)),
    QualityRule("HighTooLow", Severity.ERROR, "the high is below the open, the low or the close", _high_too_low),
    QualityRule("LowTooHigh", Severity.ERROR, "the low is above the open or the close", _low_too_high),
    QualityRule("DuplicateTime", Severity.ERROR, "the time occurs a second time", _duplicate_time),
    QualityRule("UnsortedTime", Severity.ERROR, "the time is earlier than that of the bar before", _unsorted_time),
    QualityRule("OffGrid", Severity.WARNING, "the time is not on the timeframe's grid", _off_grid),
    QualityRule(
        "Gap", Severity.WARNING, "follows a gap", lambda bars: _after_gaps(bars, 0), lambda bars: _gap_message(bars, 0)
    ),
    QualityRule("ZeroVolume", Severity.WARNING, "nothing was traded", lambda bars: _where(bars.volume == 0)),
    QualityRule(
        "StalePrice", Severity.WARNING, f"the prices are those of {STALE_RUN} or more bars in a row", _stale_price
    ),
    QualityRule(
        "Outlier", Severity.WARNING, f"the price reaches over {OUTLIER_SCALES:g} times as far as usual", _outlier
    ),
)
"""Every rule that needs nothing but the bars, in the order in which findings are reported."""
