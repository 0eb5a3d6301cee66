"""The bars of a run: found, long enough, the right ones, and fit to trade on."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tidewright.domain.bars import Bars, Market
from tidewright.domain.instant import utc
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import Finding, Severity
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import BarStore, MarketNotFound, StoreDamaged, StoredMarket
from tidewright.runs.refusal import DataMissing, InputRefused
from tidewright.specs.backtest_run import Checks, Data
from tidewright.specs.problems import Problem
from tidewright.specs.quantities import epoch_milliseconds

_EARLIEST = int(np.iinfo(np.int64).min)


class Blame(Protocol):
    """Makes a problem of one field of the resource."""

    def __call__(self, *path: str, message: str, value: object = None) -> Problem: ...


def load_period(
    market: Market,
    data: Data,
    max_gap: int,
    warmup: int,
    history: int | None,
    store: BarStore,
    blame: Blame,
    *,
    alone: bool = True,
) -> tuple[Bars, int]:
    """The bars of the period with those before it that warm the strategy up, and the index of the period's first bar.

    Bars before the period are the last `warmup` of those that open within `2 * warmup` bar lengths before its start, and none where the
    resource names no start. A run that is made again says by `history` how many there were.

    Raises InputRefused when the market is unknown or damaged, when the period is not covered (but for a stretch of `max_gap` at
    either end), or when the bars are not those of `data.digest`. A symbol that is not `alone` on its account may have bars for a part of the period only, and its digest is
    not the account's.
    """
    step = milliseconds(market.timeframe)
    start = epoch_milliseconds(data.start) if data.start else None
    end = epoch_milliseconds(data.end) if data.end else None
    kept = warmup if history is None else history
    earliest = None if start is None else max(start - 2 * max(warmup, kept) * step, _EARLIEST)
    try:
        bars = store.read(market, earliest, end)
        stored = store.describe(market)
    except MarketNotFound as error:
        raise DataMissing([_unknown(market, store, str(error), blame)]) from None
    except StoreDamaged as error:
        raise InputRefused([blame("data", "exchange", message=str(error), value=market.exchange)]) from None
    first = 0 if start is None else int(np.searchsorted(bars.time, start))
    if missing := _uncovered(bars, first, data, stored, max_gap, blame, alone=alone):
        raise DataMissing(missing)
    unused = max(first - kept, 0)
    bars, first = bars.part(unused, len(bars)), first - unused
    if alone and data.digest is not None and bars_digest(bars) != data.digest:
        before = f", {first} of them before the period for the strategy's warm-up" if first else ""
        message = (
            f"the {len(bars)} bars of this run{before} have the digest {bars_digest(bars)}; "
            "import the data that was meant, or change digest"
        )
        raise InputRefused([blame("data", "digest", message=message, value=data.digest)])
    return bars, first


def refuse_uncovered(periods: Sequence[Bars], data: Data, max_gap: int, blame: Blame) -> None:
    """Refuse several symbols none of which has bars at the start, or none at the end, of the period."""
    opens = min(int(bars.time[0]) for bars in periods)
    closes = max(int(bars.time[-1]) + bars.step for bars in periods)
    problems = []
    if data.start is not None and opens - epoch_milliseconds(data.start) > max_gap:
        message = f"no symbol has a bar before {utc(opens)}; move start, or import more"
        problems.append(blame("data", "start", message=message, value=data.start))
    if data.end is not None and epoch_milliseconds(data.end) - closes > max_gap:
        message = f"no symbol has a bar after {utc(closes)}; move end, or import more"
        problems.append(blame("data", "end", message=message, value=data.end))
    if problems:
        raise DataMissing(problems)


def refuse_broken(
    bars: Bars, findings: tuple[Finding, ...], checks: Checks, blame: Blame, *, alone: bool = True
) -> None:
    """Refuse bars that no arithmetic can use, and, where `checks.data_quality` is Block, all with findings of severity Error.

    Raises InputRefused with one problem a finding, which names the symbol where it is not `alone` on its account.
    """
    blocked, whose = checks.data_quality == "Block", "" if alone else f"{bars.market.symbol}: "
    problems = [_problem(f, whose, checks, blame) for f in findings if blocked and f.severity is Severity.ERROR]
    if not problems and not _usable(bars):
        message = (
            f"{bars.market} has prices that are not positive numbers, or times out of order, which cannot be traded on "
            "whatever dataQuality says; `tidewright data verify` lists them: mend the data and import it again"
        )
        problems.append(blame("data", "exchange", message=message, value=bars.market.exchange))
    if problems:
        raise InputRefused(problems)


def _unknown(market: Market, store: BarStore, message: str, blame: Blame) -> Problem:
    """The problem of a market that the store does not have, laid to the exchange, the symbol or the timeframe."""
    beside = [stored.market for stored in store.markets() if stored.market.exchange == market.exchange]
    if any(other.symbol == market.symbol for other in beside):
        return blame("strategy", "timeframe", message=message, value=market.timeframe)
    if beside:
        return blame("strategy", "symbols", message=message, value=market.symbol)
    return blame("data", "exchange", message=message, value=market.exchange)


def _uncovered(
    bars: Bars, first: int, data: Data, stored: StoredMarket, max_gap: int, blame: Blame, *, alone: bool
) -> list[Problem]:
    """What is missing of the period, which begins at bar `first`: all of it, or, for a symbol that is `alone`, either end."""
    there = f"there are bars from {utc(stored.first)} to {utc(stored.last + bars.step)}"
    if len(bars) == first:
        field, other = (("data",), "choose another period") if alone else (("strategy", "symbols"), "remove the symbol")
        message = f"no bars of {bars.market} in the period; {there}: {other}, or import more"
        return [blame(*field, message=message)]
    if not alone:
        return []
    opens, closes = int(bars.time[first]), int(bars.time[-1]) + bars.step
    missing = []
    if data.start is not None and opens - epoch_milliseconds(data.start) > max_gap:
        message = f"the first bar of {bars.market} after it opens at {utc(opens)}; {there}: move start, or import more"
        missing.append(blame("data", "start", message=message, value=data.start))
    if data.end is not None and epoch_milliseconds(data.end) - closes > max_gap:
        message = f"the last bar of {bars.market} before it closes at {utc(closes)}; {there}: move end, or import more"
        missing.append(blame("data", "end", message=message, value=data.end))
    return missing


def _usable(bars: Bars) -> bool:
    prices_are_positive = all(
        bool(np.all((column > 0) & np.isfinite(column))) for column in (bars.open, bars.high, bars.low, bars.close)
    )
    return prices_are_positive and bool(np.all(np.diff(bars.time) > 0))


def _problem(finding: Finding, whose: str, checks: Checks, blame: Blame) -> Problem:
    if finding.rule == "LongGap":
        message = f"{whose}{finding.message}; raise maxGap, choose another period, or set dataQuality: Warn"
        return blame("checks", "maxGap", message=message, value=checks.max_gap)
    message = f"{whose}{finding.rule}: {finding.message}; mend the data, or set dataQuality: Warn"
    return blame("checks", "dataQuality", message=message)
