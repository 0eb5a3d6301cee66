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
from tidewright.adapters.funding_merging import (
    FUNDING,
    check_rates,
    compared,
    conflict,
    description,
    no_funding,
    series_of,
    union,
)
from tidewright.adapters.market_names import by_name, file_path, market_at
from tidewright.domain.bars import Market
from tidewright.domain.costs import Funding
from tidewright.ports import MergedFunding, Source, StoreDamaged, StoredFunding, StoreRefused

FORMAT = 1
"""What this module writes, and the newest that it reads."""

_KEY = "tidewright"


class ParquetFunding:
    """A `FundingStore` in a folder. Readers never wait; writers of one symbol take turns, in whatever process they are."""

    def __init__(self, root: Path, lock_timeout: float = 30.0) -> None:
        self.root = root
        self._lock_timeout = lock_timeout

    def read_funding(self, exchange: str, symbol: str) -> Funding:
        return _load(self._stored(series_of(exchange, symbol)), series_of(exchange, symbol))

    def merge_funding(
        self, exchange: str, symbol: str, funding: Funding, source: Source, *, replace: bool = False
    ) -> MergedFunding:
        series = series_of(exchange, symbol)
        check_rates(series, funding)
        path = self.root / f"{file_path(series)}.parquet"
        with locked(path.with_name(f".{FUNDING}.lock"), self._lock_timeout):
            old = _load(path, series) if path.exists() else Funding(np.empty(0, np.int64), np.empty(0))
            before = _describe(path, series) if path.exists() else None
            same, differing = compared(old, funding)
            if differing.any() and not replace:
                raise StoreRefused(conflict(series, old, funding, np.flatnonzero(differing)))
            replaced = int(differing.sum())
            unchanged = int(same.sum())
            if before is not None and unchanged == len(same):
                return MergedFunding(0, 0, unchanged, before)
            merged = union(old, Funding(funding.time[~same], funding.rate[~same]))
            after = description(series, merged, before, source)
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
        return _describe(self._stored(series_of(exchange, symbol)), series_of(exchange, symbol))

    def _stored(self, series: Market) -> Path:
        path = self.root / f"{file_path(series)}.parquet"
        if path.exists():
            return path
        raise no_funding(series, str(self.root), map(market_at, self.root.glob(f"*/*/{FUNDING}.parquet")))


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
    if (held := series_of(recorded["exchange"], recorded["symbol"])) != series:
        raise tables.TableError(f"{path} holds the {held}")
    return recorded


def _damaged(path: Path, series: Market, error: Exception) -> StoreDamaged:
    reason = (
        str(error) if isinstance(error, tables.TableError) else f"the metadata of {path} cannot be read ({error!r})"
    )
    return StoreDamaged(f"the stored {series} is damaged: {reason}; remove {path} and import it again")
