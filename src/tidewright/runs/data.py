"""The bars of a run: found, long enough, the right ones, and fit to trade on."""

from typing import Protocol

import numpy as np

from tidewright.domain.bars import Bars, Market
from tidewright.domain.instant import utc
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import Finding, Severity
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import BarStore, MarketNotFound
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import Data
from tidewright.specs.problems import Problem
from tidewright.specs.quantities import epoch_milliseconds


class Blame(Protocol):
    """Makes a problem of one field of the resource."""

    def __call__(self, *path: str, message: str, value: object = None) -> Problem: ...


def load_period(
    market: Market, data: Data, max_gap: int, warmup: int, store: BarStore, blame: Blame
) -> tuple[Bars, int]:
    """The bars of the period with up to `warmup` bars before it, and the index of the period's first bar.

    Bars before the period are those of the `2 * warmup` bar lengths before its start, the last `warmup` of them, and none where the
    resource names no start. Raises InputRefused when the market is unknown, when the period is not covered (but for a stretch of `max_gap` at
    either end), or when the bars are not those of `data.digest`.
    """
    step = milliseconds(market.timeframe)
    start = epoch_milliseconds(data.start) if data.start else None
    end = epoch_milliseconds(data.end) if data.end else None
    try:
        bars = store.read(market, None if start is None else start - 2 * warmup * step, end)
        stored = store.describe(market)
    except MarketNotFound as error:
        raise InputRefused([blame("data", "exchange", message=str(error), value=str(market))]) from None
    first = 0 if start is None else int(np.searchsorted(bars.time, start))
    there = f"there are bars from {utc(stored.first)} to {utc(stored.last + step)}"
    missing = []
    if len(bars) == first:
        missing.append(blame("data", message=f"no bars of {market} in the period; {there}"))
    else:
        if start is not None and bars.time[first] - start > max_gap:
            message = f"the first bar of {market} after it is at {utc(int(bars.time[first]))}; {there}: move start, or import more"
            missing.append(blame("data", "start", message=message, value=data.start))
        if end is not None and end - (bars.time[-1] + step) > max_gap:
            message = f"the last bar of {market} before it ends at {utc(int(bars.time[-1]) + step)}; {there}: move end, or import more"
            missing.append(blame("data", "end", message=message, value=data.end))
    if missing:
        raise InputRefused(missing)
    kept = max(first - warmup, 0)
    bars = bars.part(kept, len(bars))
    if data.digest is not None and bars_digest(bars) != data.digest:
        message = f"the bars in the store have the digest {bars_digest(bars)}; import the data that was meant, or remove digest"
        raise InputRefused([blame("data", "digest", message=message, value=data.digest)])
    return bars, first - kept


def refuse_broken(bars: Bars, findings: tuple[Finding, ...], mode: str, blame: Blame) -> None:
    """Refuse bars that no arithmetic can use, and, where `mode` is Block, all with findings of severity Error.

    Raises InputRefused with one problem a finding.
    """
    serious = [finding for finding in findings if finding.severity is Severity.ERROR] if mode == "Block" else []
    problems = [_problem(finding, blame) for finding in serious]
    if not problems and not _usable(bars):
        message = f"{bars.market} has prices that are not positive numbers, or times out of order; run `tidewright data verify`"
        problems.append(blame("checks", "dataQuality", message=message))
    if problems:
        raise InputRefused(problems)


def _usable(bars: Bars) -> bool:
    prices_are_positive = all(
        bool(np.all((column > 0) & np.isfinite(column))) for column in (bars.open, bars.high, bars.low, bars.close)
    )
    return prices_are_positive and bool(np.all(np.diff(bars.time) > 0))


def _problem(finding: Finding, blame: Blame) -> Problem:
    if finding.rule == "LongGap":
        message = f"{finding.message}; raise checks.maxGap, choose another period, or set dataQuality: Warn"
        return blame("checks", "maxGap", message=message)
    return blame(
        "checks", "dataQuality", message=f"{finding.rule}: {finding.message}; mend the data, or set dataQuality: Warn"
    )
