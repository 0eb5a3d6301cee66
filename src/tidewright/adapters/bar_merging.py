"""What a store of bars makes of new ones: which it takes, which contradict what it has, and what it knows of its bars afterwards."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from tidewright.adapters.market_names import suggestion
from tidewright.domain.bars import COLUMNS, Bars, Integers, Market
from tidewright.domain.instant import utc
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import gaps
from tidewright.domain.timeframe import TIMEFRAMES, milliseconds
from tidewright.ports import MarketNotFound, Source, StoredMarket, StoreRefused, Stretch

_SOURCES = 50


def no_market(market: Market, place: str, known: Iterable[Market]) -> MarketNotFound:
    """There are no bars of a market in a store that knows others."""
    there = list(known)
    hint = suggestion(market, there) if there else ", which is empty; `exchange: simulated` needs no import"
    command = f"tidewright data import FILE --exchange {market.exchange} --symbol {market.symbol} --timeframe {market.timeframe}"
    return MarketNotFound(f"there are no bars of {market} in {place}{hint}; import them with `{command}`")


def check_series(bars: Bars) -> None:
    """That these are bars in ascending time, as long as their timeframe. Raises StoreRefused."""
    market = bars.market
    if market.timeframe not in TIMEFRAMES or bars.step != milliseconds(market.timeframe):
        raise StoreRefused(f"{market}: a timeframe is one of {', '.join(TIMEFRAMES)} and as long as its bars are")
    if not len(bars):
        raise StoreRefused(f"{market}: there are no bars to store")
    late = np.flatnonzero(np.diff(bars.time) <= 0)
    if len(late):
        raise StoreRefused(
            f"{market}: the bar after {utc(int(bars.time[late[0]]))} does not open later; sort the bars and drop duplicates"
        )


def compared(old: Bars, new: Bars) -> tuple[int, Integers]:
    """How many of the new bars are stored bit for bit, and the indices of those that are stored with other values."""
    _, in_old, in_new = np.intersect1d(old.time, new.time, assume_unique=True, return_indices=True)
    differs = np.zeros(len(in_new), np.bool_)
    for name in COLUMNS:
        differs |= getattr(old, name)[in_old].view(np.int64) != getattr(new, name)[in_new].view(np.int64)
    differing = in_new[differs].astype(np.int64)
    return len(in_new) - len(differing), differing


def conflict(old: Bars, new: Bars, differing: Integers) -> str:
    """What a store says of new bars whose values differ from stored ones."""
    i = int(differing[0])
    j = int(np.searchsorted(old.time, new.time[i]))
    values = [(name, float(getattr(old, name)[j]), float(getattr(new, name)[i])) for name in COLUMNS]
    told = "; ".join(f"{name} {stored}, now {given}" for name, stored, given in values if stored != given)
    count = f"{len(differing):,} of the bars are" if len(differing) > 1 else "one of the bars is"
    where = f"the first opens at {utc(int(new.time[i]))} ({told})"
    return f"{new.market}: {count} stored with other values, {where}; --replace takes the new ones"


def union(old: Bars, new: Bars) -> Bars:
    """Old and new bars in ascending time, the new ones where both have one."""
    kept = np.flatnonzero(~np.isin(old.time, new.time, assume_unique=True))
    times = np.concatenate((old.time[kept], new.time))
    order = np.argsort(times, kind="stable")
    columns = {name: np.concatenate((getattr(old, name)[kept], getattr(new, name)))[order] for name in COLUMNS}
    return Bars(time=times[order], step=new.step, market=new.market, **columns)


def known_of(bars: Bars, before: StoredMarket | None) -> StoredMarket:
    """What is known of stored bars, at least one; `before` is what was known of fewer."""
    before = before or StoredMarket(bars.market)
    return replace(
        before,
        first=int(bars.time[0]),
        last=int(bars.time[-1]),
        count=len(bars),
        gaps=len(gaps(bars)),
        digest=bars_digest(bars),
        absent=tuple(stretch for stretch in before.absent if not len(bars.between(*stretch))),
    )


def description(bars: Bars, before: StoredMarket | None, source: Source) -> StoredMarket:
    """What is known of stored bars after some of them came from a source."""
    known = known_of(bars, before)
    sources = (*(other for other in known.sources if other != source), source)[-_SOURCES:]
    return replace(known, sources=sources, simulated=known.simulated or source.simulated)


def check_absent(bars: Bars, absent: Sequence[Stretch]) -> None:
    """That there are no bars where there should be none. Raises StoreRefused."""
    for start, end in absent:
        if len(held := bars.between(start, end)):
            raise StoreRefused(f"{bars.market} is not absent: the bar that opens at {utc(int(held.time[0]))} is stored")


def united(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """In order, those that touch as one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1].end:
            found[-1] = Stretch(found[-1].start, max(end, found[-1].end))
        else:
            found.append(Stretch(start, end))
    return tuple(found)
