"""What is told of series of bars: a finding for each rule that any of them breaks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import Bars, Integers
from tidewright.domain.instant import utc
from tidewright.domain.quality.rows import Masks, bar_masks
from tidewright.domain.quality.rules import BAR_RULES, GAP, OUTLIER, QualityRule, Severity
from tidewright.domain.timeframe import duration

EXAMPLES = 5
"""How many of the offending rows a finding names."""

OUTLIER_SCALES = 40.0
"""How many times a bar's usual reach makes an outlier: three bars in seven years of hourly BTC/USDT reach that far."""


@dataclass(frozen=True, slots=True)
class Gap:
    """`missing` bars between the bar that opens at `after` and the one that opens at `before`, in milliseconds."""

    after: int
    before: int
    missing: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that `count` rows break; `bars` and `first` are the indices and times of up to `EXAMPLES` of them."""

    rule: str
    severity: Severity
    count: int
    message: str
    bars: tuple[int, ...]
    first: tuple[int, ...]
    remedy: str = ""


def gaps(bars: Bars) -> list[Gap]:
    """Every stretch of missing bars, in time order.

    Distances are rounded to whole bars, so times that are off by less than half a bar make no gap. Works on unsorted times too.
    """
    times = bars.time if np.all(bars.time[1:] >= bars.time[:-1]) else np.sort(bars.time)
    missing = _missing(times, bars.step)
    return [Gap(int(times[i]), int(times[i + 1]), int(missing[i])) for i in np.flatnonzero(missing > 0)]


def assess(bars: Bars, max_gap: int | None = None) -> tuple[Finding, ...]:
    """What the rules find, in the rules' order; nothing found is an empty tuple.

    With `max_gap`, in milliseconds of missing time, a longer gap is an Error. Never raises, whatever the content, no bars included.
    """
    masks = bar_masks(bars)
    with np.errstate(all="ignore"):
        found = list(findings_of(masks, bars.time, BAR_RULES, "bar"))
        if len(outliers := _outliers(bars)):
            found.append(_finding(OUTLIER, bars.time, outliers, "bar"))
        before = _gaps_before(bars, np.flatnonzero(masks & GAP))
        found = [_told_as_gaps(one, before, 0) if one.rule == BAR_RULES[GAP].name else one for one in found]
        too_long = {
            row: gap for row, gap in before.items() if max_gap is not None and gap.missing * bars.step > max_gap
        }
        if too_long and max_gap is not None:
            long = _finding(long_gap(max_gap), bars.time, np.array(list(too_long)), "bar")
            found.append(_told_as_gaps(long, too_long, max_gap))
    return tuple(found)


def findings_of(masks: Masks, time: Integers, rules: Mapping[int, QualityRule], noun: str) -> tuple[Finding, ...]:
    """What masks say of rows at these times, in the rules' order; a row is called by `noun`."""
    any_broken = int(np.bitwise_or.reduce(masks)) if len(masks) else 0
    return tuple(
        _finding(rule, time, np.flatnonzero(masks & bit), noun) for bit, rule in rules.items() if any_broken & bit
    )


def long_gap(max_gap: int) -> QualityRule:
    """The rule that no gap is longer than `max_gap` milliseconds."""
    return QualityRule(
        "LongGap", Severity.ERROR, f"follows a gap longer than {duration(max_gap)}", "download what is missing, or allow a longer gap"
    )  # fmt: skip


def _finding(rule: QualityRule, time: Integers, rows: Integers, noun: str) -> Finding:
    count = len(rows)
    examples = tuple(int(row) for row in rows[:EXAMPLES])
    first = tuple(int(time[row]) for row in examples)
    times = ", ".join(map(utc, first)) + (", ..." if count > EXAMPLES else "")
    message = f"{_counted(count, noun)} where {rule.description}: {times}"
    return Finding(rule.name, rule.severity, count, message, examples, first, rule.remedy)


def _told_as_gaps(finding: Finding, before: Mapping[int, Gap], longer_than: int) -> Finding:
    """The finding in terms of gaps rather than of the bars after them."""
    missing = _counted(sum(gap.missing for gap in before.values()), "bar")
    longest = max(before.values(), key=lambda gap: gap.missing)
    limit = f" longer than {duration(longer_than)}" if longer_than else ""
    where = f"{_counted(longest.missing, 'bar')} after {utc(longest.after)}"
    message = f"{_counted(len(before), 'gap')}{limit}, {missing} missing in all; the longest is {where}"
    return Finding(finding.rule, finding.severity, finding.count, message, finding.bars, finding.first, finding.remedy)


def _gaps_before(bars: Bars, rows: Integers) -> dict[int, Gap]:
    """The gap that each of `rows` follows: since the latest time before it."""
    latest = np.maximum.accumulate(bars.time)
    found = {}
    for row in rows:
        after, before = int(latest[row - 1]), int(bars.time[row])
        found[int(row)] = Gap(after, before, (before - after + bars.step // 2) // bars.step - 1)
    return found


def _missing(times: Integers, step: int) -> Integers:
    """Bars missing before each of `times` but the first."""
    missing: Integers = (np.diff(times) + step // 2) // step - 1
    return np.maximum(missing, 0)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def _outliers(bars: Bars) -> Integers:
    """A bar's reach is how far its high or low lies from the previous close; the usual reach is the median over all bars."""
    if len(bars) < 2:
        return np.empty(0, np.int64)
    previous = bars.close[:-1]
    reach = np.maximum(np.abs(bars.high[1:] / previous - 1), np.abs(bars.low[1:] / previous - 1))
    known = reach[np.isfinite(reach)]
    usual = float(np.median(known)) if len(known) else 0.0
    return np.flatnonzero((reach > OUTLIER_SCALES * usual) & np.isfinite(reach)) + 1 if usual else np.empty(0, np.int64)
