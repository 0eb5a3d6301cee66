"""Funding in the local store: one Parquet file per symbol, beside its bars: ``ROOT/binance/BTC-USDT%3AUSDT/funding.parquet``."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tidewright.adapters import tables
from tidewright.adapters.atomic import atomic_write, locked
from tidewright.adapters.market_names import by_name, file_path, market_at, suggestion
from tidewright.domain.bars import Booleans, Integers, Market
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import due_times, unusable
from tidewright.domain.instant import utc
from tidewright.domain.provenance import funding_digest
from tidewright.ports import FundingNotFound, MergedFunding, Source, StoreDamaged, StoredFunding, StoreRefused

FORMAT = 1
"""What this module writes, and the newest that it reads."""

FUNDING = "funding"
"""Stands where the file of bars has their timeframe."""

_KEY = "tidewright"
_SOURCES = 50


class ParquetFunding:
    """A `FundingStore` in a folder. Readers never wait; writers of one symbol take turns, in whatever process they are."""

    def __init__(self, root: Path, lock_timeout: float = 30.0) -> None:
        self.root = root
        self._lock_timeout = lock_timeout

    def read_funding(self, exchange: str, symbol: str) -> Funding:
        return _load(self._stored(_series(exchange, symbol)), _series(exchange, symbol))

    def merge_funding(
        self, exchange: str, symbol: str, funding: Funding, source: Source, *, replace: bool = False
    ) -> MergedFunding:
        series = _series(exchange, symbol)
        _check(series, funding)
        path = self.root / f"{file_path(series)}.parquet"
        with locked(path.with_name(f".{FUNDING}.lock"), self._lock_timeout):
            old = _load(path, series) if path.exists() else Funding(np.empty(0, np.int64), np.empty(0))
            before = _describe(path, series) if path.exists() else None
            same, differing = _compared(old, funding)
            if differing.any() and not replace:
                raise StoreRefused(_conflict(series, old, funding, np.flatnonzero(differing)))
            replaced = int(differing.sum())
            unchanged = int(same.sum())
            if before is not None and unchanged == len(same):
                return MergedFunding(0, 0, unchanged, before)
            merged = _union(old, Funding(funding.time[~same], funding.rate[~same]))
            after = _description(series, merged, before, source)
            atomic_write(path, partial(_write, funding=merged, description=after))
        return MergedFunding(len(same) - unchanged - replaced, replaced, unchanged, after)

    def stored_funding(self) -> list[StoredFunding]:
        found = {market_at(path): path for path in self.root.glob(f"*/*/{FUNDING}.parquet")}
        described = []
        for series in sorted(found, key=by_name):
            try:
                described.append(_describe(found[series], series))
            except StoreDamaged as error:
                described.append(StoredFunding(series.exchange, series.symbol, damage=str(error)))
        return described

    def describe_funding(self, exchange: str, symbol: str) -> StoredFunding:
        return _describe(self._stored(_series(exchange, symbol)), _series(exchange, symbol))

    def _stored(self, series: Market) -> Path:
        path = self.root / f"{file_path(series)}.parquet"
        if path.exists():
            return path
        hint = suggestion(series, map(market_at, self.root.glob(f"*/*/{FUNDING}.parquet")))
        command = f"tidewright data import FILE --funding --exchange {series.exchange} --symbol {series.symbol}"
        raise FundingNotFound(f"there is no {series} in {self.root}{hint}; import it with `{command}`")


def _series(exchange: str, symbol: str) -> Market:
    """Named as bars are, so that it reads ``BTC/USDT:USDT funding on binance``."""
    return Market(exchange, symbol, FUNDING)


def _check(series: Market, funding: Funding) -> None:
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


def _compared(old: Funding, new: Funding) -> tuple[Booleans, Booleans]:
    """Which of the new rates are stored already, and which are stored with another value; both of shape (m,)."""
    _, in_old, in_new = np.intersect1d(due_times(old), due_times(new), assume_unique=True, return_indices=True)
    same, differing = np.zeros((2, len(new.time)), np.bool_)
    same[in_new] = old.rate[in_old] == new.rate[in_new]
    differing[in_new] = ~same[in_new]
    return same, differing


def _conflict(series: Market, old: Funding, new: Funding, differing: Integers) -> str:
    i = int(differing[0])
    j = int(np.searchsorted(due_times(old), due_times(new)[i]))
    count = f"{len(differing):,} of the rates are" if len(differing) > 1 else "one of the rates is"
    where = f"the first is due at {utc(int(due_times(new)[i]))} ({old.rate[j]}, now {new.rate[i]})"
    return f"{series}: {count} stored with other values, {where}; --replace takes the new ones"


def _union(old: Funding, new: Funding) -> Funding:
    kept = np.flatnonzero(~np.isin(due_times(old), due_times(new), assume_unique=True))
    time = np.concatenate((old.time[kept], new.time))
    order = np.argsort(time, kind="stable")
    return Funding(time[order], np.concatenate((old.rate[kept], new.rate))[order])


def _description(series: Market, funding: Funding, before: StoredFunding | None, source: Source) -> StoredFunding:
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


def _write(path: Path, funding: Funding, description: StoredFunding) -> None:
    columns = {"time": funding.time.astype("datetime64[ms]"), "rate": funding.rate}
    tables.write_parquet(path, columns, {_KEY: json.dumps({"format": FORMAT, **asdict(description)})})


def _load(path: Path, series: Market) -> Funding:
    try:
        columns, metadata = tables.read_parquet(path, ("time", "rate"))
        _recorded(path, series, metadata)
    except (tables.TableError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, series, error) from error
    return Funding(columns["time"].astype("datetime64[ms]").astype(np.int64), columns["rate"])


def _describe(path: Path, series: Market) -> StoredFunding:
    try:
        recorded = _recorded(path, series, tables.read_metadata(path))
        sources = tuple(Source(**source) for source in recorded.pop("sources"))
        return StoredFunding(**recorded, sources=sources)
    except (tables.TableError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, series, error) from error


def _recorded(path: Path, series: Market, metadata: Mapping[str, str]) -> dict[str, Any]:
    if _KEY not in metadata:
        raise tables.TableError(f"{path} was not written by Tidewright")
    recorded: dict[str, Any] = json.loads(metadata[_KEY])
    version = recorded.pop("format")
    if version > FORMAT:
        raise StoreDamaged(
            f"{path} was written by a newer Tidewright (format {version}); upgrade this one, or import the rates again"
        )
    if (held := _series(recorded["exchange"], recorded["symbol"])) != series:
        raise tables.TableError(f"{path} holds the {held}")
    return recorded


def _damaged(path: Path, series: Market, error: Exception) -> StoreDamaged:
    reason = (
        str(error) if isinstance(error, tables.TableError) else f"the metadata of {path} cannot be read ({error!r})"
    )
    return StoreDamaged(f"the stored {series} is damaged: {reason}; remove {path} and import it again")
