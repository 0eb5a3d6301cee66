"""Data quality: rules over bars and trades, as data, and what they find.

A rule names the rows that break it; nothing is ever repaired or filled here. Belongs here: the rules, their verdicts on rows, whether these come all at once or one by
one, what is told of them, and checks of one series against another. Does not belong here: what is done about a broken row.
"""

from tidewright.domain.quality.crossing import Difference, TapeBars, shorter_differences, tape_differences
from tidewright.domain.quality.findings import (
    EXAMPLES,
    OUTLIER_SCALES,
    Finding,
    Gap,
    assess,
    findings_of,
    gaps,
    long_gap,
)
from tidewright.domain.quality.rows import BarWatch, TradeWatch, bar_masks, trade_masks
from tidewright.domain.quality.rules import (
    BAR_ERRORS,
    BAR_RULES,
    REPEATED_BAR,
    REPEATED_TRADE,
    RULES,
    STALE_RUN,
    TRADE_ERRORS,
    TRADE_RULES,
    QualityRule,
    Severity,
    broken,
    price_limit,
)

__all__ = [
    "BAR_ERRORS",
    "BAR_RULES",
    "EXAMPLES",
    "OUTLIER_SCALES",
    "REPEATED_BAR",
    "REPEATED_TRADE",
    "RULES",
    "STALE_RUN",
    "TRADE_ERRORS",
    "TRADE_RULES",
    "BarWatch",
    "Difference",
    "Finding",
    "Gap",
    "QualityRule",
    "Severity",
    "TapeBars",
    "TradeWatch",
    "assess",
    "bar_masks",
    "broken",
    "findings_of",
    "gaps",
    "long_gap",
    "price_limit",
    "shorter_differences",
    "tape_differences",
    "trade_masks",
]
