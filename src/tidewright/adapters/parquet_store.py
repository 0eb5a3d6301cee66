"""The local store: one Parquet file per market, ``ROOT/binance/BTC-USDT/1h.parquet``, that other tools can read too."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tidewright.adapters import tables
from tidewright.adapters.atomic import atomic_write, locked
from tidewright.adapters.market_names import by_name, file_path, market_at, suggestion
from tidewright.adapters.parquet_funding import FUNDING, ParquetFunding
from tidewright.domain.bars import COLUMNS, Bars, Integers, Market
from tidewright.domain.instant import utc
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import gaps
from tidewright.domain.timeframe import TIMEFRAMES, milliseconds
from tidewright.ports import MarketNotFound, Merged, Source, StoreDamaged, StoredMarket, StoreRefused, Stretch

FORMAT = 1
"""What this module writes, and the newest that it reads."""

_KEY = "tidewright"
_SOURCES = 50
_ALWAYS = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)


class ParquetStore(ParquetFunding):
    """A `BarStore` in a folder. Readers never wait; writers of one market take turns, in whatever process they are."""

    def read(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        bars = _load(self._existing(market), market)
        return bars.between(_ALWAYS[0] if start is None else start, _ALWAYS[1] if end is None else end)

    def merge(self, bars: Bars, source: Source, *, replace: bool = False) -> Merged:
        _check(bars)
        path = self._path(bars.market)
        with locked(path.with_name(f".{path.stem}.lock"), self._lock_timeout):
            old = _load(path, bars.market) if path.exists() else bars.part(0, 0)
            before = _describe(path, bars.market) if path.exists() else None
            same, differing = _compared(old, bars)
            if len(differing) and not replace:
                raise StoreRefused(_conflict(old, bars, differing))
            added = len(bars) - same - len(differing)
            if before is not None and not added and not len(differing):
                return Merged(0, 0, same, before)
            merged = _union(old, bars)
            after = _description(merged, before, source)
            atomic_write(path, partial(_write, bars=merged, description=after))
        return Merged(added, len(differing), same, after)

    def record_absent(self, market: Market, absent: Sequence[Stretch]) -> StoredMarket:
        path = self._existing(market)
        with locked(path.with_name(f".{path.stem}.lock"), self._lock_timeout):
            bars, before = _load(path, market), _describe(path, market)
            for start, end in absent:
                if len(held := bars.between(start, end)):
                    raise StoreRefused(
                        f"{market} is not absent: the bar that opens at {utc(int(held.time[0]))} is stored"
                    )
            after = replace(before, absent=_united((*before.absent, *absent)))
            if after != before:
                atomic_write(path, partial(_write, bars=bars, description=after))
        return after

    def markets(self) -> list[StoredMarket]:
        found = {market_at(path): path for path in self._files()}
        described = []
        for market in sorted(found, key=by_name):
            try:
                described.append(_describe(found[market], market))
            except StoreDamaged as error:
                described.append(StoredMarket(market, damage=str(error)))
        return described

    def describe(self, market: Market) -> StoredMarket:
        return _describe(self._existing(market), market)

    def _path(self, market: Market) -> Path:
        path = self.root / file_path(market)
        return path.with_name(f"{path.name}.parquet")

    def _files(self) -> list[Path]:
        return [path for path in self.root.glob("*/*/*.parquet") if path.stem != FUNDING]

    def _existing(self, market: Market) -> Path:
        path = self._path(market)
        if path.exists():
            return path
        known = [market_at(other) for other in self._files()]
        hint = suggestion(market, known) if known else ", which is empty; `exchange: simulated` needs no import"
        command = f"tidewright data import FILE --exchange {market.exchange} --symbol {market.symbol} --timeframe {market.timeframe}"
        raise MarketNotFound(f"there are no bars of {market} in {self.root}{hint}; import them with `{command}`")


def _check(bars: Bars) -> None:
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


def _compared(old: Bars, new: Bars) -> tuple[int, Integers]:
    """How many of the new bars are stored bit for bit, and the indices of those that are stored with other values."""
    _, in_old, in_new = np.intersect1d(old.time, new.time, assume_unique=True, return_indices=True)
    differs = np.zeros(len(in_new), np.bool_)
    for name in COLUMNS:
        differs |= getattr(old, name)[in_old].view(np.int64) != getattr(new, name)[in_new].view(np.int64)
    differing = in_new[differs].astype(np.int64)
    return len(in_new) - len(differing), differing


def _conflict(old: Bars, new: Bars, differing: Integers) -> str:
    i = int(differing[0])
    j = int(np.searchsorted(old.time, new.time[i]))
    values = [(name, float(getattr(old, name)[j]), float(getattr(new, name)[i])) for name in COLUMNS]
    told = "; ".join(f"{name} {stored}, now {given}" for name, stored, given in values if stored != given)
    count = f"{len(differing):,} of the bars are" if len(differing) > 1 else "one of the bars is"
    where = f"the first opens at {utc(int(new.time[i]))} ({told})"
    return f"{new.market}: {count} stored with other values, {where}; --replace takes the new ones"


def _union(old: Bars, new: Bars) -> Bars:
    kept = np.flatnonzero(~np.isin(old.time, new.time, assume_unique=True))
    times = np.concatenate((old.time[kept], new.time))
    order = np.argsort(times, kind="stable")
    columns = {name: np.concatenate((getattr(old, name)[kept], getattr(new, name)))[order] for name in COLUMNS}
    return Bars(time=times[order], step=new.step, market=new.market, **columns)


def _description(bars: Bars, before: StoredMarket | None, source: Source) -> StoredMarket:
    earlier = before.sources if before else ()
    return StoredMarket(
        market=bars.market,
        first=int(bars.time[0]),
        last=int(bars.time[-1]),
        count=len(bars),
        gaps=len(gaps(bars)),
        digest=bars_digest(bars),
        simulated=source.simulated or (before is not None and before.simulated),
        sources=(*(other for other in earlier if other != source), source)[-_SOURCES:],
        absent=tuple(known for known in (before.absent if before else ()) if not len(bars.between(*known))),
    )


def _united(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """In order, those that touch as one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1].end:
            found[-1] = Stretch(found[-1].start, max(end, found[-1].end))
        else:
            found.append(Stretch(start, end))
    return tuple(found)


def _write(path: Path, bars: Bars, description: StoredMarket) -> None:
    columns = {"time": bars.time.astype("datetime64[ms]"), **{name: getattr(bars, name) for name in COLUMNS}}
    metadata = {"format": FORMAT, **asdict(description), "market": bars.market._asdict()}
    tables.write_parquet(path, columns, {_KEY: json.dumps(metadata)})


def _load(path: Path, market: Market) -> Bars:
    try:
        columns, metadata = tables.read_parquet(path, ("time", *COLUMNS))
        _recorded(path, market, metadata)
    except (tables.TableError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, market, error) from error
    time = columns.pop("time").astype("datetime64[ms]").astype(np.int64)
    return Bars(time=time, step=milliseconds(market.timeframe), market=market, **columns)


def _describe(path: Path, market: Market) -> StoredMarket:
    try:
        recorded = _recorded(path, market, tables.read_metadata(path))
        sources = tuple(Source(**source) for source in recorded.pop("sources"))
        absent = tuple(Stretch(*stretch) for stretch in recorded.pop("absent", ()))
        return StoredMarket(**{**recorded, "market": market, "sources": sources, "absent": absent})
    except (tables.TableError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, market, error) from error


def _recorded(path: Path, market: Market, metadata: Mapping[str, str]) -> dict[str, Any]:
    if _KEY not in metadata:
        raise tables.TableError(f"{path} was not written by Tidewright")
    recorded: dict[str, Any] = json.loads(metadata[_KEY])
    version = recorded.pop("format")
    if version > FORMAT:
        raise StoreDamaged(
            f"{path} was written by a newer Tidewright (format {version}); upgrade this one, or import the market again"
        )
    if (held := Market(**recorded["market"])) != market:
        raise tables.TableError(f"{path} holds the bars of {held}")
    return recorded


def _damaged(path: Path, market: Market, error: Exception) -> StoreDamaged:
    reason = (
        str(error) if isinstance(error, tables.TableError) else f"the metadata of {path} cannot be read ({error!r})"
    )
    return StoreDamaged(f"the stored bars of {market} are damaged: {reason}; remove {path} and import them again")
