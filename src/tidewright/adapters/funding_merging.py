"""What a store of funding rates makes of new ones: which it takes, which contradict what it has, and what it knows of its rates afterwards."""

from collections.abc import Iterable

import numpy as np

from tidewright.adapters.market_names import suggestion
from tidewright.domain.bars import Booleans, Integers, Market
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import due_times, unusable
from tidewright.domain.instant import utc
from tidewright.domain.provenance import funding_digest
from tidewright.ports import FundingNotFound, Source, StoredFunding, StoreRefused

FUNDING = "funding"
"""Stands where bars have their timeframe."""

_SOURCES = 50


def series_of(exchange: str, symbol: str) -> Market:
    """Named as bars are, so that it reads ``BTC/USDT:USDT funding on binance``."""
    return Market(exchange, symbol, FUNDING)


def no_funding(series: Market, place: str, known: Iterable[Market]) -> FundingNotFound:
    """There are no rates of a symbol in a store that knows others."""
    command = f"tidewright data import FILE --funding --exchange {series.exchange} --symbol {series.symbol}"
    return FundingNotFound(f"there is no {series} in {place}{suggestion(series, known)}; import it with `{command}`")


def check_rates(series: Market, funding: Funding) -> None:
    """That these are rates in ascending time. Raises StoreRefused."""
    if not len(funding.time):
        raise StoreRefused(f"{series}: there are no rates to store")
    late = np.flatnonzero(np.diff(due_times(funding)) <= 0)
    if len(late):
        raise StoreRefused(
            f"{series}: the rate after {utc(int(funding.time[late[0]]))} is not due later; sort the rates and drop duplicates"
        )
    wrong = unusable(funding.rate)
    if len(wrong):
        at, rate = utc(int(funding.time[wrong[0]])), funding.rate[wrong[0]]
        raise StoreRefused(f"{series}: the rate {rate:g} at {at} is none; write a share, as in 0.0001 for 0.01 %")


def compared(old: Funding, new: Funding) -> tuple[Booleans, Booleans]:
    """Which of the new rates are stored already, and which are stored with another value; both of shape (m,)."""
    _, in_old, in_new = np.intersect1d(due_times(old), due_times(new), assume_unique=True, return_indices=True)
    same, differing = np.zeros((2, len(new.time)), np.bool_)
    same[in_new] = old.rate[in_old] == new.rate[in_new]
    differing[in_new] = ~same[in_new]
    return same, differing


def conflict(series: Market, old: Funding, new: Funding, differing: Integers) -> str:
    """What a store says of new rates that differ from stored ones."""
    i = int(differing[0])
    j = int(np.searchsorted(due_times(old), due_times(new)[i]))
    count = f"{len(differing):,} of the rates are" if len(differing) > 1 else "one of the rates is"
    where = f"the first is due at {utc(int(due_times(new)[i]))} ({old.rate[j]}, now {new.rate[i]})"
    return f"{series}: {count} stored with other values, {where}; --replace takes the new ones"


def union(old: Funding, new: Funding) -> Funding:
    """Old and new rates in ascending time, the new ones where both have one."""
    kept = np.flatnonzero(~np.isin(due_times(old), due_times(new), assume_unique=True))
    time = np.concatenate((old.time[kept], new.time))
    order = np.argsort(time, kind="stable")
    return Funding(time[order], np.concatenate((old.rate[kept], new.rate))[order])


def description(series: Market, funding: Funding, before: StoredFunding | None, source: Source) -> StoredFunding:
    """What is known of rates after some of them came from a source."""
    times, earlier = due_times(funding), before.sources if before else ()
    return StoredFunding(
        exchange=series.exchange,
        symbol=series.symbol,
        first=int(times[0]),
        last=int(times[-1]),
        count=len(times),
        digest=funding_digest(series.exchange, series.symbol, funding),
        sources=(*(other for other in earlier if other != source), source)[-_SOURCES:],
    )
